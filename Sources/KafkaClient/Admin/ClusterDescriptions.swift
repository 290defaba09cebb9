public import KafkaProtocol

/// What a cluster says about itself.
public struct ClusterDescription: Sendable, Hashable {
    public var clusterID: KafkaString?
    public var controllerID: Int32?
    public var brokers: [ClusterMetadata.Broker]
}

/// A directory of a broker and the partitions in it.
public struct LogDirectory: Sendable, Hashable {
    public struct Replica: Sendable, Hashable {
        public var partition: TopicPartition
        public var sizeInBytes: Int64
        /// How far a replica that is being moved lies behind.
        public var offsetLag: Int64
        public var isFuture: Bool
    }

    public var path: KafkaString
    public var error: ErrorCode
    public var replicas: [Replica]
    /// -1 when the broker does not tell.
    public var totalBytes: Int64
    /// -1 when the broker does not tell.
    public var usableBytes: Int64
}

extension KafkaClient {
    /// Asks the cluster for its id, controller and brokers.
    public func describeCluster(deadline: Deadline? = nil) async throws(KafkaClientError) -> ClusterDescription {
        // Metadata says the same and works with every broker.
        let metadata = try await refreshMetadata(.topics([]), deadline: deadline)
        return ClusterDescription(
            clusterID: metadata.clusterID,
            controllerID: metadata.controllerID,
            brokers: metadata.brokers.values.sorted { $0.nodeID < $1.nodeID }
        )
    }

    /// Lists the log directories of brokers.
    ///
    /// - Parameters:
    ///   - brokers: Only these; nil asks all.
    ///   - topics: Only partitions of these; nil lists all.
    public func describeLogDirectories(
        brokers: [Int32]? = nil,
        topics: [TopicName]? = nil,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> [Int32: Result<[LogDirectory], KafkaClientError>] {
        let deadline = self.deadline(deadline)
        let metadata = try await waitUntilConnected(deadline: deadline)
        if let topics {
            let unknown = Set(topics.filter { metadata.topics[$0] == nil })
            if !unknown.isEmpty { try await refreshMetadata(.topics(unknown), deadline: deadline) }
        }
        let known = self.metadata
        return await fanOut(
            DescribeLogDirsRequest.self,
            keys: brokers ?? known.brokers.keys.sorted(),
            deadline: deadline,
            locate: { keys in Dictionary(uniqueKeysWithValues: keys.map { ($0, ItemLocation.broker($0)) }) },
            build: { _, _ throws(KafkaClientError) in
                var request = DescribeLogDirsRequest()
                request.topics = topics?.map { name in
                    var topic = DescribeLogDirsRequest.DescribableLogDirTopic()
                    topic.topic = name
                    topic.partitions = known.topics[name]?.partitions.map(\.index) ?? []
                    return topic
                }
                return request
            },
            parse: { response, brokers in
                brokers.map { broker in
                    guard response.errorCode == .none else {
                        return (broker, .failure(ItemFailure(response.errorCode)))
                    }
                    return (broker, .success(response.results.map(Self.directory)))
                }
            },
            describe: { _, failure in refused(failure.code, "The log directories cannot be described") }
        )
    }

    private static func directory(_ result: DescribeLogDirsResponse.DescribeLogDirsResult) -> LogDirectory {
        LogDirectory(
            path: result.logDir,
            error: result.errorCode,
            replicas: result.topics.flatMap { topic in
                topic.partitions.map {
                    LogDirectory.Replica(
                        partition: TopicPartition(topic: topic.name, partition: $0.partitionIndex),
                        sizeInBytes: $0.partitionSize,
                        offsetLag: $0.offsetLag,
                        isFuture: $0.isFutureKey
                    )
                }
            },
            totalBytes: result.totalBytes,
            usableBytes: result.usableBytes
        )
    }
}
