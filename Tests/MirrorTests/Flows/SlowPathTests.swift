import Foundation
import KafkaClient
import KafkaCompression
import KafkaProtocol
import KafkaRecords
import LocalKafka
import Mirror
import NIOCore
import TestSupport
import Testing

/// What cannot be passed through as it is, in whole flows, compared record by record at the target.
@Suite struct SlowPathTests {
    /// A topic of a real broker, its segments, and what readers see of it.
    struct Recording {
        var topic: TopicName
        var segments: [ByteBuffer]
        var records: [(offset: Int64, content: ShardHarness.Content)]
        var committed: Set<Int64>

        static func all() throws -> [Recording] {
            try Vectors.lines("broker/expected.jsonl").map { line in
                Recording(
                    topic: TopicName(line["topic"]?.string ?? ""),
                    segments: try (line["files"]?.array ?? []).map {
                        ByteBuffer(bytes: try Vectors.data("broker/\($0.string ?? "")"))
                    },
                    records: try (line["records"]?.array ?? []).map { record in
                        let headers = (record["headers"]?.array ?? []).map { header in
                            RecordHeader(key: header.array?.first?.string ?? "", value: header.array?.last?.hex)
                        }
                        let content = ShardHarness.Content(
                            key: record["key"]?.hex,
                            value: record["value"]?.hex,
                            headers: headers,
                            timestamp: try #require(record["timestamp"]?.int64)
                        )
                        return (try #require(record["offset"]?.int64), content)
                    },
                    committed: Set((line["readCommitted"]?.array ?? []).compactMap(\.int64))
                )
            }
        }
    }

    @Test("topics recorded at a real broker arrive as readers see them", arguments: [true, false])
    func recordings(isReadCommitted: Bool) async throws {
        let recordings = try Recording.all()
        #expect(recordings.count == 13)
        try await TwoClusters.run { clusters in
            for recording in recordings {
                try await clusters.a.createTopic(recording.topic)
                for segment in recording.segments { try await clusters.a.restore(segment, to: recording.topic, 0) }
            }
            let isolation = "A.consumer.isolation.level = read_\(isReadCommitted ? "" : "un")committed"
            try await clusters.withService(isolation) { service in
                try await eventually("all topics are mirrored", within: .seconds(60)) {
                    let status = try #require(await service.status().first)
                    return status.partitions.count == recordings.count && status.isCaughtUp
                }
                for recording in recordings {
                    let expected = recording.records.filter {
                        !isReadCommitted || recording.committed.contains($0.offset)
                    }
                    let found = try await clusters.contents("A.\(recording.topic)")
                    #expect(found == expected.map(\.content), "\(recording.topic): \(found.count) of \(expected.count)")
                }
                let counters = try #require(await service.status().first).counters
                for codec in CompressionCodec.allCases {
                    #expect((counters.fastPathBatches[codec] ?? 0) > 0, "\(codec)")
                }
                for reason in [RebuildReason.gaps, .appendTime, .deleteHorizon] {
                    #expect((counters.slowPathBatches[reason] ?? 0) > 0, "\(reason)")
                }
                #expect(counters.controlBatches > 0)
                #expect((counters.abortedBatches > 0) == isReadCommitted)
                #expect(counters.quarantines == 0)
            }
        }
    }

