import KafkaClient
import KafkaProtocol
import KafkaRecords
import LocalKafka
import MirrorModel
import NIOCore
import TestSupport
import Testing

@testable import Mirror

/// From MirrorMaker 2 to us and back, each on the state that the other left.
@Suite struct TakeoverTests {
    @Test("each goes on exactly where the other stopped", arguments: [true, false])
    func thereAndBack(isSyncNewest: Bool) async throws {
        try await TwoClusters.run { clusters in
            let maker = MirrorMaker(clusters: clusters)
            try await clusters.a.createTopic("t", partitions: 3)
            try await maker.prepare(topic: "t", partitions: 3)
            for partition in 0..<Int32(3) { try await clusters.put(0..<100, in: partition) }
            // Partition 0: stopped in order. 1: killed after records that its progress does not tell of. 2: its progress
            // was removed by a tombstone.
            try await maker.mirror(0..<100, 0, progress: 99, sync: isSyncNewest ? 99 : 60)
            try await maker.mirror(0..<90, 1, progress: 69, sync: isSyncNewest ? 79 : 40)
            try await maker.mirror(0..<100, 2, progress: 99, sync: nil)
            try await maker.removeProgress(2)

            for partition in 0..<Int32(3) { try await clusters.put(100..<150, in: partition) }
            try await clusters.mirrorAll(150)
            for partition in 0..<Int32(3) {
                #expect(try await clusters.numbers(partition) == Array(0..<150), "partition \(partition)")
                #expect(try await maker.progress(partition) == 149)
            }

            // MirrorMaker 2 takes back: it reads the newest value under its own bytes and begins behind it.
            for partition in 0..<Int32(3) {
                try await clusters.put(150..<200, in: partition)
                let next = Int(try #require(try await maker.progress(partition))) + 1
                try await maker.mirror(next..<200, partition, progress: 179, sync: isSyncNewest ? 199 : nil)
                #expect(try await clusters.numbers(partition) == Array(0..<200))
            }

            // And we again, where it had written more than its progress tells.
            for partition in 0..<Int32(3) { try await clusters.put(200..<220, in: partition) }
            try await clusters.mirrorAll(220)
            for partition in 0..<Int32(3) {
                #expect(try await clusters.numbers(partition) == Array(0..<220), "partition \(partition)")
            }
        }
    }

    @Test("without syncs the offset alone is believed, as MirrorMaker 2 does")
    func onlyTheOffset() async throws {
        try await TwoClusters.run { clusters in
            let maker = MirrorMaker(clusters: clusters)
            try await clusters.a.createTopic("t", partitions: 1)
            try await maker.prepare(topic: "t", partitions: 1)
            try await clusters.put(0..<50, in: 0)
            try await maker.mirror(0..<50, 0, progress: 49, sync: nil)
            try await clusters.put(50..<80, in: 0)
            try await clusters.mirrorAll(80)
            #expect(try await clusters.numbers(0) == Array(0..<80))
        }
    }

    @Test("the progress topic of a worker with a name of its own is taken over and made as Connect makes it")
    func ownTopicName() async throws {
        try await TwoClusters.run { clusters in
            let lines = "B.offset.storage.topic = my-offsets\nB.offset.storage.partitions = 7"
            let maker = MirrorMaker(clusters: clusters, topic: "my-offsets", partitionCount: 7)
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.put(0..<50, in: 0)
            try await clusters.mirrorAll(50, lines)
            let summary = try #require(try await clusters.b.topic("my-offsets"))
            #expect(summary.partitions.count == 7 && summary.configs["cleanup.policy"] == "compact")
            #expect(try await maker.progress(0) == 49)
            #expect(try await clusters.b.topic("mm2-offsets.A.internal") == nil)
        }
    }
}

/// What MirrorMaker 2 does at the target, with its bytes written out.
private struct MirrorMaker {
    let clusters: TwoClusters
    var topic: TopicName = "mm2-offsets.A.internal"
    var partitionCount: Int32 = 25

