import KafkaClient
import KafkaProtocol
import KafkaRecords
import LocalKafka
import NIOCore
import Testing

@Suite("Reading and writing small topics", .timeLimit(.minutes(1)))
struct InternalTopicTests {
    private func record(_ key: String, _ value: String?, partition: Int32? = nil) -> AppendedRecord {
        AppendedRecord(
            partition: partition,
            key: ByteBuffer(string: key),
            value: value.map { ByteBuffer(string: $0) },
            timestamp: 1_000
        )
    }

    private func text(_ buffer: ByteBuffer?) -> String {
        buffer.map { String(buffer: $0) } ?? "null"
    }

    @Test("What is appended is read back, by key")
    func roundTrip() async throws {
        try await withCluster(brokers: 3) { cluster, client in
            try await cluster.createTopic("state", partitions: 5)
            let appender = RecordAppender(client: client, topic: "state")
            let keys = (0..<40).map { "key-\($0)" }
            try await appender.append(keys.map { record($0, "old") })
            try await appender.append(keys.map { record($0, "new-\($0)") })
            try await appender.append([record("key-7", nil)])
            let reader = CompactedTopicReader(client: client, topic: "state")
            var state: [String: String] = [:]
            for item in try await reader.readState() { state[text(item.record.key)] = text(item.record.value) }
            #expect(state.count == 39)
            #expect(state["key-7"] == nil)
            #expect(state["key-8"] == "new-key-8")
            let sum = reader.positions.values.reduce(0, +)
            #expect(sum == 81)
        }
    }

    @Test("Offsets come back in the order of the records")
    func offsets() async throws {
        try await withCluster(brokers: 2) { cluster, client in
            try await cluster.createTopic("t", partitions: 2)
            let appender = RecordAppender(client: client, topic: "t")
            let first = try await appender.append([
                record("a", "1", partition: 0), record("b", "1", partition: 1), record("c", "1", partition: 0),
            ])
            #expect(first == [0, 0, 1])
            let second = try await appender.append([record("d", "1", partition: 1)])
            #expect(second == [1])
            #expect(try await appender.append([]).isEmpty)
        }
    }

    @Test("Batches stay below the limit, and are split when the topic accepts less")
    func splitting() async throws {
        try await withCluster { cluster, client in
            try await cluster.createTopic("t", configs: ["max.message.bytes": "2000"])
            let value = String(repeating: "x", count: 100)
            let records = (0..<100).map { record("k\($0)", value) }
            let appender = RecordAppender(client: client, topic: "t")
            let offsets = try await appender.append(records)
            #expect(offsets == (0..<100).map { Int64($0) })
            let stored = try await cluster.records("t", 0)
            #expect(stored.map { text($0.key) } == (0..<100).map { "k\($0)" })
            await #expect(throws: KafkaClientError.self) {
                try await appender.append([record("big", String(repeating: "y", count: 5_000))])
            }
            // One record that is refused does not spoil the appender.
            #expect(try await appender.append([record("after", "1")]) == [100])
        }
    }

    @Test(
        "Each record is written once, whatever happens to the request",
        arguments: [
            Fault.error(.notLeaderOrFollower), .error(.notEnoughReplicas), .close, .closeAfter, .truncate,
        ]
    )
    func faults(_ fault: Fault) async throws {
        try await withCluster(brokers: 2) { cluster, client in
            try await cluster.createTopic("t", partitions: 2)
            let appender = RecordAppender(client: client, topic: "t")
            try await appender.append([record("first", "1", partition: 0)])
            try await cluster.faults.inject(.produce, count: 2, fault)
            for index in 0..<3 {
                try await appender.append([
                    record("k\(index)", "1", partition: 0), record("k\(index)", "1", partition: 1),
                ])
            }
            #expect(try await cluster.faults.pending() == 0)
            #expect(try await cluster.records("t", 0).map { text($0.key) } == ["first", "k0", "k1", "k2"])
            #expect(try await cluster.records("t", 1).map { text($0.key) } == ["k0", "k1", "k2"])
        }
    }

    @Test("An identity the broker no longer accepts is replaced")
    func newIdentity() async throws {
        try await withCluster { cluster, client in
            try await cluster.createTopic("t")
            let appender = RecordAppender(client: client, topic: "t")
            try await appender.append([record("a", "1")])
            try await cluster.faults.inject(.produce, .error(.unknownProducerID))
            try await appender.append([record("b", "1")])
            #expect(try await cluster.records("t", 0).map { text($0.key) } == ["a", "b"])
        }
    }

    @Test("The reader follows what is appended later, and new partitions")
    func tail() async throws {
        try await withCluster { cluster, client in
            try await cluster.createTopic("t")
            let appender = RecordAppender(client: client, topic: "t")
            try await appender.append([record("a", "1")])
            let reader = CompactedTopicReader(client: client, topic: "t")
            var seen: [String] = []
            try await reader.readToEnd { seen.append(text($0.record.key)) }
            #expect(seen == ["a"])
            try await appender.append([record("b", "1"), record("c", "1")])
            try await eventually("the new records are seen") {
                try await reader.poll(maximumWait: .milliseconds(100)) { seen.append(text($0.record.key)) }
                return seen.count == 3
            }
            #expect(seen == ["a", "b", "c"])
            try await cluster.addPartitions("t", count: 2)
            try await client.refreshMetadata(.topics(["t"]))
            try await appender.append([record("d", "1", partition: 1)])
            try await eventually("the new partition is read") {
                try await reader.poll(maximumWait: .milliseconds(100)) { seen.append(text($0.record.key)) }
                return seen.count == 4
            }
        }
    }

    @Test("Compaction and retention leave no hole that the reader falls into")
    func compacted() async throws {
        try await withCluster { cluster, client in
            try await cluster.createTopic("t", configs: ["cleanup.policy": "compact"])
            let appender = RecordAppender(client: client, topic: "t")
            for round in 0..<5 {
                try await appender.append((0..<4).map { record("k\($0)", "\(round)") })
            }
            try await cluster.compact("t", 0)
            let reader = CompactedTopicReader(client: client, topic: "t")
            let state = try await reader.readState()
            #expect(state.map { text($0.record.key) } == ["k0", "k1", "k2", "k3"])
            #expect(state.allSatisfy { text($0.record.value) == "4" })
            #expect(reader.positions == [0: 20])

            try await appender.append([record("z", "1")])
            try await cluster.deleteRecords("t", 0, before: 21)
            try await reader.readToEnd { _ in Issue.record("everything is deleted") }
            #expect(reader.positions == [0: 21])
        }
    }

    @Test("A leader that moves between fetches is followed")
    func leaderMoves() async throws {
        try await withCluster(brokers: 2) { cluster, client in
            try await cluster.createTopic("t", replicationFactor: 2)
            let appender = RecordAppender(client: client, topic: "t")
            let reader = CompactedTopicReader(client: client, topic: "t")
            var seen: [String] = []
            for round in 0..<4 {
                try await cluster.moveLeader("t", 0, to: round % 2 == 0 ? 1 : 2)
                try await appender.append([record("k\(round)", "1")])
                try await reader.readToEnd { seen.append(text($0.record.key)) }
            }
            #expect(seen == ["k0", "k1", "k2", "k3"])
        }
    }

    @Test("A topic that does not exist is reported as such")
    func missing() async throws {
        try await withCluster { _, client in
            let reader = CompactedTopicReader(client: client, topic: "missing")
            await #expect(throws: KafkaClientError.self) {
                try await reader.readToEnd(deadline: .after(.milliseconds(300))) { _ in }
            }
        }
    }
}
