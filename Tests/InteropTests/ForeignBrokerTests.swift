import Foundation
import KafkaClient
import KafkaProtocol
import KafkaRecords
import NIOCore
import TestSupport
import Testing

/// Our client at brokers that other people wrote: what works is checked, and what they cannot do is written down.
@Suite("Our client at foreign brokers", .serialized, .timeLimit(.minutes(3)))
struct ForeignBrokerTests {
    private static let partitions: Int32 = 4

    @Test("Tansu: topics, records, offsets, groups, and where it is not Kafka")
    func tansu() async throws {
        let broker = try await ForeignBroker.tansu("cluster-of-tansu")
        try await withClient(at: broker.bootstrapServers) { client in
            #expect(try await client.describeCluster().clusterID == "cluster-of-tansu")
            try await Self.topics(client)
            // The end that Tansu lists is behind the first record of the last batch, here of 25.
            let base = try await Self.records(client, broker, perPartition: 2_000, listedEnd: 1_976)
            try await Self.compressed(client)
            try await Self.groups(client, keepsMetadata: false)

            let partition = TopicPartition("numbers", 0)
            // Tansu has no CreatePartitions, no OffsetForLeaderEpoch, no DescribeProducers; our client says so.
            let grown = await client.createPartitions(["numbers": 8])["numbers"]
            #expect(grown.code == .unsupportedByBroker)
            let epochs = await client.offsetsForLeaderEpochs([partition: 0])[partition]
            #expect(epochs.code == .unsupportedByBroker)
            let producers = await client.describeProducers(of: [partition])[partition]
            #expect(producers.code == .unsupportedByBroker)
            // Tansu ends the connection when it is asked for single configs, and lists only those that were set.
            let all = await client.describeConfigs([.topic("numbers")])[.topic("numbers")]
            #expect(try all?.get().allSatisfy { $0.name == "retention.ms" } == true)
            let some = await client.describeConfigs(
                [.topic("numbers")],
                keys: ["retention.ms"],
                deadline: .after(.seconds(2))
            )[.topic("numbers")]
            #expect(
                some.code == .timedOut || some.code == .unreachable || some.code == .closed,
                "\(String(describing: some))"
            )
            // Tansu panics on DeleteRecords and closes the connection.
            let deleted = await client.deleteRecords(before: [partition: 10], deadline: .after(.seconds(2)))[partition]
            #expect(
                deleted.code == .timedOut || deleted.code == .unreachable || deleted.code == .closed,
                "\(String(describing: deleted))"
            )
            // Tansu looks for its own clock's time, not the records': any time of ours is before everything.
            let byTime = try await client.listOffset(.timestamp(base + 100), of: partition)
            #expect(byTime.offset == 0)
            // Tansu answers a position behind the end with nothing at all instead of OFFSET_OUT_OF_RANGE.
            let reader = NumberReader(client, topic: "numbers")
            try await reader.start(partitions: 0..<1, at: .offset(1_000_000))
            try await NumberReader.staysSilent(reader, for: .milliseconds(700))
            try await reader.stop()
        }
        broker.stop()
    }

    @Test("noida-db: topics, records, offsets, groups, administration, and where it is not Kafka")
    func noida() async throws {
        let broker = try await ForeignBroker.noida()
        try await withClient(at: broker.bootstrapServers) { client in
            // Every noida-db has this cluster id, so cycles cannot be told by it.
            #expect(try await client.describeCluster().clusterID == "MkU3OEVBNTctOEUyRi00")
            try await Self.topics(client)
            let base = try await Self.records(client, broker, perPartition: 500, listedEnd: 500)
            try await Self.compressed(client)
            try await Self.groups(client, keepsMetadata: true)

            let partition = TopicPartition("numbers", 0)
            let byTime = try await client.listOffset(.timestamp(base + 100), of: partition)
            #expect(byTime.offset == 100 && byTime.timestamp == base + 100)
            try await client.createPartitions(["numbers": 6])["numbers"]?.get()
            try await client.refreshMetadata(.topics(["numbers"]))
            #expect(client.metadata.topics["numbers"]?.partitions.count == 6)
            let shrunk = await client.createPartitions(["numbers": 2])["numbers"]
            #expect(shrunk.kafkaError == .invalidPartitions)
            let configs = try await client.describeConfigs([.topic("numbers")], keys: ["retention.ms"])[
                .topic("numbers")
            ]?.get()
            #expect(configs?.first?.value == "86400000")
            #expect(try await client.deleteRecords(before: [partition: 40])[partition]?.get() == 40)
            #expect(try await client.listOffset(.earliest, of: partition).offset == 40)
            let reader = NumberReader(client, topic: "numbers")
            try await reader.start(partitions: 0..<1, at: .offset(3), first: 3)
            try await reader.read(upTo: 500)
            #expect(reader.snapshot.outOfRange == [3])
            #expect(reader.snapshot.records == 460 && reader.snapshot.lost == 0)
            try await reader.stop()
            // No authorizer.
            do throws(KafkaClientError) {
                _ = try await client.describeAccess()
                Issue.record("noida-db has access control now")
            } catch {
                #expect(error.kafkaError == .securityDisabled, "\(error)")
            }
            // Topic ids are all zero, leader epochs all -1: Fetch must go by name, and epochs are not checked.
            let topic = client.metadata.topics["numbers"]
            #expect(topic?.topicID == .zero)
            #expect(topic?.partitions.allSatisfy { $0.leaderEpoch == -1 } == true)
        }
        broker.stop()
    }

    /// Creates topics, sees them, is refused a second time, deletes one.
    private static func topics(_ client: KafkaClient) async throws {
        let created = await client.createTopics([
            NewTopic(
                name: "numbers",
                partitionCount: Self.partitions,
                replicationFactor: 1,
                configs: ["retention.ms": "86400000"]
            ),
            NewTopic(name: "codecs", partitionCount: 1, replicationFactor: 1),
            NewTopic(name: "short-lived", partitionCount: 1, replicationFactor: 1),
        ])
        for result in created.values { _ = try result.get() }
        #expect(created.count == 3)
        let again = await client.createTopics([NewTopic(name: "numbers", partitionCount: 1, replicationFactor: 1)])
        #expect(again["numbers"].kafkaError == .topicAlreadyExists)
        let metadata = try await client.refreshMetadata(.all)
        #expect(metadata.topics["numbers"]?.partitions.count == Int(Self.partitions))
        try await client.deleteTopics(["short-lived"])["short-lived"]?.get()
        #expect(try await client.refreshMetadata(.all).topics["short-lived"] == nil)
    }

    /// Writes and reads with the data path, and lets librdkafka count.
    private static func records(
        _ client: KafkaClient,
        _ broker: ForeignBroker,
        perPartition: Int,
        listedEnd: Int64
    ) async throws -> Int64 {
        let writer = NumberWriter(client, topic: "numbers", batch: 25)
        let reader = NumberReader(client, topic: "numbers")
        try await writer.start(partitions: Self.partitions)
        try await reader.start(partitions: 0..<Self.partitions)
        try await writer.write(upTo: perPartition)
        try await reader.read(upTo: perPartition)
        #expect(reader.snapshot.lost == 0 && reader.snapshot.repeated == 0 && reader.snapshot.damaged == 0)
        try await writer.stop()
        try await reader.stop()
        let counted = try await Peers.python(
            "count_numbers",
            [
                "--bootstrap", broker.bootstrapServers, "--topic", "numbers", "--partitions", "\(Self.partitions)",
                "--count", "\(perPartition)",
            ]
        ).success()
        print("foreign broker, counted by librdkafka: \(counted)")
        for partition in 0..<Self.partitions {
            let end = try await client.listOffset(.latest, of: TopicPartition("numbers", partition))
            let start = try await client.listOffset(.earliest, of: TopicPartition("numbers", partition))
            #expect(start.offset == 0 && end.offset == listedEnd, "\(start) \(end)")
        }
        return writer.baseTimestamp
    }

    private static func compressed(_ client: KafkaClient) async throws {
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        var wanted: [String] = []
        for codec in [CompressionCodec.none, .gzip, .snappy, .lz4, .zstd] {
            let appender = RecordAppender(client: client, topic: "codecs", compression: codec)
            let values = (0..<200).map { "\(codec)-\($0)" }
            try await appender.append(
                values.map {
                    AppendedRecord(partition: 0, key: nil, value: ByteBuffer(string: $0), timestamp: now)
                }
            )
            wanted += values
        }
        var read: [String] = []
        try await CompactedTopicReader(client: client, topic: "codecs").readToEnd { item in
            read.append(item.record.value.map { String(buffer: $0) } ?? "null")
        }
        #expect(read == wanted)
    }

    private static func groups(_ client: KafkaClient, keepsMetadata: Bool) async throws {
        let partition = TopicPartition("numbers", 1)
        let committed = try await client.commitGroupOffsets(
            [partition: CommittedOffset(offset: 77, metadata: "note")],
            of: "group"
        )
        try committed[partition]?.get()
        let offset = try await client.groupOffsets(of: "group", partitions: [partition])[partition]?.get()
        #expect(offset?.offset == 77)
        // Tansu loses the metadata of a commit.
        #expect((offset?.metadata == "note") == keepsMetadata, "\(String(describing: offset?.metadata))")
        #expect(try await client.listGroups().contains { $0.id == "group" })
        try await client.deleteGroups(["group"])["group"]?.get()
        #expect(try await client.listGroups().contains { $0.id == "group" } == false)
    }
}

extension NumberReader {
    /// Checks for some time that no out-of-range position is reported.
    static func staysSilent(_ reader: NumberReader, for duration: Duration) async throws {
        let end = ContinuousClock.now + duration
        try await poll(within: duration + .seconds(5), "never") { ContinuousClock.now >= end }
        #expect(reader.snapshot.outOfRange.isEmpty)
        #expect(reader.snapshot.records == 0)
    }
}

extension Optional {
    fileprivate var code: KafkaClientError.Code? { (self as? any FailedResult)?.clientError?.code }
    fileprivate var kafkaError: ErrorCode? { (self as? any FailedResult)?.clientError?.kafkaError }
}

private protocol FailedResult { var clientError: KafkaClientError? { get } }

extension Result: FailedResult {
    fileprivate var clientError: KafkaClientError? {
        if case .failure(let error) = self { error as? KafkaClientError } else { nil }
    }
}
