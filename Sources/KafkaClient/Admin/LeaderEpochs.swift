public import KafkaProtocol

/// Where a leader epoch ends in a partition's log.
public struct LeaderEpochEnd: Sendable, Hashable {
    /// The greatest epoch in the log that is not above the one asked for; -1 when there is none.
    public var leaderEpoch: Int32
    /// The first offset behind that epoch; -1 when not known.
    public var endOffset: Int64

    public init(leaderEpoch: Int32, endOffset: Int64) {
        self.leaderEpoch = leaderEpoch
        self.endOffset = endOffset
    }
}

extension KafkaClient {
    /// Finds where leader epochs end, to see whether a log was truncated below a position (KIP-320).
    public func offsetsForLeaderEpochs(
        _ epochs: [TopicPartition: Int32],
        deadline: Deadline? = nil
    ) async -> [TopicPartition: Result<LeaderEpochEnd, KafkaClientError>] {
        await perLeader(
            OffsetForLeaderEpochRequest.self,
            partitions: Array(epochs.keys),
            deadline: self.deadline(deadline),
            what: "The broker cannot tell where the leader epoch ends",
            build: { partitions, version throws(KafkaClientError) in
                let metadata = self.metadata
                var request = OffsetForLeaderEpochRequest()
                // -2 marks a debugging consumer, the only ordinary client that is let in.
                if version >= 3 { request.replicaID = -2 }
                for (topic, indices) in partitions.groupedByTopic() {
                    var entry = OffsetForLeaderEpochRequest.OffsetForLeaderTopic()
                    entry.topic = topic
                    for index in indices {
                        let id = TopicPartition(topic: topic, partition: index)
                        var partition = OffsetForLeaderEpochRequest.OffsetForLeaderPartition()
                        partition.partition = index
                        partition.leaderEpoch = epochs[id] ?? -1
                        if version >= 2 { partition.currentLeaderEpoch = metadata.leader(of: id)?.epoch ?? -1 }
                        entry.partitions.append(partition)
                    }
                    request.topics.append(entry)
                }
                return request
            },
            parse: { response, _ in
                response.topics.flatMap { topic in
                    topic.partitions.map { partition in
                        let id = TopicPartition(topic: topic.topic, partition: partition.partition)
                        guard partition.errorCode == .none else {
                            return (id, .failure(ItemFailure(partition.errorCode)))
                        }
                        guard partition.endOffset.isOffsetOrNone else {
                            return (id, .failure(ItemFailure(nonsense: partition.endOffset)))
                        }
                        return (
                            id,
                            .success(
                                LeaderEpochEnd(
                                    leaderEpoch: partition.leaderEpoch,
                                    endOffset: partition.endOffset
                                )
                            )
                        )
                    }
                }
            }
        )
    }
}
