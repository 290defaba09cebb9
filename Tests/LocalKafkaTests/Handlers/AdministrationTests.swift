import KafkaProtocol
import LocalKafka
import Testing

/// Topics, configs and the cluster itself over a socket.
@Suite struct AdministrationTests {
    private func create(
        _ name: TopicName,
        partitions: Int32 = 1,
        replication: Int16 = 1,
        configs: [String: String] = [:],
        validateOnly: Bool = false
    ) -> CreateTopicsRequest {
        .with {
            $0.validateOnly = validateOnly
            $0.topics = [
                .with {
                    $0.name = name
                    $0.numPartitions = partitions
                    $0.replicationFactor = replication
                    $0.configs = configs.map { name, value in
                        .with {
                            $0.name = KafkaString(name)
                            $0.value = KafkaString(value)
                        }
                    }
                }
            ]
        }
    }

    @Test func topicsAreCreatedAndChecked() async throws {
        try await withTestCluster(brokers: 2) { cluster in
            try await RawClient.with(cluster.address()) { client async throws in
                func code(_ request: CreateTopicsRequest) async throws -> ErrorCode {
                    try await client.send(request, version: 7).topics[0].errorCode
                }
                #expect(try await code(self.create("ok", partitions: 3, replication: 2)) == .none)
                #expect(try await code(self.create("ok")) == .topicAlreadyExists)
                #expect(try await code(self.create("dry", validateOnly: true)) == .none)
                #expect(try await code(self.create("a/b")) == .invalidTopicException)
                #expect(try await code(self.create("x.y")) == .none)
                #expect(try await code(self.create("x_y")) == .invalidTopicException)
                #expect(try await code(self.create("p", partitions: 0)) == .invalidPartitions)
                #expect(try await code(self.create("r", replication: 3)) == .invalidReplicationFactor)
                #expect(try await code(self.create("c", configs: ["no.such": "1"])) == .invalidConfig)
                #expect(try await code(self.create("c", configs: ["retention.ms": "soon"])) == .invalidConfig)
                #expect(try await code(self.create("c", configs: ["cleanup.policy": "compact,delete"])) == .none)
            }
            #expect(try await cluster.topicNames() == ["c", "ok", "x.y"])
            #expect(try await cluster.topic("ok")?.partitions.map(\.replicas.count) == [2, 2, 2])
        }
    }

    @Test func metadataCreatesTopicsWhereAllowed() async throws {
        try await withTestCluster { cluster in
            try await RawClient.with(cluster.address()) { client async throws in
                var request = MetadataRequest()
                request.topics = [.with { $0.name = "auto" }]
                request.allowAutoTopicCreation = false
                let refused = try await client.send(request, version: 12)
                #expect(refused.topics[0].errorCode == .unknownTopicOrPartition)
                request.allowAutoTopicCreation = true
                let created = try await client.send(request, version: 12)
                #expect(created.topics[0].errorCode == .none && created.topics[0].partitions.count == 1)
                request.topics = [
                    .with {
                        $0.topicID = created.topics[0].topicID
                        $0.name = nil
                    }
                ]
                #expect(try await client.send(request, version: 12).topics[0].name == "auto")
                request.topics = [
                    .with {
                        $0.topicID = KafkaUUID(high: 1, low: 1)
                        $0.name = nil
                    }
                ]
                #expect(try await client.send(request, version: 12).topics[0].errorCode == .unknownTopicID)
                for version in MetadataRequest.supportedVersions {
                    var all = MetadataRequest()
                    all.topics = version == 0 ? [] : nil
                    let response = try await client.send(all, version: version)
                    #expect(response.topics.map(\.name) == ["auto"] && response.brokers.count == 1)
                }
            }
        }
    }

    @Test func configsAreResolvedFromTheirSources() async throws {
        func configure(_ configuration: inout LocalCluster.Configuration) {
            configuration.brokerConfigs["log.retention.ms"] = "1000"
        }
        try await withTestCluster(configure) { cluster in
            try await cluster.createTopic("t", configs: ["cleanup.policy": "compact"])
            try await RawClient.with(cluster.address()) { client async throws in
                let request = DescribeConfigsRequest.with {
                    $0.includeSynonyms = true
                    $0.resources = [
                        .with {
                            $0.resourceType = 2
                            $0.resourceName = "t"
                            $0.configurationKeys = ["cleanup.policy", "retention.ms", "segment.ms"]
                        }
                    ]
                }
                let configs = try await client.send(request, version: 4).results[0].configs
                let sources = Dictionary(uniqueKeysWithValues: configs.map { ($0.name, $0.configSource) })
                #expect(sources == ["cleanup.policy": 1, "retention.ms": 4, "segment.ms": 5])
                let retention = try #require(configs.first { $0.name == "retention.ms" })
                #expect(retention.value == "1000" && retention.synonyms.map(\.value) == ["1000", "604800000"])
            }
        }
    }

