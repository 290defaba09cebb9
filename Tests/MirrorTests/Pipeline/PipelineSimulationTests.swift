import KafkaClient
import KafkaProtocol
import KafkaRecords
import MirrorModel
import NIOCore
import Testing

@testable import Mirror

@Suite("The pipeline in virtual time")
struct PipelineSimulationTests {
    static let partitions = (0..<4).map { TopicPartition(topic: "topic", partition: Int32($0)) }

    /// Writes some at the start and more while it runs; returns what must arrive.
    private func feed(_ simulation: PipelineSimulation, batches: Int) throws -> [TopicPartition: [String]] {
        var expected: [TopicPartition: [String]] = [:]
        for partition in Self.partitions {
            for batch in 0..<batches {
                let count = Int.random(in: 1...20, using: &simulation.random)
                let values = (0..<count).map { "\(partition)/\(batch)/\($0)" }
                expected[partition, default: []] += values
                if batch % 2 == 0 {
                    try simulation.source.write(values, to: partition)
                } else {
                    simulation.at(.milliseconds(Int64(batch) * 20)) { try? $0.source.write(values, to: partition) }
                }
            }
        }
        return expected
    }

    private func isThrough(_ simulation: PipelineSimulation, _ expected: [TopicPartition: [String]]) -> Bool {
        Self.partitions.allSatisfy { partition in
            let source = simulation.source.logs[partition]?.values.count ?? 0
            guard source == expected[partition]?.count else { return false }
            let flow = simulation.flows[Int(partition.partition)]
            return flow.position?.sourceOffset == Int64(source) - 1
        }
    }

    private func check(_ simulation: PipelineSimulation, seed: UInt64) {
        for partition in Self.partitions {
            let source = simulation.source.logs[partition]?.values ?? []
            let target = simulation.target.logs[partition]?.values ?? []
            #expect(source == target, "seed \(seed), \(partition)")
            let flow = simulation.flows[Int(partition.partition)]
            // The offset map knows every record's place, unless the target once did not say where it put a batch.
            for offset in stride(from: 0, to: Int64(source.count), by: 7) {
                if case .exact(let place) = flow.offsets.translate(source: offset), place < target.count {
                    #expect(target[Int(place)] == source[Int(offset)], "seed \(seed), \(partition)")
                }
            }
        }
        // Everything was given back: what is charged are the requests that are out.
        #expect(simulation.fetcher.budget.used == simulation.fetcher.requestedBytes, "seed \(seed)")
    }

    @Test("without faults everything arrives once, in order, in few requests")
    func calm() throws {
        let simulation = PipelineSimulation(partitions: Self.partitions, seed: 1)
        let expected = try self.feed(simulation, batches: 40)
        #expect(simulation.run(for: .minutes(1)) { self.isThrough($0, expected) })
        self.check(simulation, seed: 1)
        let batches = simulation.flows.reduce(0) { $0 + $1.counters.batches }
        #expect(batches < 160, "small batches that wait together travel together")
        #expect(simulation.flows.reduce(0) { $0 + $1.counters.coalescedBatches } > 0)
    }

    @Test("faults of all kinds lose, repeat and reorder nothing", arguments: UInt64(1)...30)
    func storm(seed: UInt64) throws {
        var faults = PipelineSimulation.Faults()
        faults.disconnect = 6
        faults.move = 6
        faults.session = 5
        faults.uncertain = 12
        var flow = PartitionFlow.Settings()
        var produce = ProduceSettings()
        if seed % 3 != 0 {
            // Without joining many batches are out at once.
            flow.coalesceBelow = 0
            flow.rateGoal = 0
            produce.linger = .zero
        }
        let simulation = PipelineSimulation(
            partitions: Self.partitions,
            seed: seed,
            faults: faults,
            produce: produce,
            flow: flow
        )
        let expected = try self.feed(simulation, batches: 30)
        #expect(
            simulation.run(for: .minutes(30)) { self.isThrough($0, expected) },
            "seed \(seed) does not come to an end"
        )
        self.check(simulation, seed: seed)
    }

    private func farAway(_ seed: UInt64, _ faults: PipelineSimulation.Faults) throws -> PipelineSimulation {
        var flow = PartitionFlow.Settings()
        flow.coalesceBelow = 0
        flow.rateGoal = 0
        var produce = ProduceSettings()
        produce.linger = .zero
        produce.farAway = .zero
        var fetch = FetchSettings()
        fetch.farAway = .zero
        fetch.aheadBytes = 1
        fetch.maximumBytes = 800
        let simulation = PipelineSimulation(
            partitions: Self.partitions,
            seed: seed,
            faults: faults,
            fetch: fetch,
            produce: produce,
            flow: flow
        )
        let expected = try self.feed(simulation, batches: 120)
        #expect(
            simulation.run(for: .minutes(60)) { self.isThrough($0, expected) },
            "seed \(seed) does not come to an end"
        )
        self.check(simulation, seed: seed)
        return simulation
    }

    @Test("far away, more is under way in both directions")
    func farAwayCalm() throws {
        let simulation = try self.farAway(7, PipelineSimulation.Faults())
        #expect(simulation.aheadRequests > 20)
        #expect(simulation.mostUnacknowledged > 5)
    }

    @Test(
        "reading ahead and more than five batches under way lose, repeat and reorder nothing",
        arguments: UInt64(1)...40
    )
    func farAwayStorm(seed: UInt64) throws {
        var faults = PipelineSimulation.Faults()
        faults.disconnect = seed % 2 == 0 ? 4 : 1
        faults.move = seed % 4 == 0 ? 4 : 1
        faults.session = 3
        faults.uncertain = seed % 3 == 0 ? 0 : 6
        let simulation = try self.farAway(seed, faults)
        #expect(simulation.events.allSatisfy { if case .foreignRecords = $0.kind { false } else { true } })
    }

    @Test("a small budget is never exceeded by more than one batch per broker and still everything arrives")
    func tinyBudget() throws {
        var fetch = FetchSettings()
        fetch.byteBudget = 2_000
        fetch.maximumBytes = 1_000
        fetch.maximumPartitionBytes = 500
        let simulation = PipelineSimulation(partitions: Self.partitions, seed: 3, fetch: fetch)
        let expected = try self.feed(simulation, batches: 40)
        #expect(simulation.run(for: .minutes(10)) { self.isThrough($0, expected) })
        self.check(simulation, seed: 3)
        #expect(simulation.fetcher.budget.peak <= 2_000 + 2 * 1_500)
        #expect(simulation.fetcher.budget.used <= 2_000)
    }
}
