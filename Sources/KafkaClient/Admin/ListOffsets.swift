public import KafkaProtocol

/// Which offset of a partition is asked for.
public enum OffsetQuery: Sendable, Hashable {
    /// The first offset that can still be read.
    case earliest
    /// The offset behind the last record that can be read.
    case latest
    /// The first record with this timestamp (milliseconds since 1970) or a later one.
    case timestamp(Int64)
    /// The record with the greatest timestamp.
    case maximumTimestamp

    var wireValue: Int64 {
        switch self {
        case .earliest: -2
        case .latest: -1
        case .timestamp(let milliseconds): milliseconds
        case .maximumTimestamp: -3
        }
    }
}

/// Which records a reader sees.
public enum IsolationLevel: Int8, Sendable, Hashable {
    case readUncommitted = 0
    /// Nothing of open or aborted transactions.
    case readCommitted = 1
}

/// An answer to an `OffsetQuery`.
public struct ListedOffset: Sendable, Hashable {
    /// -1 when no record matches the query.
    public var offset: Int64
    /// The timestamp of the record found; -1 for earliest and latest.
    public var timestamp: Int64
    /// The epoch of the leader that wrote the record; -1 when not known.
    public var leaderEpoch: Int32

    public init(offset: Int64, timestamp: Int64 = -1, leaderEpoch: Int32 = -1) {
        self.offset = offset
        self.timestamp = timestamp
        self.leaderEpoch = leaderEpoch
    }
}

extension KafkaClient {
    /// Finds one offset per partition, each at its leader.
    public func listOffsets(
        _ queries: [TopicPartition: OffsetQuery],
        isolation: IsolationLevel = .readUncommitted,
        deadline: Deadline? = nil
    ) async -> [TopicPartition: Result<ListedOffset, KafkaClientError>] {
        await perLeader(
            ListOffsetsRequest.self,
            partitions: Array(queries.keys),
            deadline: self.deadline(deadline),
            what: "The broker cannot list the partition's offsets",
            build: { partitions, version throws(KafkaClientError) in
                guard version >= 1 else {
                    throw KafkaClientError(.unsupportedByBroker, "The broker is older than Kafka 0.10.1")
                }
                let metadata = self.metadata
                var request = ListOffsetsRequest()
                request.replicaID = -1
                if version >= 2 { request.isolationLevel = isolation.rawValue }
                for (topic, indices) in partitions.groupedByTopic() {
                    var entry = ListOffsetsRequest.ListOffsetsTopic()
                    entry.name = topic
                    for index in indices {
                        let id = TopicPartition(topic: topic, partition: index)
                        let query = queries[id] ?? .latest
                        if query == .maximumTimestamp, version < 7 {
                            throw KafkaClientError(
                                .unsupportedByBroker,
                                "The broker is older than Kafka 3.0 and cannot find the greatest timestamp"
                            )
                        }
                        var partition = ListOffsetsRequest.ListOffsetsPartition()
                        partition.partitionIndex = index
                        partition.timestamp = query.wireValue
                        if version >= 4 { partition.currentLeaderEpoch = metadata.leader(of: id)?.epoch ?? -1 }
                        entry.partitions.append(partition)
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
                        guard partition.offset.isOffsetOrNone else {
                            return (id, .failure(ItemFailure(nonsense: partition.offset)))
                        }
                        return (
                            id,
                            .success(
                                ListedOffset(
                                    offset: partition.offset,
                                    timestamp: partition.timestamp,
                                    leaderEpoch: partition.leaderEpoch
                                )
                            )
                        )
                    }
                }
            }
        )
    }

    /// Finds one offset.
    public func listOffset(
        _ query: OffsetQuery,
        of partition: TopicPartition,
        isolation: IsolationLevel = .readUncommitted,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> ListedOffset {
        let results = await listOffsets([partition: query], isolation: isolation, deadline: deadline)
        return try single(results[partition])
    }

    /// The only outcome of a call for one item.
    func single<Value>(_ result: Result<Value, KafkaClientError>?) throws(KafkaClientError) -> Value {
        guard let result else {
            throw KafkaClientError(.invalidAnswer, "The broker's answer is empty", cluster: name)
        }
        return try result.get()
    }
}
