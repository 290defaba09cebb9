import Dispatch
import KafkaCompression
import Synchronization

/// Runs histories, one per seed.
package enum Simulator {
    /// What one history came to.
    package struct Outcome: Sendable {
        package var seed: UInt64
        package var hash: UInt64
        package var events: Int
        package var violations: [Violation]
        package var log: [String]
        package var statistics: Statistics
    }

    /// Runs one history.
    package static func run(seed: UInt64, mutation: Mutation? = nil, isKept: Bool = false) -> Outcome {
        run(seed: seed, mutation: mutation, isKept: isKept, codecs: StandardCodecs())
    }

    private static func run(seed: UInt64, mutation: Mutation?, isKept: Bool, codecs: StandardCodecs) -> Outcome {
        let history = History(seed: seed, mutation: mutation, isKept: isKept, codecs: codecs)
        history.run()
        history.statistics.histories = 1
        // Callbacks hold the processes, and these hold callbacks.
        for process in history.processes {
            process.forget()
            process.cells.removeAll()
        }
        history.forget()
        return Outcome(
            seed: seed,
            hash: history.log.hash,
            events: history.log.count,
            violations: history.violations,
            log: history.log.lines,
            statistics: history.statistics
        )
    }

    /// Runs many histories on several threads.
    ///
    /// - Parameter failed: Called for each history that broke a promise, on any thread; false ends the run.
    package static func run(
        seeds: Range<UInt64>,
        threads: Int,
        mutation: Mutation? = nil,
        until isOver: @escaping @Sendable () -> Bool,
        failed: @escaping @Sendable (Outcome) -> Bool
    ) -> (statistics: Statistics, hash: UInt64) {
        let next = Atomic<UInt64>(seeds.lowerBound)
        let isEnded = Atomic<Bool>(false)
        let total = Mutex((statistics: Statistics(), hash: UInt64(0)))
        DispatchQueue.concurrentPerform(iterations: max(1, threads)) { _ in
            let codecs = StandardCodecs()
            var statistics = Statistics()
            var hash: UInt64 = 0
            while !isEnded.load(ordering: .relaxed), !isOver() {
                let seed = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard seed < seeds.upperBound else { break }
                let outcome = run(seed: seed, mutation: mutation, isKept: false, codecs: codecs)
                statistics += outcome.statistics
                // The order of the threads does not matter to a sum.
                hash &+= outcome.hash
                if !outcome.violations.isEmpty, !failed(outcome) { isEnded.store(true, ordering: .relaxed) }
            }
            total.withLock {
                $0.statistics += statistics
                $0.hash &+= hash
            }
        }
        return total.withLock { $0 }
    }
}
