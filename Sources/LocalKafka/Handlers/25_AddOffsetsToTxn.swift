package import KafkaProtocol

/// AddOffsetsToTxn (25), versions 0-4.
///
/// - Makes the offsets of a group part of the transaction, before TxnOffsetCommit.
/// - An old epoch: PRODUCER_FENCED, before version 2 INVALID_PRODUCER_EPOCH.
/// - Needs WRITE on the transactional id and READ on the group.
package enum AddOffsetsToTxnHandler: RequestHandler {
    package static func handle(
        _ request: AddOffsetsToTxnRequest,
        _ context: RequestContext,
        _ reply: Reply<AddOffsetsToTxnResponse>
    ) {
        let cluster = context.cluster
        var error = context.refusal(ofTransaction: request.transactionalID, .write)
        if error == .none, !context.allows(.read, .group, request.groupID) { error = .groupAuthorizationFailed }
        if error == .none {
            let partition = cluster.offsetsPartition(of: request.groupID)
            error = cluster.transactions.perform(cluster) {
                $0.add(
                    request.transactionalID,
                    producer: ProducerIdentity(id: request.producerID, epoch: request.producerEpoch),
                    partitions: [partition],
                    groups: [request.groupID],
                    now: context.now
                )
            }
        }
        if error == .producerFenced, context.version < 2 { error = .invalidProducerEpoch }
        reply(Self.failure(request, error, context))
    }

    package static func failure(
        _ request: AddOffsetsToTxnRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> AddOffsetsToTxnResponse {
        .with { $0.errorCode = error }
    }
}
