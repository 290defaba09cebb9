import ArgumentParser
import Simulation
import Synchronization

/// Runs the mirror on virtual time against model clusters, one history per seed.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the mirror on virtual time against model clusters; one seed is one history."
    )

    @Option(help: "How many histories to run.")
    var seeds: UInt64 = 2_000

    @Option(help: "The first seed.")
    var first: UInt64 = 1

    @Option(help: "Replay this seed and print its event log.")
    var seed: UInt64?

    @Option(help: "Stop after so many seconds.")
    var seconds: Int?

    @Option(help: "How many threads; all processors by default.")
    var threads: Int?

    @Option(help: "Go on after this many failures.")
    var failures = 10

    @Option(help: "Plant a bug.")
    var mutation: String?

    @Flag(help: "Plant every bug in turn and tell what finds it.")
    var mutations = false

    mutating func run() throws {
        let planted = try mutation.map { name throws(ValidationError) -> Mutation in
            guard let mutation = Mutation(rawValue: name) else {
                throw ValidationError("mutations: \(Mutation.allCases.map(\.rawValue).joined(separator: " "))")
            }
            return mutation
        }
        if mutations {
            try tryMutations()
            return
        }
        if let seed {
            let outcome = Simulator.run(seed: seed, mutation: planted, isKept: true)
            for line in outcome.log { print(line) }
            for violation in outcome.violations { print("VIOLATED \(violation)") }
            print("seed \(seed): \(outcome.events) events, hash \(String(outcome.hash, radix: 16))")
            if !outcome.violations.isEmpty { throw ExitCode.failure }
            return
        }
        let begin = ContinuousClock.now
        let end = seconds.map { begin + .seconds($0) }
        let patience = failures
        let count = Mutex(0)
        let shown = 200
        let (statistics, hash) = Simulator.run(
            seeds: first..<first + seeds,
            threads: threads ?? Processors.count,
            mutation: planted
        ) {
            end.map { $0 <= .now } ?? false
        } failed: { outcome in
            count.withLock { count in
                count += 1
                let again = Simulator.run(seed: outcome.seed, mutation: planted, isKept: true)
                print("FAILED seed \(outcome.seed); again: make simulate SEED=\(outcome.seed)")
                for violation in outcome.violations { print("  \(violation)") }
                if count == 1 {
                    print("  the last \(shown) of its \(again.log.count) events:")
                    for line in again.log.suffix(shown) { print("    \(line)") }
                }
                return count < patience
            }
        }
        Report.write(statistics, hash: hash, took: ContinuousClock.now - begin)
        if count.withLock({ $0 }) > 0 { throw ExitCode.failure }
    }

    private func tryMutations() throws {
        var missed = 0
        for mutation in Mutation.allCases {
            guard let finding = mutation.find(in: first..<first + 2000, threads: threads ?? Processors.count) else {
                missed += 1
                print("\(mutation.rawValue): MISSED")
                continue
            }
            let kinds = Set(finding.violations.map(\.kind.rawValue)).sorted().joined(separator: ", ")
            print("\(mutation.rawValue): \(kinds) (seed \(finding.seed))")
        }
        if missed > 0 { throw ExitCode.failure }
    }
}
