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

/// Sources that still hold messages of format 0 and 1, as topics from before Kafka 0.11 do.
@Suite struct OldFormatTests {
    /// What Kafka's own classes wrote in an old format, with the records that they read from it.
    struct MessageSet {
        var name: String
        var bytes: ByteBuffer
        var contents: [ShardHarness.Content]

        static func all() throws -> [MessageSet] {
            try Vectors.lines("records/legacy.jsonl").map { line in
                let contents = try (line["records"]?.array ?? []).map { record in
                    ShardHarness.Content(
                        key: record["key"]?.hex,
                        value: record["value"]?.hex,
                        headers: (record["headers"]?.array ?? []).map { header in
                            RecordHeader(key: header.array?.first?.string ?? "", value: header.array?.last?.hex)
                        },
                        timestamp: try #require(record["timestamp"]?.int64)
                    )
                }
                return MessageSet(
                    name: try #require(line["name"]?.string),
                    bytes: try #require(line["hex"]?.hex),
                    contents: contents
                )
            }
        }
    }

    @Test("message sets that Kafka wrote arrive in format 2 with keys, values and times")
    func vectors() async throws {
        // Only a producer leaves a wrapper's offset 0, no broker does.
        let sets = try MessageSet.all().filter { $0.name != "wrapper-offset-zero-v1-gzip" }
        #expect(sets.count == 41)
        try await TwoClusters.run { clusters in
            for set in sets {
                try await clusters.a.createTopic(TopicName(set.name))
                try await clusters.a.restore(set.bytes, to: TopicName(set.name), 0)
            }
            try await clusters.withService { service in
                try await eventually("all topics are mirrored", within: .seconds(60)) {
                    let status = try #require(await service.status().first)
                    return status.partitions.count == sets.count && status.isCaughtUp
                }
                for set in sets {
                    let found = try await clusters.contents("A.\(set.name)")
                    #expect(found == set.contents, "\(set.name): \(found.count) of \(set.contents.count)")
                    // The view of a batch exists in format 2 only.
                    let batches = try await clusters.b.batches("A.\(set.name)", 0)
                    #expect(batches.reduce(0) { $0 + Int($1.recordCount) } == set.contents.count)
                }
                let counters = try #require(await service.status().first).counters
                #expect((counters.slowPathBatches[.oldFormat] ?? 0) >= sets.count && counters.quarantines == 0)
            }
        }
    }

    @Test("a topic that grew from format 0 over 1 to 2 is mirrored across restarts, with append times")
    func upgrades() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", configs: ["message.format.version": "0.9.0"])
            var expected: [ShardHarness.Content] = []
            let codecs: [CompressionCodec] = [.none, .gzip, .snappy, .lz4]
            for (round, magic) in ([0, 1, 1] as [Int8]).enumerated() {
                let appendTime: Int64? = round == 2 ? 1_600_000_000_000 : nil
                for codec in codecs {
                    let records = Self.records(expected.count..<expected.count + 30)
                    try await clusters.a.append(records, magic: magic, codec: codec, appendTime: appendTime, to: "t", 0)
                    expected += records.map {
                        ShardHarness.Content($0, timestamp: magic == 0 ? -1 : appendTime ?? $0.timestamp)
                    }
                }
                try await clusters.withService { _ in
                    try await eventually("round \(round) is mirrored") {
                        try await clusters.contents("A.t").count == expected.count
                    }
                }
            }
            // The broker has been upgraded.
            try await clusters.a.setTopicConfigs("t", ["message.format.version": "2.0"])
            let last = try ShardHarness.batch(0..<10, codec: .zstd)
            try await clusters.a.append([last], to: "t", 0)
            try await clusters.withService { _ in
                try await eventually("the rest is mirrored") {
                    try await clusters.contents("A.t").count == expected.count + 10
                }
            }
            #expect(Array(try await clusters.contents("A.t").prefix(expected.count)) == expected)
            try await clusters.expectMirrored("t")
        }
    }

    @Test(
        "mirroring begins in the middle of a wrapper",
        arguments: [Int8(0), 1],
        [CompressionCodec.gzip, .snappy, .lz4]
    )
    func insideWrapper(magic: Int8, codec: CompressionCodec) async throws {
        try await ShardHarness.run { harness in
            try await harness.source.createTopic("t")
            try await harness.target.createTopic("t")
            try await harness.source.append(Self.records(0..<20), magic: magic, codec: codec, to: "t", 0)
            try await harness.source.append(Self.records(20..<40), magic: magic, codec: codec, to: "t", 0)
            let partition = TopicPartition(topic: "t", partition: 0)
            harness.shard.assign(PartitionAssignment(source: partition, target: partition, start: .offset(13)))
            try await harness.waitUntilMirrored("t")
            let all = try await harness.contents(harness.source, "t")
            #expect(try await harness.contents(harness.target, "t") == Array(all.dropFirst(13)))
        }
    }

    @Test("many messages that stand alone are joined")
    func singles() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t")
            try await clusters.a.append(Self.records(0..<5_000), magic: 1, to: "t", 0)
            try await clusters.withService { _ in
                try await eventually("it is mirrored", within: .seconds(60)) {
                    try await clusters.b.topic("A.t")?.partitions.first?.endOffset == 5_000
                }
            }
            try await clusters.expectMirrored("t")
            let batches = try await clusters.b.partition("A.t", 0).batchCount
            #expect(batches < 1_000)
        }
    }

    /// Records as old formats can hold them: without headers, some without key or value.
    private static func records(_ numbers: Range<Int>) -> [Record] {
        numbers.map { number in
            Record(
                offset: 0,
                timestamp: 1_700_000_000_000 + Int64(number) * 7,
                key: number % 5 == 0 ? nil : ByteBuffer(string: "key-\(number)"),
                value: number % 7 == 0 ? nil : ByteBuffer(string: "value \(number) äöü")
            )
        }
    }
}

extension ShardHarness.Content {
    fileprivate init(_ record: Record, timestamp: Int64) {
        self.init(record)
        self.timestamp = timestamp
    }
}
