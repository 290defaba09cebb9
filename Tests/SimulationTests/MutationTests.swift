import Foundation
import Simulation
import Testing

/// A checker that has never found anything proves nothing: each of these bugs has to be found.
@Suite struct MutationTests {
    @Test(arguments: Mutation.allCases) func isFound(_ mutation: Mutation) throws {
        let threads = ProcessInfo.processInfo.activeProcessorCount
        let finding = try #require(mutation.find(in: 1..<2001, threads: threads), "no history of 2,000 is broken by it")
        print("\(mutation.rawValue): seed \(finding.seed), \(finding.violations.first.map { "\($0)" } ?? "")")
        #expect(Simulator.run(seed: finding.seed).violations.isEmpty, "the history is broken without it too")
    }
}
