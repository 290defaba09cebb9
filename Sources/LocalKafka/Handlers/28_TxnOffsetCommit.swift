package import KafkaProtocol

/// TxnOffsetCommit (28), versions 0-4.
///
/// - Stores offsets that count once the transaction commits. The group must have been added to the transaction:
///   INVALID_TXN_STATE, from version 4 on TRANSACTION_ABORTABLE.
/// - From version 3 on members give their generation: ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID.
/// - An old epoch: INVALID_PRODUCER_EPOCH.
/// - Needs WRITE on the transactional id, READ on the group and on each topic.
package enum TxnOffsetCommitHandler: RequestHandler {
    package static func handle(
        _ request: TxnOffsetCommitRequest,
        _ context: RequestContext,
        _ reply: Reply<TxnOffsetCommitResponse>
    ) {
        let cluster = context.cluster
        var error: ErrorCode =
            context.allows(.write, .transactionalID, request.transactionalID)
            ? .none : .transactionalIDAuthorizationFailed
        if error == .none { error = context.refusal(ofGroup: request.groupID, .read) }
        if error == .none {
            let producer = ProducerIdentity(id: request.producerID, epoch: request.producerEpoch)
            let state = cluster.transactions.perform(cluster) { $0 }
            switch state.verify(request.transactionalID, producer: producer, group: request.groupID) {
            case .producerFenced: error = .invalidProducerEpoch
            case .invalidTxnState: error = context.version >= 4 ? .transactionAbortable : .invalidTxnState
            case let other: error = other
            }
        }
        guard error == .none else { return reply(Self.failure(request, error, context)) }
        let committer = GroupCoordinator.Committer(
            memberID: request.memberID,
            instanceID: request.groupInstanceID,
            generation: request.generationID
        )
        let response = cluster.groups.perform(cluster) { coordinator in
            let error = coordinator.checkTransactionalCommit(request.groupID, committer, now: context.now)
            guard error == .none else { return Self.failure(request, error, context) }
            return Self.answer(request) { partition, entry in
                let error = context.refusal(of: partition, .read)
                guard error == .none else { return error }
                let metadata = entry.committedMetadata ?? ""
                guard metadata.utf8.count <= coordinator.configuration.maxOffsetMetadataBytes else {
                    return .offsetMetadataTooLarge
                }
                let offset = CommittedOffset(
                    offset: entry.committedOffset,
                    leaderEpoch: entry.committedLeaderEpoch,
                    metadata: metadata,
                    timestamp: context.now
                )
                coordinator.store(offset, request.groupID, partition, producer: request.producerID)
                return .none
            }
        }
        reply(response)
    }

    private static func answer(
        _ request: TxnOffsetCommitRequest,
        _ commit: (TopicPartition, TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition) -> ErrorCode
    ) -> TxnOffsetCommitResponse {
        var response = TxnOffsetCommitResponse()
        for topic in request.topics {
            var entry = TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic()
            entry.name = topic.name
            for partition in topic.partitions {
                let name = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                entry.partitions.append(
                    .with {
                        $0.partitionIndex = partition.partitionIndex
                        $0.errorCode = commit(name, partition)
                    }
                )
            }
            response.topics.append(entry)
        }
        return response
    }

    package static func topics(_ request: TxnOffsetCommitRequest, _ context: RequestContext) -> [TopicName] {
        request.topics.map(\.name)
    }

    package static func failure(
        _ request: TxnOffsetCommitRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> TxnOffsetCommitResponse {
        Self.answer(request) { _, _ in error }
    }
}
