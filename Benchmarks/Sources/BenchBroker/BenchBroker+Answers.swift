import KafkaProtocol

/// The answers that need no waiting.
extension BenchBroker {
    private static let nodeID: Int32 = 1
    private static let clusterID: KafkaString = "bench-cluster-00000001"

    func apiVersions() -> ApiVersionsResponse {
        func entry<Request: KafkaRequest>(
            _: Request.Type,
            from oldest: Int16 = 0
        ) -> ApiVersionsResponse.ApiVersion {
            .with {
                $0.apiKey = Request.apiKey.rawValue
                $0.minVersion = max(oldest, Request.supportedVersions.lowerBound)
                $0.maxVersion = Request.supportedVersions.upperBound
            }
        }
        return .with {
            $0.apiKeys = [
                entry(ProduceRequest.self, from: 3), entry(FetchRequest.self, from: 4),
                entry(ListOffsetsRequest.self, from: 1),
                entry(MetadataRequest.self), entry(FindCoordinatorRequest.self), entry(ListGroupsRequest.self),
                entry(ApiVersionsRequest.self), entry(CreateTopicsRequest.self, from: 2),
                entry(InitProducerIdRequest.self),
                entry(OffsetForLeaderEpochRequest.self, from: 2), entry(DescribeAclsRequest.self, from: 1),
                entry(DescribeConfigsRequest.self, from: 1), entry(CreatePartitionsRequest.self),
                entry(IncrementalAlterConfigsRequest.self), entry(DescribeClusterRequest.self),
                entry(DescribeProducersRequest.self),
            ]
        }
    }

    func metadata(_ request: MetadataRequest, version: Int16) -> MetadataResponse {
        var response = MetadataResponse()
        response.brokers = [
            .with {
                $0.nodeID = Self.nodeID
                $0.host = KafkaString(host)
                $0.port = port
            }
        ]
        response.clusterID = Self.clusterID
        response.controllerID = Self.nodeID
        if let asked = request.topics, !(asked.isEmpty && version == 0) {
            response.topics = asked.map { topic in
                let name = topic.name ?? topicNames[topic.topicID]
                if let name, let known = topics[name] { return Self.describe(known) }
                return .with {
                    $0.errorCode = topic.name == nil ? .unknownTopicID : .unknownTopicOrPartition
                    $0.name = name ?? (version < 12 ? "" : nil)
                    $0.topicID = topic.topicID
                }
            }
        } else {
            response.topics = topics.values.sorted { $0.name < $1.name }.map(Self.describe)
        }
        return response
    }

    private static func describe(_ topic: Topic) -> MetadataResponse.MetadataResponseTopic {
        .with {
            $0.name = topic.name
            $0.topicID = topic.id
            $0.partitions = topic.partitions.map { partition in
                .with {
                    $0.partitionIndex = partition.index
                    $0.leaderID = nodeID
                    $0.leaderEpoch = 0
                    $0.replicaNodes = [nodeID]
                    $0.isrNodes = [nodeID]
                }
            }
        }
    }

    func listOffsets(_ request: ListOffsetsRequest) -> ListOffsetsResponse {
        .with {
            $0.topics = request.topics.map { topic in
                .with {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { asked in
                        .with {
                            $0.partitionIndex = asked.partitionIndex
                            guard let partition = partition(topic.name, asked.partitionIndex) else {
                                $0.errorCode = .unknownTopicOrPartition
                                return
                            }
                            $0.leaderEpoch = 0
                            $0.offset = asked.timestamp == -2 ? 0 : partition.endOffset(isOpen: isOpen)
                        }
                    }
                }
            }
        }
    }

