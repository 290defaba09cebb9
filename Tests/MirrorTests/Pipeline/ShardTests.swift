import KafkaClient
import KafkaProtocol
import KafkaRecords
import LocalKafka
import MirrorModel
import NIOCore
import Testing

@testable import Mirror

@Suite("A shard between two clusters", .serialized)
struct ShardTests {
    /// Nothing is joined, however many batches wait and however far away the target seems.
    private static func apart(_ configuration: inout ShardConfiguration) {
        configuration.flow.coalesceBelow = 0
        configuration.flow.coalesceUpTo = 0
        configuration.flow.farAway = .hours(1)
    }

    @Test("batches of every codec take the fast path and arrive byte for byte")
    func fastPath() async throws {
        try await ShardHarness.run(configure: Self.apart) { harness in
            try await harness.source.createTopic("t")
            try await harness.target.createTopic("t")
            var next = 0
            for codec in CompressionCodec.allCases {
                for _ in 0..<3 {
                    let batch = try ShardHarness.batch(next..<next + 40, codec: codec, padding: 1_000)
                    try await harness.source.append([batch], to: "t", 0)
                    next += 40
                }
            }
            try await harness.mirror("t")
            try await harness.waitUntilMirrored("t")
            try await harness.expectEqual("t")
            let counters = await harness.shard.totals()
            for codec in CompressionCodec.allCases { #expect(counters.fastPathBatches[codec] == 3) }
            #expect(counters.slowPathBatches.isEmpty)
            #expect(counters.records == Int64(next))
            let before = try await harness.source.batches("t", 0)
            let after = try await harness.target.batches("t", 0)
            let isSame = before.map(\.recordsSection) == after.map(\.recordsSection)
            #expect(isSame, "\(before.count) and \(after.count) batches")
            let position = await harness.shard.positions()[TopicPartition(topic: "t", partition: 0)]
            #expect(position?.targetOffset == Int64(next) - 1)
            let offsets = await harness.shard.offsets(of: TopicPartition(topic: "t", partition: 0))
            #expect(offsets?.map.runs == [OffsetMap.Run(source: 0, target: 0, count: Int64(next))])
        }
    }

    @Test("small batches are joined, many partitions share requests, late records follow")
    func manySmall() async throws {
        try await ShardHarness.run(sourceBrokers: 2, targetBrokers: 3) { harness in
            try await harness.source.createTopic("t", partitions: 12)
            try await harness.target.createTopic("t", partitions: 12)
            for index in Int32(0)..<12 {
                try await harness.source.append((0..<60).map { try ShardHarness.batch($0..<$0 + 1) }, to: "t", index)
            }
            try await harness.mirror("t", partitions: 12)
            try await harness.waitUntilMirrored("t", partitions: 12)
            for index in Int32(0)..<12 {
                try await harness.source.append([try ShardHarness.batch(60..<65)], to: "t", index)
            }
            try await harness.waitUntilMirrored("t", partitions: 12)
            try await harness.expectEqual("t", partitions: 12)
            let counters = await harness.shard.totals()
            #expect(counters.coalescedBatches >= 12 * 50)
            #expect(try await harness.target.requestCount(.produce) < 12 * 10)
        }
    }

    @Test("holes and append times")
    func slowPath() async throws {
        let readCommitted = { (configuration: inout ShardConfiguration) in
            configuration.fetch.isolation = .readCommitted
            configuration.flow.isReadCommitted = true
        }
        try await ShardHarness.run(configure: readCommitted) { harness in
            try await harness.source.createTopic("compacted")
            try await harness.target.createTopic("compacted")
            var builder = RecordBatchBuilder()
            for number in 0..<10 {
                builder.append(
                    timestamp: 5,
                    key: ByteBuffer(string: "k\(number % 3)"),
                    value: ByteBuffer(string: "\(number)")
                )
            }
            try await harness.source.append(
                [try builder.build(), try ShardHarness.batch(100..<110)],
                to: "compacted",
                0
            )
            try await harness.source.compact("compacted", 0)

            try await harness.source.createTopic("stamped", configs: ["message.timestamp.type": "LogAppendTime"])
            try await harness.target.createTopic("stamped")
            var stamped = RecordBatchBuilder()
            stamped.logAppendTime = 1_700_000_000_777
            for number in 0..<5 {
                stamped.append(timestamp: Int64(number), key: nil, value: ByteBuffer(integer: number))
            }
            try await harness.source.append([try stamped.build()], to: "stamped", 0)

            try await harness.mirror("compacted")
            try await harness.mirror("stamped")
            try await harness.waitUntilMirrored("compacted")
            try await harness.waitUntilMirrored("stamped")
            try await harness.expectEqual("compacted")
            let times = try await harness.contents(harness.target, "stamped").map(\.timestamp)
            #expect(times == Array(repeating: 1_700_000_000_777, count: 5))
            let counters = await harness.shard.totals()
            #expect((counters.slowPathBatches[.gaps] ?? 0) >= 1)
            #expect(counters.slowPathBatches[.appendTime] == 1)
            let offsets = await harness.shard.offsets(of: TopicPartition(topic: "compacted", partition: 0))
            #expect((offsets?.map.runCount ?? 0) >= 2)
        }
    }

    @Test("leader moves, lost connections and errors at both ends change nothing")
    func faults() async throws {
        try await ShardHarness.run(sourceBrokers: 3, targetBrokers: 3) { harness in
            try await harness.source.createTopic("t", partitions: 6)
            try await harness.target.createTopic("t", partitions: 6)
            try await harness.mirror("t", partitions: 6)
            for round in 0..<12 {
                for index in Int32(0)..<6 {
                    let start = round * 20
                    let batches = [
                        try ShardHarness.batch(start..<start + 10), try ShardHarness.batch(start + 10..<start + 20),
                    ]
                    try await harness.source.append(batches, to: "t", index)
                }
                let node = Int32(round % 3 + 1)
                switch round % 6 {
                case 0: try await harness.source.moveLeader("t", Int32(round % 6), to: node)
                case 1: try await harness.target.moveLeader("t", 3, to: node)
                case 2: try await harness.target.closeConnections()
                case 3: try await harness.target.faults.inject(.produce, .error(.notEnoughReplicasAfterAppend))
                case 4: try await harness.target.faults.inject(.produce, .closeAfter)
                default:
                    try await harness.source.faults.inject(.fetch, .close)
                    try await harness.target.faults.inject(.produce, count: 2, .error(.requestTimedOut))
                }
                try await Task.sleep(for: .milliseconds(30))
            }
            try await harness.waitUntilMirrored("t", partitions: 6)
            try await harness.expectEqual("t", partitions: 6)
        }
    }

    @Test("one partition's trouble is its own, and ends with its cause")
    func quarantine() async throws {
        try await ShardHarness.run { harness in
            try await harness.source.createTopic("good")
            try await harness.target.createTopic("good")
            try await harness.source.createTopic("bad")
            try await harness.source.createTopic("large")
            try await harness.target.createTopic("large", configs: ["max.message.bytes": "2000"])
            try await harness.source.append([try ShardHarness.batch(0..<10)], to: "good", 0)
            try await harness.source.append([try ShardHarness.batch(0..<10)], to: "bad", 0)
            // Ten records that fit one by one, and one that does not.
            try await harness.source.append(
                [try ShardHarness.batch(1..<11, padding: 500), try ShardHarness.batch(11..<12, padding: 3_000)],
                to: "large",
                0
            )
            for topic in ["good", "bad", "large"] as [TopicName] { try await harness.mirror(topic) }
            try await harness.waitUntilMirrored("good")
            let large = TopicPartition(topic: "large", partition: 0)
            let bad = TopicPartition(topic: "bad", partition: 0)
            try await harness.wait("two quarantines") {
                let status = await harness.shard.status()
                func code(_ partition: TopicPartition) -> QuarantineReason.Code? {
                    guard case .quarantined(let reason, _)? = status.first(where: { $0.source == partition })?.state
                    else {
                        return nil
                    }
                    return reason.code
                }
                return code(large) == .recordTooLarge && code(bad) == .targetMissing
            }
            #expect(try await harness.contents(harness.target, "large").count == 10)
            try await harness.source.append([try ShardHarness.batch(10..<20)], to: "good", 0)
            try await harness.waitUntilMirrored("good")

            try await harness.target.setTopicConfigs("large", ["max.message.bytes": "1000000"])
            try await harness.target.createTopic("bad")
            try await harness.waitUntilMirrored("large")
            try await harness.waitUntilMirrored("bad")
            for topic in ["good", "bad", "large"] as [TopicName] { try await harness.expectEqual(topic) }
        }
    }

    @Test("damaged data stop the partition behind what is sound")
    func damage() async throws {
        try await ShardHarness.run { harness in
            try await harness.source.createTopic("t")
            try await harness.target.createTopic("t")
            var broken = try ShardHarness.batch(10..<20, padding: 100)
            let middle = broken.readableBytes / 2
            broken.setInteger((broken.getInteger(at: middle, as: UInt8.self) ?? 0) ^ 0x40, at: middle)
            try await harness.source.append(
                [try ShardHarness.batch(0..<10), broken, try ShardHarness.batch(20..<30)],
                to: "t",
                0
            )
            try await harness.mirror("t")
            try await harness.wait("the quarantine") {
                guard case .quarantined(let reason, _)? = await harness.shard.status().first?.state else {
                    return false
                }
                return reason.code == .damagedData && reason.sourceOffset == 10
            }
            #expect(try await harness.contents(harness.target, "t").count == 10)
            #expect(await harness.shard.positions().values.first?.sourceOffset == 9)
        }
    }

    @Test("source retention, truncation and recreation are reported and followed")
    func sourceEvents() async throws {
        try await ShardHarness.run(sourceBrokers: 1) { harness in
            for topic in ["gap", "cut", "again"] as [TopicName] {
                try await harness.source.createTopic(topic)
                try await harness.target.createTopic(topic)
                try await harness.source.append(
                    (0..<5).map { try ShardHarness.batch($0 * 10..<$0 * 10 + 10) },
                    to: topic,
                    0
                )
            }
            try await harness.source.deleteRecords("gap", 0, before: 20)
            for topic in ["gap", "cut", "again"] as [TopicName] { try await harness.mirror(topic) }
            for topic in ["gap", "cut", "again"] as [TopicName] { try await harness.waitUntilMirrored(topic) }
            try await harness.source.truncate("cut", 0, to: 30)
            try await harness.source.append([try ShardHarness.batch(500..<510)], to: "cut", 0)
            try await harness.source.recreateTopic("again")
            try await harness.source.append([try ShardHarness.batch(600..<605)], to: "again", 0)
            try await harness.wait("the new records") {
                let cut = try await harness.contents(harness.target, "cut").last?.timestamp
                let again = try await harness.contents(harness.target, "again").last?.timestamp
                return cut == 1_700_000_000_509 && again == 1_700_000_000_604
            }
            #expect(try await harness.contents(harness.target, "gap").count == 30)
            #expect(try await harness.contents(harness.target, "cut").count == 60)
            #expect(try await harness.contents(harness.target, "again").count == 55)
            await harness.shard.drain(patience: .seconds(1))
            var kinds: [PartitionEvent.Kind] = []
            for await event in harness.shard.events { kinds.append(event.kind) }
            #expect(kinds.contains(.sourceGap(0..<20)))
            #expect(kinds.contains(.sourceTruncated(at: 30, mirroredTo: 50)))
            #expect(kinds.contains { if case .sourceRecreated = $0 { true } else { false } })
        }
    }

    @Test("a target that lost its tail gets it again", arguments: [false, true])
    func targetTruncation(everything: Bool) async throws {
        try await ShardHarness.run(configure: Self.apart) { harness in
            try await harness.source.createTopic("t")
            try await harness.target.createTopic("t")
            try await harness.source.append(
                (0..<5).map { try ShardHarness.batch($0 * 10..<$0 * 10 + 10, padding: 4_000) },
                to: "t",
                0
            )
            try await harness.mirror("t")
            try await harness.waitUntilMirrored("t")
            #expect(try await harness.target.batches("t", 0).count == 5)
            try await harness.target.truncate("t", 0, to: everything ? 0 : 30)
            try await harness.source.append([try ShardHarness.batch(50..<60)], to: "t", 0)
            try await harness.waitUntilMirrored("t")
            if everything {
                // The broker knew nothing of us and took the new batch first; all that was lost follows.
                let source = try await harness.contents(harness.source, "t")
                let target = try await harness.contents(harness.target, "t")
                #expect(target.count == 70 && Array(target.suffix(60)) == source)
            } else {
                try await harness.expectEqual("t")
            }
            await harness.shard.drain(patience: .seconds(1))
            var kinds: [PartitionEvent.Kind] = []
            for await event in harness.shard.events { kinds.append(event.kind) }
            #expect(kinds.contains(.targetTruncated(at: everything ? 0 : 30, writtenTo: 49)))
        }
    }

    @Test("revoke gives the exact position, and another shard goes on from it")
    func handOver() async throws {
        try await ShardHarness.run { harness in
            try await harness.source.createTopic("t")
            try await harness.target.createTopic("t")
            try await harness.source.append((0..<20).map { try ShardHarness.batch($0 * 5..<$0 * 5 + 5) }, to: "t", 0)
            try await harness.mirror("t")
            let partition = TopicPartition(topic: "t", partition: 0)
            try await harness.wait("some progress") {
                (await harness.shard.positions()[partition]?.sourceOffset ?? -1) > 0
            }
            let position = try #require(await harness.shard.revoke(partition))
            #expect(await harness.shard.positions().isEmpty)
            let end = try await harness.target.partition("t", 0).endOffset
            #expect(position.targetOffset == end - 1)
            harness.shard.assign(
                PartitionAssignment(
                    source: partition,
                    target: partition,
                    start: .offset(position.sourceOffset + 1),
                    resumed: position
                )
            )
            try await harness.source.append([try ShardHarness.batch(100..<110)], to: "t", 0)
            try await harness.waitUntilMirrored("t")
            try await harness.expectEqual("t")
        }
    }

    @Test("starting at the end leaves out what is there")
    func latest() async throws {
        try await ShardHarness.run { harness in
            try await harness.source.createTopic("t")
            try await harness.target.createTopic("t")
            try await harness.source.append([try ShardHarness.batch(0..<10)], to: "t", 0)
            let partition = TopicPartition(topic: "t", partition: 0)
            harness.shard.assign(PartitionAssignment(source: partition, target: partition, start: .latest))
            try await harness.wait("the start") { await harness.shard.positions()[partition]?.sourceOffset == 9 }
            try await harness.source.append([try ShardHarness.batch(10..<13)], to: "t", 0)
            try await harness.waitUntilMirrored("t")
            #expect(try await harness.contents(harness.target, "t").count == 3)
        }
    }
}
