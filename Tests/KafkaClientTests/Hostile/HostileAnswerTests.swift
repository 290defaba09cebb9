import KafkaClient
import KafkaProtocol
import KafkaRecords
import NIOCore
import TestSupport
import Testing

/// Answers that decode and mean nothing, straight into the machines of the data path: no number may overflow, no
/// batch may be lost or counted twice, and when the nonsense ends everything goes on.
@Suite("Nonsense for the fetcher and the producer")
struct HostileAnswerTests {
    private typealias Fetching = FetcherMachineTests.Script
    private typealias Producing = ProducerMachineTests.Script

    @Test(
        "positions stay what a log can have, and reading goes on afterwards",
        arguments: 1...60 as ClosedRange<UInt64>
    )
    func fetcher(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let script = Fetching()
        let slots = (0..<Int32(3)).map { script.add($0) }
        var released = 0
        func settle(epoch: Int32) {
            script.answerQuestions(leader: 1, epoch: epoch)
            for resolve in script.resolves {
                script.machine.resolved(resolve.slot, generation: resolve.generation, offset: 0, now: script.now)
            }
            for bound in script.bounds {
                script.machine.foundBounds(
                    bound.slot,
                    generation: bound.generation,
                    logStart: 0,
                    logEnd: 1 << 40,
                    now: script.now
                )
            }
            script.resolves = []
            script.bounds = []
            for records in script.delivered[released...] { script.machine.release(records.lease, now: script.now) }
            released = script.delivered.count
            for node in Set(script.connects) { script.connect(node) }
            script.connects = []
            script.drain()
        }
        for _ in 0..<60 {
            settle(epoch: Int32.random(in: 0...9, using: &random))
            var response = try RandomWalker.message(FetchResponse.self, version: 17, seed: random.next())
            if Bool.random(using: &random) { response.errorCode = .none }
            for index in response.responses.indices {
                response.responses[index].topicID = FetcherMachineTests.id
                for (position, _) in response.responses[index].partitions.enumerated() {
                    try damage(&response.responses[index].partitions[position], Int32(position), &random)
                }
            }
            let node = script.sent.last?.node ?? 1
            script.now = script.now + .milliseconds(Int64.random(in: 0...100, using: &random))
            script.machine.answered(node, response, now: script.now)
            script.drain()
            script.wait(.milliseconds(300))
        }
        for slot in slots {
            let offset = try #require(script.machine.cursor(slot)).nextOffset
            #expect((0...(1 << 61)).contains(offset), "seed \(seed)")
            script.machine.seek(slot, to: .offset(0), topicID: FetcherMachineTests.id, now: script.now)
        }
        // An honest broker again; it may have asked for a minute of peace.
        for _ in 0..<60 {
            settle(epoch: 2_000)
            script.wait(.seconds(2))
        }
        let node = try #require(script.machine.cursor(slots[0])).source(now: script.now)
        // What is out may have been asked before the partition came back.
        script.answer(node)
        let before = script.delivered.count
        var good = FetchResponse.PartitionData()
        good.highWatermark = 10
        good.records = RecordData(try batch(0))
        script.answer(node, [good])
        #expect(script.delivered.count == before + 1 && script.delivered.last?.nextOffset == 10, "seed \(seed)")
        #expect(script.machine.budget.used >= 0)
    }

    /// Something that looks like an answer for a partition.
    private func damage(
        _ partition: inout FetchResponse.PartitionData,
        _ index: Int32,
        _ random: inout SeededGenerator
    ) throws {
        partition.partitionIndex = index
        // Leader epochs only ever grow, so the honest broker at the end needs room above.
        partition.currentLeader.leaderEpoch = min(partition.currentLeader.leaderEpoch, 1_000)
        let extremes: [Int64] = [.min, -1, 0, 1, 1 << 61, .max - 1, .max]
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            partition.errorCode = .none
            partition.divergingEpoch.endOffset = -1
            var bytes = try batch(0)
            bytes.setInteger(extremes.randomElement(using: &random) ?? 0, at: 0)
            partition.records = RecordData(bytes)
        case 1:
            partition.errorCode = .none
            partition.divergingEpoch.endOffset = -1
            var bytes = try batch(0)
            // The delta of the last offset, or the length.
            bytes.setInteger(Int32.random(in: .min ... .max, using: &random), at: Bool.random(using: &random) ? 23 : 8)
            partition.records = RecordData(bytes)
        case 2:
            partition.errorCode = .none
            partition.divergingEpoch.endOffset = extremes.randomElement(using: &random) ?? 0
        case 3: partition.errorCode = .offsetOutOfRange
        default: break
        }
    }

    private func batch(_ base: Int64) throws -> ByteBuffer {
        var builder = RecordBatchBuilder(baseOffset: base)
        for _ in 0..<10 { builder.append(timestamp: 1, key: nil, value: ByteBuffer(string: "value")) }
        return try builder.build()
    }

    @Test(
        "every batch is counted once at most, and writing goes on afterwards",
        arguments: 1...60 as ClosedRange<UInt64>
    )
    func producer(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let script = Producing()
        let slots = (0..<Int32(3)).map { script.add($0) }
        var answered = 0
        var next: UInt64 = 1
        var refused = 0
        func settle() {
            script.answerQuestions()
            for node in Set(script.connects) { script.connect(node) }
            script.connects = []
            let refusals = script.events.compactMap { event -> Int? in
                if case .refused(let slot, _) = event { slot } else { nil }
            }
            for slot in refusals[refused...] { script.machine.resume(slot, now: script.now) }
            refused = refusals.count
            script.drain()
        }
        for _ in 0..<80 {
            settle()
            let slot = slots.randomElement(using: &random) ?? 0
            if next < 200 {
                script.offer(slot, next...next, bytes: 100)
                next += 1
            }
            guard answered < script.sent.count else {
                script.wait(.milliseconds(200))
                continue
            }
            let sent = script.sent[answered]
            answered += 1
            if Int.random(in: 0..<12, using: &random) == 0 {
                script.machine.disconnected(sent.node, reason: "reset", now: script.now)
                answered = script.sent.count
                continue
            }
            var response = try RandomWalker.message(ProduceResponse.self, version: 11, seed: random.next())
            for index in response.responses.indices {
                response.responses[index].name = "t"
                for (position, _) in response.responses[index].partitionResponses.enumerated() {
                    response.responses[index].partitionResponses[position].index = Int32(position)
                }
            }
            script.machine.answered(sent.id, response, now: script.now)
            script.drain()
        }
        // An honest broker again: what waits goes through.
        for _ in 0..<100 {
            settle()
            while answered < script.sent.count {
                script.answer(answered, offset: 7)
                answered += 1
            }
            script.wait(.seconds(1))
        }
        #expect(Set(script.acknowledged).count == script.acknowledged.count, "seed \(seed)")
        script.offer(slots[0], 1_000...1_000, bytes: 100)
        settle()
        while answered < script.sent.count {
            script.answer(answered, offset: 7)
            answered += 1
        }
        #expect(script.acknowledged.last == 1_000, "seed \(seed)")
        #expect(script.machine.requestsInFlight == 0)
    }
}
