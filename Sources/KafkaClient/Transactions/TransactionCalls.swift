public import KafkaProtocol

/// The requests of a transaction one by one, for owners that keep its state themselves; others use
/// `TransactionManager`.
///
/// The versions are those of brokers before Kafka 4 (KIP-890, part 2): partitions are announced, and a producer keeps
/// its epoch from one transaction to the next. Newer brokers go by the version of the request.
extension KafkaClient {
    /// Makes partitions part of the producer's transaction, which this opens if none is open.
    ///
    /// All or nothing: when one partition is refused, none is added, and the others answer
    /// OPERATION_NOT_ATTEMPTED.
    ///
    /// - Parameter waitsForTopics: Asks again while a topic is unknown, as it is right after its creation.
    /// - Returns: The codes of the partitions that are not added.
    public func addToTransaction(
        _ partitions: Set<TopicPartition>,
        transactionalID: KafkaString,
        identity: ProducerIdentity,
        waitsForTopics: Bool = true,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> [TopicPartition: ErrorCode] {
        guard !partitions.isEmpty else { return [:] }
        let response = try await call(
            AddPartitionsToTxnRequest.self,
            .coordinator(.transaction(transactionalID)),
            // Later versions are for brokers.
            maximumVersion: 3,
            deadline: self.deadline(deadline),
            errorCode: { response in
                let codes = response.resultsByTopicV3AndBelow.flatMap(\.resultsByPartition)
                    .map(\.partitionErrorCode)
                return codes.first { code in
                    code.recovery.isRetriable && (waitsForTopics || code != .unknownTopicOrPartition)
                } ?? .none
            },
            build: { _ in
                var request = AddPartitionsToTxnRequest()
                request.v3AndBelowTransactionalID = transactionalID
                request.v3AndBelowProducerID = identity.producerID
                request.v3AndBelowProducerEpoch = identity.epoch
                request.v3AndBelowTopics = partitions.groupedByTopic().map { topic, partitions in
                    var entry = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic()
                    entry.name = topic
                    entry.partitions = partitions
                    return entry
                }
                return request
            }
        )
        var failures: [TopicPartition: ErrorCode] = [:]
        for topic in response.resultsByTopicV3AndBelow {
            for partition in topic.resultsByPartition where partition.partitionErrorCode != .none {
                failures[TopicPartition(topic: topic.name, partition: partition.partitionIndex)] =
                    partition.partitionErrorCode
            }
        }
        return failures
    }

    /// Commits or aborts the producer's transaction; asking again for the same end is safe.
    public func endTransaction(
        transactionalID: KafkaString,
        identity: ProducerIdentity,
        commits: Bool,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> ErrorCode {
        try await call(
            EndTxnRequest.self,
            .coordinator(.transaction(transactionalID)),
            maximumVersion: 4,
            deadline: self.deadline(deadline),
            errorCode: { $0.errorCode },
            build: { _ in
                var request = EndTxnRequest()
                request.transactionalID = transactionalID
                request.producerID = identity.producerID
                request.producerEpoch = identity.epoch
                request.committed = commits
                return request
            }
        ).errorCode
    }
}