    func prepare(topic name: TopicName, partitions: Int32) async throws {
        try await clusters.b.createTopic(topic, partitions: partitionCount, configs: ["cleanup.policy": "compact"])
        try await clusters.b.createTopic("A.\(name)", partitions: partitions)
        try await clusters.a.createTopic("mm2-offset-syncs.B.internal", configs: ["cleanup.policy": "compact"])
    }

    /// Copies records of topic `t` in small batches, and writes progress and a sync if there is one.
    func mirror(_ numbers: Range<Int>, _ partition: Int32, progress: Int, sync: Int?) async throws {
        for first in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 7) {
            let batch = try ShardHarness.batch(first..<min(first + 7, numbers.upperBound))
            try await clusters.b.append([batch], to: "A.t", partition)
        }
        try await write(#"{"offset":\#(progress)}"#, partition)
        guard let sync else { return }
        // Two partitions of the example in Kafka's source: topic, partition; upstream, downstream.
        var key = ByteBuffer()
        key.writeInteger(Int16(1))
        key.writeString("t")
        key.writeInteger(partition)
        var value = ByteBuffer()
        value.writeInteger(Int64(sync))
        value.writeInteger(Int64(sync))
        let record = AppendedRecord(partition: 0, key: key, value: value, timestamp: 1)
        try await clusters.withClient(of: clusters.a) { client in
            _ = try await RecordAppender(client: client, topic: "mm2-offset-syncs.B.internal").append([record])
        }
    }

    func removeProgress(_ partition: Int32) async throws {
        try await write(nil, partition)
    }

    private func key(_ partition: Int32) -> ByteBuffer {
        ByteBuffer(string: #"["MirrorSourceConnector",{"cluster":"A","partition":\#(partition),"topic":"t"}]"#)
    }

    private func write(_ value: String?, _ partition: Int32) async throws {
        let key = key(partition)
        let record = AppendedRecord(
            partition: defaultPartition(key: key, count: partitionCount),
            key: key,
            value: value.map { ByteBuffer(string: $0) },
            timestamp: 1
        )
        try await clusters.withClient(of: clusters.b) { client in
            _ = try await RecordAppender(client: client, topic: topic).append([record])
        }
    }

    /// The newest offset under exactly these bytes in the partition where they belong, and nowhere else.
    func progress(_ partition: Int32) async throws -> Int64? {
        let key = key(partition)
        var found: Int64?
        for index in 0..<partitionCount {
            for record in try await clusters.b.records(topic, index) where record.key == key {
                #expect(index == defaultPartition(key: key, count: partitionCount))
                guard let value = record.value else {
                    found = nil
                    continue
                }
                guard let offset = try? JSONValue(parsing: Array(value.readableBytesView))["offset"]?.int64
                else {
                    Issue.record("MirrorMaker 2 cannot read \(String(buffer: value))")
                    return nil
                }
                found = offset >= 0 ? offset : nil
            }
        }
        return found
    }
}

extension TwoClusters {
    fileprivate func put(_ numbers: Range<Int>, in partition: Int32) async throws {
        try await a.append([try ShardHarness.batch(numbers, codec: .lz4)], to: "t", partition)
    }

    fileprivate func numbers(_ partition: Int32) async throws -> [Int] {
        try await b.records("A.t", partition).map { Int($0.timestamp - 1_700_000_000_000) }
    }

    /// Mirrors until every partition holds as many records and nothing more comes.
    fileprivate func mirrorAll(_ count: Int64, _ lines: String = "") async throws {
        try await withService(lines) { service in
            try await eventually("all is mirrored") {
                let isCaughtUp = await service.status().first?.isCaughtUp ?? false
                let partitions = try await b.topic("A.t")?.partitions ?? []
                return isCaughtUp && !partitions.isEmpty && partitions.allSatisfy { $0.endOffset >= count }
            }
        }
    }
}
