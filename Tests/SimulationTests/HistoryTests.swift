import Foundation
import Simulation
import Synchronization
import Testing

@Suite struct HistoryTests {
    /// `make simulate` runs more of them.
    @Test func promisesAreKept() {
        let failures = Mutex<[String]>([])
        let (statistics, _) = Simulator.run(seeds: 1..<301, threads: ProcessInfo.processInfo.activeProcessorCount) {
            false
        } failed: { outcome in
            failures.withLock { $0.append("make simulate SEED=\(outcome.seed): \(outcome.violations)") }
            return true
        }
        #expect(failures.withLock { $0 } == [])
        #expect(statistics.histories == 300)
        #expect(statistics.recordsChecked > 20_000)
        for fault in Fault.allCases { #expect(statistics.faults[fault, default: 0] > 0, "\(fault) never happens") }
    }

    @Test func aSeedIsOneHistory() {
        var hashes: Set<UInt64> = []
        for seed in UInt64(1)...20 {
            let first = Simulator.run(seed: seed)
            let second = Simulator.run(seed: seed, isKept: true)
            #expect(first.hash == second.hash && first.events == second.events, "seed \(seed)")
            #expect(second.log.count == second.events && first.log.isEmpty)
            hashes.insert(first.hash)
        }
        #expect(hashes.count == 20)
    }

    @Test func threadsMakeNoDifference() {
        let one = Simulator.run(seeds: 1..<41, threads: 1) {
            false
        } failed: { _ in
            true
        }
        let three = Simulator.run(seeds: 1..<41, threads: 3) {
            false
        } failed: { _ in
            true
        }
        #expect(one.hash == three.hash && one.statistics.steps == three.statistics.steps)
    }
}
