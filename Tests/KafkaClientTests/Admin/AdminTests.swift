import KafkaClient
import KafkaProtocol
import LocalKafka
import Testing

@Suite("Admin calls", .timeLimit(.minutes(1)))
struct AdminTests {
    @Test("Topics are created, extended and deleted, each with its own outcome")
    func topics() async throws {
        try await withCluster(brokers: 2) { cluster, client in
            let created = await client.createTopics([
                NewTopic(name: "a", partitionCount: 3, replicationFactor: 2, configs: ["cleanup.policy": "compact"]),
                NewTopic(name: "b"),
                NewTopic(name: "bad name!"),
            ])
            #expect(try created["a"]?.get().partitionCount == 3)
            #expect(try created["b"]?.get() != nil)
            #expect(throws: KafkaClientError.self) { try created["bad name!"]?.get() }
            let summary = try #require(await cluster.topic("a"))
            #expect(summary.configs["cleanup.policy"] == "compact")
            #expect(summary.partitions.count == 3)

            let again = await client.createTopics([NewTopic(name: "a"), NewTopic(name: "c")])
            guard case .failure(let error) = again["a"] else {
                Issue.record("the topic exists")
                return
            }
            #expect(error.kafkaError == .topicAlreadyExists)
            #expect(error.topic == "a")
            #expect(try again["c"]?.get() != nil)

            let extended = await client.createPartitions(["a": 5, "b": 0, "missing": 2])
            #expect(throws: Never.self) { try extended["a"]?.get() }
            #expect(throws: KafkaClientError.self) { try extended["b"]?.get() }
            #expect(throws: KafkaClientError.self) { try extended["missing"]?.get() }
            #expect(try await cluster.topic("a")?.partitions.count == 5)

            let deleted = await client.deleteTopics(["b", "missing"])
            #expect(throws: Never.self) { try deleted["b"]?.get() }
            guard case .failure(let missing) = deleted["missing"] else {
                Issue.record("a topic that is not there cannot be deleted")
                return
            }
            #expect(missing.code == .unknownTopic)
            #expect(try await Set(cluster.topicNames()) == ["a", "c"])
        }
    }

    @Test("Only checking creates nothing")
    func validateOnly() async throws {
        try await withCluster { cluster, client in
            let results = await client.createTopics([NewTopic(name: "a")], validateOnly: true)
            let names = try await cluster.topicNames()
            #expect(try results["a"]?.get() != nil)
            #expect(names.isEmpty)
        }
    }

    @Test("Offsets are found at each partition's leader")
    func listOffsets() async throws {
        try await withCluster(brokers: 3) { cluster, client in
            try await cluster.createTopic("t", partitions: 3)
            let appender = RecordAppender(client: client, topic: "t")
            for time in Int64(1)...4 {
                try await appender.append([
                    AppendedRecord(partition: 1, key: nil, value: nil, timestamp: time * 1_000)
                ])
            }
            let results = await client.listOffsets([
                TopicPartition("t", 0): .latest, TopicPartition("t", 1): .latest, TopicPartition("t", 2): .earliest,
                TopicPartition("t", 9): .latest, TopicPartition("missing", 0): .latest,
            ])
            #expect(try results[TopicPartition("t", 0)]?.get().offset == 0)
            #expect(try results[TopicPartition("t", 1)]?.get().offset == 4)
            #expect(try results[TopicPartition("t", 2)]?.get().offset == 0)
            for absent in [TopicPartition("t", 9), TopicPartition("missing", 0)] {
                guard case .failure(let error) = results[absent] else {
                    Issue.record("\(absent) does not exist")
                    continue
                }
                #expect(error.code == .unknownTopic)
                #expect(error.topic == absent.topic)
                #expect(error.partition == absent.partition)
            }
            let byTime = try await client.listOffset(.timestamp(2_500), of: TopicPartition("t", 1))
            #expect(byTime.offset == 2)
            #expect(byTime.timestamp == 3_000)
            let maximum = try await client.listOffset(.maximumTimestamp, of: TopicPartition("t", 1))
            #expect(maximum.offset == 3)
            let end = await client.offsetsForLeaderEpochs([TopicPartition("t", 1): 0])
            #expect(try end[TopicPartition("t", 1)]?.get().endOffset == 4)
            let low = await client.deleteRecords(before: [TopicPartition("t", 1): 3])
            #expect(try low[TopicPartition("t", 1)]?.get() == 3)
            let earliest = try await client.listOffset(.earliest, of: TopicPartition("t", 1))
            #expect(earliest.offset == 3)
        }
    }

    @Test(
        "Faults pass and the call succeeds",
        arguments: [
            Fault.error(.notLeaderOrFollower), .error(.leaderNotAvailable), .error(.unknownLeaderEpoch),
            .error(.requestTimedOut), .close, .closeAfter, .truncate, .garbage,
        ]
    )
    func faults(_ fault: Fault) async throws {
        try await withCluster(brokers: 2) { cluster, client in
            try await cluster.createTopic("t", partitions: 2)
            try await cluster.faults.inject(.listOffsets, count: 2, fault)
            let results = await client.listOffsets([
                TopicPartition("t", 0): .latest, TopicPartition("t", 1): .latest,
            ])
            if fault == .garbage {
                // An answer that makes no sense is reported, not asked for again.
                return
            }
            #expect(try results[TopicPartition("t", 0)]?.get().offset == 0)
            #expect(try results[TopicPartition("t", 1)]?.get().offset == 0)
            #expect(try await cluster.faults.pending() == 0)
        }
    }

    @Test("A broker that does not answer is given up at the deadline, with the reason")
    func silence() async throws {
        try await withCluster { cluster, client in
            try await cluster.createTopic("t")
            try await client.refreshMetadata(.all)
            try await cluster.faults.inject(.listOffsets, count: 5, .drop)
            let results = await client.listOffsets(
                [TopicPartition("t", 0): .latest],
                deadline: .after(.milliseconds(200))
            )
            guard case .failure(let error) = results[TopicPartition("t", 0)] else {
                Issue.record("nobody answered")
                return
            }
            #expect(error.code == .timedOut)
            #expect(error.topic == "t" && error.partition == 0)
        }
    }

    @Test("An error that lasts is reported with its code at the deadline")
    func lastingError() async throws {
        try await withCluster { cluster, client in
            try await cluster.createTopic("t")
            let refusals = 100_000
            try await cluster.faults.inject(.listOffsets, count: refusals, .error(.offsetNotAvailable))
            // With a second request on its way, the first refusal has been read; a slow machine needs more time for it.
            var patience = Duration.milliseconds(200)
            var results: [TopicPartition: Result<ListedOffset, KafkaClientError>] = [:]
            var asked = 0
            while asked < 2, patience < .seconds(60) {
                let before = try await cluster.faults.pending()
                results = await client.listOffsets([TopicPartition("t", 0): .latest], deadline: .after(patience))
                asked = before - (try await cluster.faults.pending())
                patience = patience * 3
            }
            guard case .failure(let error) = results[TopicPartition("t", 0)] else {
                Issue.record("the broker kept refusing")
                return
            }
            #expect(error.kafkaError == .offsetNotAvailable)
            #expect(error.topic == "t")
        }
    }
}
