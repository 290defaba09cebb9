import KafkaClient
import KafkaProtocol
import LocalKafka
import NIOCore
import Testing

@Suite("Configurations, access, quotas", .timeLimit(.minutes(1)))
struct ConfigAndAccessTests {
    @Test("Configurations are read and changed, one by one or all at once")
    func configs() async throws {
        try await withCluster(brokers: 2) { cluster, client in
            try await cluster.createTopic("t", configs: ["retention.ms": "1000"])
            let topic = ConfigResource.topic("t")
            let read = await client.describeConfigs([topic, .topic("missing"), .broker(2)])
            let entries = try #require(read[topic]).get()
            let retention = try #require(entries.first { $0.name == "retention.ms" })
            #expect(retention.value == "1000")
            #expect(retention.source == .topic)
            #expect(!retention.isDefault)
            #expect(entries.contains { $0.name == "cleanup.policy" && $0.isDefault })
            #expect(throws: KafkaClientError.self) { try read[.topic("missing")]?.get() }
            #expect(try read[.broker(2)]?.get().isEmpty == false)

            let some = await client.describeConfigs([topic], keys: ["cleanup.policy"])
            #expect(try some[topic]?.get().map(\.name) == ["cleanup.policy"])

            let changed = await client.incrementalAlterConfigs([
                topic: [.init(.set, "cleanup.policy", "compact"), .init(.delete, "retention.ms")],
                .topic("missing"): [.init(.set, "cleanup.policy", "compact")],
            ])
            #expect(throws: Never.self) { try changed[topic]?.get() }
            #expect(throws: KafkaClientError.self) { try changed[.topic("missing")]?.get() }
            #expect(try await cluster.topic("t")?.configs == ["cleanup.policy": "compact"])

            let wrong = await client.incrementalAlterConfigs([topic: [.init(.set, "retention.ms", "soon")]])
            guard case .failure(let error) = wrong[topic] else {
                Issue.record("the value is no number")
                return
            }
            #expect(error.kafkaError == .invalidConfig)

            let replaced = await client.alterConfigs([topic: ["segment.bytes": "1048576"]])
            #expect(throws: Never.self) { try replaced[topic]?.get() }
            #expect(try await cluster.topic("t")?.configs == ["segment.bytes": "1048576"])
        }
    }

    @Test("Rules of access are created, found and deleted")
    func access() async throws {
        let allowUs: (inout LocalCluster.Configuration) -> Void = {
            $0.authorization = true
            $0.superUsers = ["User:ANONYMOUS"]
        }
        try await withCluster(configure: allowUs) { _, client in
            let read = AccessRule(resource: .topic, name: "t", principal: "User:a", operation: .read)
            let write = AccessRule(
                resource: .topic,
                name: "t",
                pattern: .prefixed,
                principal: "User:b",
                operation: .write,
                permission: .deny
            )
            let created = await client.createAccess([read, write])
            #expect(throws: Never.self) { try created[read]?.get() }
            #expect(throws: Never.self) { try created[write]?.get() }
            let all = try await client.describeAccess()
            #expect(Set(all) == [read, write])
            #expect(try await client.describeAccess(AccessRuleFilter(principal: "User:a")) == [read])
            let filter = AccessRuleFilter(resource: .topic, operation: .write)
            let deleted = await client.deleteAccess([filter])
            #expect(try deleted[filter]?.get() == [write])
            #expect(try await client.describeAccess() == [read])
        }
    }

    @Test("Quotas are set, read and removed")
    func quotas() async throws {
        try await withCluster { _, client in
            let entity = QuotaEntity(["client-id": "mirror"])
            let set = await client.alterClientQuotas([entity: ["producer_byte_rate": 2_048]])
            #expect(throws: Never.self) { try set[entity]?.get() }
            let filters = [QuotaFilter("client-id", .exactly("mirror"))]
            let found = try await client.describeClientQuotas(filters)
            #expect(found == [entity: ["producer_byte_rate": 2_048]])
            let removed = await client.alterClientQuotas([entity: ["producer_byte_rate": nil]])
            #expect(throws: Never.self) { try removed[entity]?.get() }
            #expect(try await client.describeClientQuotas(filters).isEmpty)
        }
    }

    @Test("The cluster, its directories, producers and transactions are described")
    func descriptions() async throws {
        try await withCluster(brokers: 2) { cluster, client in
            try await cluster.createTopic("t", partitions: 2)
            let description = try await client.describeCluster()
            #expect(description.brokers.map(\.nodeID) == [1, 2])
            #expect(description.clusterID?.string == cluster.configuration.clusterID)
            try await RecordAppender(client: client, topic: "t").append([
                AppendedRecord(partition: 0, key: nil, value: .init(string: "x"), timestamp: 1)
            ])
            let directories = try await client.describeLogDirectories(topics: ["t"])
            #expect(directories.count == 2)
            let replicas = try directories.values.flatMap { try $0.get() }.flatMap(\.replicas)
            #expect(replicas.contains { $0.partition == TopicPartition("t", 0) && $0.sizeInBytes > 0 })
            let producers = await client.describeProducers(of: [TopicPartition("t", 0)])
            #expect(try producers[TopicPartition("t", 0)]?.get().count == 1)

            let manager = TransactionManager(client: client, transactionalID: "tx")
            let identity = try await manager.initialize()
            try manager.begin()
            try await manager.add([TopicPartition("t", 1)])
            #expect(try await client.listTransactions().map(\.transactionalID) == ["tx"])
            let transaction = try #require(await client.describeTransactions(["tx"])["tx"]).get()
            #expect(transaction.state == "Ongoing")
            #expect(transaction.producer == identity)
            #expect(transaction.partitions == [TopicPartition("t", 1)])
            try await manager.abort()
        }
    }

    @Test("Without permission each topic fails by itself and names what is missing")
    func denied() async throws {
        let denyAll: (inout LocalCluster.Configuration) -> Void = { $0.authorization = true }
        try await withCluster(configure: denyAll) { cluster, client in
            try await cluster.createTopic("t")
            // A refusal is final, so nothing waits for the deadline of the call.
            let results = await client.listOffsets([TopicPartition("t", 0): .latest], deadline: .after(.seconds(50)))
            guard case .failure(let error) = results[TopicPartition("t", 0)] else {
                Issue.record("nothing is allowed")
                return
            }
            #expect(error.topic == "t")
            #expect(error.code == .refused)
            #expect(error.kafkaError == .topicAuthorizationFailed)
            #expect(error.nextStep?.contains("permission") == true)
        }
    }
}
