package import KafkaProtocol

/// EndTxn (26), versions 0-4.
///
/// - Commits or aborts; the answer means that it is decided. Until the markers are written the next steps answer
///   CONCURRENT_TRANSACTIONS.
/// - The other decision than before, or nothing to end: INVALID_TXN_STATE.
/// - An old epoch: PRODUCER_FENCED, before version 2 INVALID_PRODUCER_EPOCH.
/// - Needs WRITE on the transactional id.
package enum EndTxnHandler: RequestHandler {
    package static func handle(
        _ request: EndTxnRequest,
        _ context: RequestContext,
        _ reply: Reply<EndTxnResponse>
    ) {
        let cluster = context.cluster
        var error = context.refusal(ofTransaction: request.transactionalID, .write)
        if error == .none {
            error = cluster.transactions.perform(cluster) {
                $0.end(
                    request.transactionalID,
                    producer: ProducerIdentity(id: request.producerID, epoch: request.producerEpoch),
                    commit: request.committed,
                    now: context.now
                )
            }
        }
        if error == .producerFenced, context.version < 2 { error = .invalidProducerEpoch }
        reply(Self.failure(request, error, context))
    }

    package static func failure(
        _ request: EndTxnRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> EndTxnResponse {
        .with { $0.errorCode = error }
    }
}