    func epochs(_ request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse {
        .with {
            $0.topics = request.topics.map { topic in
                .with {
                    $0.topic = topic.topic
                    $0.partitions = topic.partitions.map { asked in
                        .with {
                            $0.partition = asked.partition
                            guard let partition = partition(topic.topic, asked.partition) else {
                                $0.errorCode = .unknownTopicOrPartition
                                return
                            }
                            $0.leaderEpoch = 0
                            $0.endOffset = partition.endOffset(isOpen: isOpen)
                        }
                    }
                }
            }
        }
    }

    func coordinator(_ request: FindCoordinatorRequest) -> FindCoordinatorResponse {
        .with {
            $0.nodeID = Self.nodeID
            $0.host = KafkaString(host)
            $0.port = port
            $0.coordinators = request.coordinatorKeys.map { key in
                .with {
                    $0.key = key
                    $0.nodeID = Self.nodeID
                    $0.host = KafkaString(host)
                    $0.port = port
                }
            }
        }
    }

    func producer() -> InitProducerIdResponse {
        nextProducerID += 1
        return .with {
            $0.producerID = nextProducerID
            $0.producerEpoch = 0
        }
    }

    func createTopics(_ request: CreateTopicsRequest) -> CreateTopicsResponse {
        .with {
            $0.topics = request.topics.map { asked in
                .with {
                    $0.name = asked.name
                    guard topics[asked.name] == nil else {
                        $0.errorCode = .topicAlreadyExists
                        return
                    }
                    guard !request.validateOnly else { return }
                    let count = asked.assignments.isEmpty ? max(1, asked.numPartitions) : Int32(asked.assignments.count)
                    let topic = create(asked.name, partitions: count)
                    $0.topicID = topic.id
                    $0.numPartitions = count
                    $0.replicationFactor = 1
                }
            }
        }
    }

    func createPartitions(_ request: CreatePartitionsRequest) -> CreatePartitionsResponse {
        .with {
            $0.results = request.topics.map { asked in
                .with {
                    $0.name = asked.name
                    guard let topic = topics[asked.name] else {
                        $0.errorCode = .unknownTopicOrPartition
                        return
                    }
                    while topic.partitions.count < Int(asked.count) {
                        topic.partitions.append(
                            Partition(index: Int32(topic.partitions.count), content: .counted(Counted()))
                        )
                    }
                }
            }
        }
    }

    func describeConfigs(_ request: DescribeConfigsRequest) -> DescribeConfigsResponse {
        let values: [(KafkaString, KafkaString)] = [
            ("cleanup.policy", "delete"), ("compression.type", "producer"), ("max.message.bytes", "1048588"),
            ("message.timestamp.type", "CreateTime"), ("min.insync.replicas", "1"), ("retention.ms", "604800000"),
        ]
        return .with {
            $0.results = request.resources.map { resource in
                .with {
                    $0.resourceType = resource.resourceType
                    $0.resourceName = resource.resourceName
                    guard resource.resourceType == 2 else { return }
                    guard topics[resource.resourceName] != nil else {
                        $0.errorCode = .unknownTopicOrPartition
                        return
                    }
                    $0.configs = values.filter { resource.configurationKeys?.contains($0.0) ?? true }.map {
                        name,
                        value in
                        .with {
                            $0.name = name
                            $0.value = value
                            $0.configSource = 5
                        }
                    }
                }
            }
        }
    }

    func alterConfigs(_ request: IncrementalAlterConfigsRequest) -> IncrementalAlterConfigsResponse {
        .with {
            $0.responses = request.resources.map { resource in
                .with {
                    $0.resourceType = resource.resourceType
                    $0.resourceName = resource.resourceName
                }
            }
        }
    }

    func cluster() -> DescribeClusterResponse {
        .with {
            $0.clusterID = Self.clusterID
            $0.controllerID = Self.nodeID
            $0.brokers = [
                .with {
                    $0.brokerID = Self.nodeID
                    $0.host = KafkaString(host)
                    $0.port = port
                }
            ]
        }
    }

    func describeProducers(_ request: DescribeProducersRequest) -> DescribeProducersResponse {
        .with {
            $0.topics = request.topics.map { topic in
                .with {
                    $0.name = topic.name
                    $0.partitions = topic.partitionIndexes.map { index in .with { $0.partitionIndex = index } }
                }
            }
        }
    }
}
