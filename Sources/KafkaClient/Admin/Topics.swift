public import KafkaProtocol

/// A topic to be created.
public struct NewTopic: Sendable, Hashable {
    public var name: TopicName
    /// -1 leaves the number to the cluster.
    public var partitionCount: Int32
    /// -1 leaves the number to the cluster.
    public var replicationFactor: Int16
    /// The brokers of each partition; overrides the two numbers when not empty.
    public var assignments: [Int32: [Int32]]
    public var configs: [KafkaString: KafkaString]

    public init(
        name: TopicName,
        partitionCount: Int32 = -1,
        replicationFactor: Int16 = -1,
        assignments: [Int32: [Int32]] = [:],
        configs: [KafkaString: KafkaString] = [:]
    ) {
        self.name = name
        self.partitionCount = partitionCount
        self.replicationFactor = replicationFactor
        self.assignments = assignments
        self.configs = configs
    }
}

/// A topic that was created; older brokers tell less.
public struct CreatedTopic: Sendable, Hashable {
    public var topicID: KafkaUUID
    /// -1 when the broker does not tell.
    public var partitionCount: Int32
    /// -1 when the broker does not tell.
    public var replicationFactor: Int16
}

extension KafkaClient {
    /// Creates topics; a topic that exists fails with `topicAlreadyExists`.
    ///
    /// - Parameter validateOnly: Only checks whether they could be created.
    public func createTopics(
        _ topics: [NewTopic],
        validateOnly: Bool = false,
        deadline: Deadline? = nil
    ) async -> [TopicName: Result<CreatedTopic, KafkaClientError>] {
        let byName = Dictionary(topics.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let timeout = settings.requestTimeout.milliseconds32
        let results: [TopicName: Result<CreatedTopic, KafkaClientError>] = await perTopic(
            CreateTopicsRequest.self,
            topics.map(\.name),
            deadline: deadline,
            what: "The topic cannot be created",
            build: { names, version throws(KafkaClientError) in
                var request = CreateTopicsRequest()
                request.timeoutMs = timeout
                if version >= 1 { request.validateOnly = validateOnly }
                for name in names {
                    guard let topic = byName[name] else { continue }
                    if version < 4, topic.assignments.isEmpty,
                        topic.partitionCount < 0 || topic.replicationFactor < 0
                    {
                        throw KafkaClientError(
                            .unsupportedByBroker,
                            "The broker is older than Kafka 2.4 and has no default partition count and replication",
                            topic: name,
                            nextStep: "Give a partition count and a replication factor."
                        )
                    }
                    request.topics.append(Self.creatable(topic))
                }
                return request
            },
            parse: { response in
                response.topics.map { topic in
                    guard topic.errorCode == .none else {
                        return (topic.name, .failure(ItemFailure(topic.errorCode, topic.errorMessage)))
                    }
                    return (
                        topic.name,
                        .success(
                            CreatedTopic(
                                topicID: topic.topicID,
                                partitionCount: topic.numPartitions,
                                replicationFactor: topic.replicationFactor
                            )
                        )
                    )
                }
            }
        )
        if !validateOnly { noteChanged(results) }
        return results
    }

    private static func creatable(_ topic: NewTopic) -> CreateTopicsRequest.CreatableTopic {
        var entry = CreateTopicsRequest.CreatableTopic()
        entry.name = topic.name
        entry.numPartitions = topic.assignments.isEmpty ? topic.partitionCount : -1
        entry.replicationFactor = topic.assignments.isEmpty ? topic.replicationFactor : -1
        entry.assignments = topic.assignments.sorted { $0.key < $1.key }.map { index, brokers in
            var assignment = CreateTopicsRequest.CreatableReplicaAssignment()
            assignment.partitionIndex = index
            assignment.brokerIDs = brokers
            return assignment
        }
        entry.configs = topic.configs.sorted { $0.key < $1.key }.map { name, value in
            var config = CreateTopicsRequest.CreatableTopicConfig()
            config.name = name
            config.value = value
            return config
        }
        return entry
    }

    /// Deletes topics by name.
    public func deleteTopics(
        _ names: [TopicName],
        deadline: Deadline? = nil
    ) async -> [TopicName: Result<Void, KafkaClientError>] {
        let timeout = settings.requestTimeout.milliseconds32
        let results: [TopicName: Result<Void, KafkaClientError>] = await perTopic(
            DeleteTopicsRequest.self,
            names,
            deadline: deadline,
            what: "The topic cannot be deleted",
            build: { names, version throws(KafkaClientError) in
                var request = DeleteTopicsRequest()
                request.timeoutMs = timeout
                if version >= 6 {
                    request.topics = names.map { name in
                        var topic = DeleteTopicsRequest.DeleteTopicState()
                        topic.name = name
                        return topic
                    }
                } else {
                    request.topicNames = names
                }
                return request
            },
            parse: { response in
                response.responses.compactMap { topic in
                    guard let name = topic.name else { return nil }
                    guard topic.errorCode == .none else {
                        return (name, .failure(ItemFailure(topic.errorCode, topic.errorMessage)))
                    }
                    return (name, .success(()))
                }
            }
        )
        noteChanged(results)
        return results
    }

    /// Raises the partition counts of topics to the totals given.
    public func createPartitions(
        _ totals: [TopicName: Int32],
        validateOnly: Bool = false,
        deadline: Deadline? = nil
    ) async -> [TopicName: Result<Void, KafkaClientError>] {
        let timeout = settings.requestTimeout.milliseconds32
        let results: [TopicName: Result<Void, KafkaClientError>] = await perTopic(
            CreatePartitionsRequest.self,
            Array(totals.keys),
            deadline: deadline,
            what: "The topic cannot get more partitions",
            build: { names, _ throws(KafkaClientError) in
                var request = CreatePartitionsRequest()
                request.timeoutMs = timeout
                request.validateOnly = validateOnly
                request.topics = names.map { name in
                    var topic = CreatePartitionsRequest.CreatePartitionsTopic()
                    topic.name = name
                    topic.count = totals[name] ?? -1
                    // Null lets the cluster choose the brokers.
                    topic.assignments = nil
                    return topic
                }
                return request
            },
            parse: { response in
                response.results.map { topic in
                    guard topic.errorCode == .none else {
                        return (topic.name, .failure(ItemFailure(topic.errorCode, topic.errorMessage)))
                    }
                    return (topic.name, .success(()))
                }
            }
        )
        if !validateOnly { noteChanged(results) }
        return results
    }

    /// Deletes the records before the offsets given (-1: all) and returns each partition's new first offset.
    public func deleteRecords(
        before offsets: [TopicPartition: Int64],
        deadline: Deadline? = nil
    ) async -> [TopicPartition: Result<Int64, KafkaClientError>] {
        let timeout = settings.requestTimeout.milliseconds32
        return await perLeader(
            DeleteRecordsRequest.self,
            partitions: Array(offsets.keys),
            deadline: self.deadline(deadline),
            what: "The partition's records cannot be deleted",
            build: { partitions, _ throws(KafkaClientError) in
                var request = DeleteRecordsRequest()
                request.timeoutMs = timeout
                for (topic, indices) in partitions.groupedByTopic() {
                    var entry = DeleteRecordsRequest.DeleteRecordsTopic()
                    entry.name = topic
                    entry.partitions = indices.map { index in
                        var partition = DeleteRecordsRequest.DeleteRecordsPartition()
                        partition.partitionIndex = index
                        partition.offset = offsets[TopicPartition(topic: topic, partition: index)] ?? -1
                        return partition
                    }
                    request.topics.append(entry)
                }
                return request
            },
            parse: { response, _ in
                response.topics.flatMap { topic in
                    topic.partitions.map { partition in
                        let id = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                        guard partition.errorCode == .none else {
                            return (id, .failure(ItemFailure(partition.errorCode)))
                        }
                        return (id, .success(partition.lowWatermark))
                    }
                }
            }
        )
    }

    /// A request about topics that the controller answers.
    private func perTopic<R: KafkaRequest, Value: Sendable>(
        _ type: R.Type,
        _ names: [TopicName],
        deadline: Deadline?,
        what: String,
        build: @escaping @Sendable ([TopicName], Int16) throws(KafkaClientError) -> R,
        parse: (R.Response) -> [(TopicName, Result<Value, ItemFailure>)]
    ) async -> [TopicName: Result<Value, KafkaClientError>] {
        let deadline = self.deadline(deadline)
        return await fanOut(
            R.self,
            keys: names,
            // The broker may use the whole time it is given before it answers.
            timeout: settings.requestTimeout + .seconds(5),
            deadline: deadline,
            locate: { await locateAll($0, .controller, deadline: deadline) },
            recover: { _, code in act(on: code.recovery, code: code, route: .controller) },
            isFinal: { $0 == .unknownTopicOrPartition || $0 == .unknownTopicID },
            build: build,
            parse: { response, _ in parse(response) },
            describe: { name, failure in refused(failure.code, what, detail: failure.message, topic: name) }
        )
    }

    /// Metadata of topics that just changed is asked for at once, so that nobody works with the old state.
    private func noteChanged<Value>(_ results: [TopicName: Result<Value, KafkaClientError>]) {
        var changed = Set<TopicName>()
        for (name, result) in results {
            if case .success = result { changed.insert(name) }
        }
        if !changed.isEmpty { requestMetadataRefresh(.requested, topics: changed) }
    }
}
