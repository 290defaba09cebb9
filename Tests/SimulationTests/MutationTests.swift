import Foundation
import Simulation
import Testing

/// A checker that has never found anything proves nothing: each of these bugs has to be found.
@Suite struct MutationTests {
    /// Where to begin with those that hundreds of histories survive; `simulate --mutations` begins at 1.
    private static let begin: [Mutation: UInt64] = [
        .failureIsWritten: 960, .lostCommitIsSuccess: 1_000, .producerNotFound: 400, .startForgotten: 230,
        .progressOfAnotherPartition: 160, .ownerIgnored: 150,
    ]

    @Test(arguments: Mutation.allCases) func isFound(_ mutation: Mutation) throws {
        let threads = ProcessInfo.processInfo.activeProcessorCount
        let first = Self.begin[mutation] ?? 1
        let seeds = first..<first + 2_000
        let finding = try #require(mutation.find(in: seeds, threads: threads), "no history of 2,000 is broken by it")
        print("\(mutation.rawValue): seed \(finding.seed), \(finding.violations.first.map { "\($0)" } ?? "")")
        #expect(Simulator.run(seed: finding.seed).violations.isEmpty, "the history is broken without it too")
    }
}