    @Test func configsAreChangedOneByOne() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t", configs: ["retention.ms": "5", "segment.ms": "100"])
            try await RawClient.with(cluster.address()) { client async throws in
                func alter(_ name: String, _ operation: Int8, _ value: String?) async throws -> ErrorCode {
                    let request = IncrementalAlterConfigsRequest.with {
                        $0.resources = [
                            .with {
                                $0.resourceType = 2
                                $0.resourceName = "t"
                                $0.configs = [
                                    .with {
                                        $0.name = KafkaString(name)
                                        $0.configOperation = operation
                                        $0.value = value.map { KafkaString($0) }
                                    }
                                ]
                            }
                        ]
                    }
                    return try await client.send(request, version: 1).responses[0].errorCode
                }
                #expect(try await alter("retention.ms", 0, "7") == .none)
                #expect(try await alter("segment.ms", 1, nil) == .none)
                #expect(try await alter("cleanup.policy", 2, "compact") == .none)
                #expect(try await alter("cleanup.policy", 3, "delete") == .none)
                #expect(try await alter("retention.ms", 2, "1") == .invalidConfig)
                #expect(try await alter("nonsense", 0, "1") == .invalidConfig)
            }
            #expect(try await cluster.topic("t")?.configs == ["retention.ms": "7", "cleanup.policy": "compact"])
        }
    }

    @Test func partitionsAreAddedAndRecordsDeleted() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t")
            for _ in 0..<3 { try await cluster.append([try Batch.make(["x"])], to: "t", 0) }
            try await RawClient.with(cluster.address()) { client async throws in
                var add = CreatePartitionsRequest()
                add.topics = [
                    .with {
                        $0.name = "t"
                        $0.count = 4
                        $0.assignments = nil
                    }
                ]
                #expect(try await client.send(add, version: 3).results[0].errorCode == .none)
                #expect(try await client.send(add, version: 3).results[0].errorCode == .invalidPartitions)
                func delete(_ offset: Int64) async throws -> DeleteRecordsResponse.DeleteRecordsPartitionResult {
                    let request = DeleteRecordsRequest.with {
                        $0.topics = [
                            .with {
                                $0.name = "t"
                                $0.partitions = [.with { $0.offset = offset }]
                            }
                        ]
                    }
                    return try await client.send(request, version: 2).topics[0].partitions[0]
                }
                #expect(try await delete(2).lowWatermark == 2)
                #expect(try await delete(9).errorCode == .offsetOutOfRange)
                #expect(try await delete(-1).lowWatermark == 3)
            }
            #expect(try await cluster.topic("t")?.partitions.count == 4)
        }
    }

    @Test func brokersGoAndComeBack() async throws {
        try await withTestCluster(brokers: 3) { cluster in
            try await cluster.createTopic("t", partitions: 3, replicationFactor: 2)
            try await cluster.setBroker(1, isUp: false)
            let leaders = try await cluster.topic("t")?.partitions.map(\.leader) ?? []
            #expect(!leaders.contains(1) && !leaders.contains(-1))
            try await RawClient.with(cluster.address(1)) { client async throws in
                let response = try await client.send(DescribeClusterRequest(), version: 1)
                #expect(response.brokers.map(\.brokerID) == [2, 3] && response.controllerID == 2)
            }
            await #expect(throws: (any Error).self) {
                try await RawClient.with(cluster.address(0)) { client async throws in
                    _ = try await client.send(DescribeClusterRequest(), version: 1)
                }
            }
            try await cluster.setBroker(1, isUp: true)
            try await RawClient.with(cluster.address(0)) { client async throws in
                #expect(try await client.send(DescribeClusterRequest(), version: 1).brokers.count == 3)
            }
        }
    }

    @Test func describedPartitionsComeInPages() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("a", partitions: 3)
            try await cluster.createTopic("b", partitions: 2)
            try await RawClient.with(cluster.address()) { client async throws in
                var request = DescribeTopicPartitionsRequest()
                request.responsePartitionLimit = 2
                var seen: [String] = []
                for _ in 0..<5 {
                    let response = try await client.send(request, version: 0)
                    for topic in response.topics {
                        seen += topic.partitions.map { "\(topic.name ?? "")\($0.partitionIndex)" }
                    }
                    guard let next = response.nextCursor else { break }
                    request.cursor = .with {
                        $0.topicName = next.topicName
                        $0.partitionIndex = next.partitionIndex
                    }
                }
                #expect(seen == ["a0", "a1", "a2", "b0", "b1"])
            }
        }
    }
}