    @Test("a compacted topic with holes goes on after a restart without loss or repetition")
    func compacted() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", configs: ["cleanup.policy": "compact"])
            for round in 0..<10 {
                try await clusters.a.append([try Self.keyed(round * 20..<round * 20 + 20, keys: 7)], to: "t", 0)
                if round % 3 == 2 { try await clusters.a.compact("t", 0) }
            }
            let first = try await clusters.contents("t", of: clusters.a)
            try await clusters.withService { service in
                try await eventually("it is mirrored") { try await clusters.contents("A.t") == first }
            }
            try await clusters.a.append([try Self.keyed(200..<260, keys: 11)], to: "t", 0)
            let end = try await clusters.a.partition("t", 0).endOffset
            try await clusters.a.compact("t", 0)
            let all = try await clusters.a.records("t", 0)
            let later = all.filter { $0.offset >= 200 }.map(ShardHarness.Content.init)
            #expect(end == 260 && later.count < 60)
            try await clusters.withService { _ in
                try await eventually("the rest is mirrored") { try await clusters.contents("A.t") == first + later }
            }
            #expect(try await clusters.b.topic("A.t")?.configs["cleanup.policy"] == "compact")
        }
    }

    @Test("trouble with the records of one topic stops that topic only, and names the place")
    func troubles() async throws {
        try await TwoClusters.run { clusters in
            let good = try ShardHarness.batch(0..<10)
            var broken = try ShardHarness.batch(10..<20, padding: 100)
            let middle = broken.readableBytes / 2
            broken.setInteger((broken.getInteger(at: middle, as: UInt8.self) ?? 0) ^ 0x40, at: middle)
            for topic in ["good", "broken", "split", "large"] as [TopicName] { try await clusters.a.createTopic(topic) }
            for topic in ["A.split", "A.large"] as [TopicName] {
                try await clusters.b.createTopic(topic, configs: ["max.message.bytes": "2000"])
            }
            try await clusters.a.append([good], to: "good", 0)
            try await clusters.a.append([good, broken, try ShardHarness.batch(20..<30)], to: "broken", 0)
            try await clusters.a.append(
                [
                    try ShardHarness.batch(1..<40, codec: .zstd, padding: 500),
                    try ShardHarness.batch(1..<40, padding: 500),
                ],
                to: "split",
                0
            )
            try await clusters.a.append([good, try ShardHarness.batch(11..<12, padding: 3_000), good], to: "large", 0)
            try await clusters.withService { service in
                try await eventually("two topics are mirrored and two are stopped") {
                    let partitions = try #require(await service.status().first).partitions
                    func reason(_ topic: TopicName) -> QuarantineReason? {
                        guard
                            case .quarantined(let reason, _)? = partitions.first(where: { $0.source.topic == topic })?
                                .state
                        else { return nil }
                        return reason
                    }
                    guard let broken = reason("broken"), let large = reason("large") else { return false }
                    #expect(broken.code == .damagedData && broken.sourceOffset == 10 && broken.cluster == "A")
                    #expect(large.code == .recordTooLarge && large.sourceOffset == 10 && large.cluster == "B")
                    let counts = try await (clusters.contents("A.split").count, clusters.contents("A.good").count)
                    return counts == (78, 10)
                }
                try await clusters.expectMirrored("good")
                try await clusters.expectMirrored("split")
                // What stands before the trouble has arrived, the trouble and what follows has not.
                #expect(try await clusters.contents("A.broken").count == 10)
                #expect(try await clusters.contents("A.large").count == 10)
                try await clusters.b.setTopicConfigs("A.large", ["max.message.bytes": "1000000"])
                try await eventually("the large record goes on by itself", within: .seconds(40)) {
                    try await clusters.contents("A.large").count == 21
                }
                try await clusters.expectMirrored("large")
            }
        }
    }

    @Test("batches of a codec that the target does not take are encoded again, others pass")
    func codec() async throws {
        try await TwoClusters.run(targetVersions: [.produce: 3...6]) { clusters in
            try await clusters.a.createTopic("t")
            let batches = [CompressionCodec.lz4, .zstd, .gzip, .zstd].enumerated().map { index, codec in
                Result { try ShardHarness.batch(index * 50..<index * 50 + 50, codec: codec, padding: 300) }
            }
            try await clusters.a.append(try batches.map { try $0.get() }, to: "t", 0)
            try await clusters.withService { service in
                try await eventually("it is mirrored") { try await clusters.contents("A.t").count == 200 }
                try await clusters.expectMirrored("t")
                try await eventually("it is counted") {
                    let counters = try #require(await service.status().first).counters
                    return counters.slowPathBatches[.codec] == 2 && counters.quarantines == 0
                }
                let codecs = Set(try await clusters.b.batches("A.t", 0).map(\.codec))
                #expect(codecs == [.lz4, .gzip])
            }
        }
    }

    @Test("append times of the source are the times at the target")
    func appendTime() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", configs: ["message.timestamp.type": "LogAppendTime"])
            try await clusters.append((0..<50).map { "\($0)" }, to: "t", of: clusters.a)
            let stamps = try await clusters.contents("t", of: clusters.a).map(\.timestamp)
            #expect(stamps.allSatisfy { $0 > 1_700_000_001_000 })
            try await clusters.withService { _ in
                try await eventually("it is mirrored") { try await clusters.contents("A.t").count == 50 }
            }
            try await clusters.expectMirrored("t")
        }
    }

    /// A batch of numbered records that share a few keys.
    private static func keyed(_ numbers: Range<Int>, keys: Int) throws -> ByteBuffer {
        var builder = RecordBatchBuilder(codec: .lz4)
        for number in numbers {
            builder.append(
                timestamp: 1_700_000_000_000 + Int64(number),
                key: ByteBuffer(string: "k\(number % keys)"),
                value: number % 13 == 0 ? nil : ByteBuffer(string: "\(number)")
            )
        }
        return try builder.build(codecs: StandardCodecs())
    }
}

extension TwoClusters {
    /// What partition 0 of a topic holds, of B unless told.
    func contents(_ topic: TopicName, of cluster: LocalCluster? = nil) async throws -> [ShardHarness.Content] {
        let cluster = cluster ?? b
        guard try await cluster.topic(topic) != nil else { return [] }
        return try await cluster.records(topic, 0).map(ShardHarness.Content.init)
    }

    /// Expects all records of a topic of A in its mirror.
    func expectMirrored(_ topic: TopicName) async throws {
        let source = try await contents(topic, of: a)
        let mirror = try await contents("A.\(topic)")
        #expect(source == mirror, "\(topic): \(mirror.count) of \(source.count) records")
    }
}
