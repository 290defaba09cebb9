package import KafkaProtocol

/// InitProducerId (22), versions 0-5.
///
/// - Without a transactional id: a fresh producer id with epoch 0.
/// - With one: the next epoch, which fences the owner before. An open transaction is aborted first, with
///   CONCURRENT_TRANSACTIONS until it is.
/// - From version 3 on a producer may raise its own epoch by giving its id and epoch (KIP-360). One that is behind gets
///   PRODUCER_FENCED, before version 4 INVALID_PRODUCER_EPOCH.
/// - Needs WRITE on the transactional id, or IDEMPOTENT_WRITE on the cluster or WRITE on any topic.
package enum InitProducerIdHandler: RequestHandler {
    package static func handle(
        _ request: InitProducerIdRequest,
        _ context: RequestContext,
        _ reply: Reply<InitProducerIdResponse>
    ) {
        let cluster = context.cluster
        let expected = ProducerIdentity(id: request.producerID, epoch: request.producerEpoch)
        guard let id = request.transactionalID else {
            guard context.allows(.idempotentWrite, AccessResource.cluster) || context.allowsAnywhere(.write, .topic)
            else {
                return reply(Self.failure(request, .clusterAuthorizationFailed, context))
            }
            guard (expected.id < 0) == (expected.epoch < 0) else {
                return reply(Self.failure(request, .invalidRequest, context))
            }
            return reply(.with { $0.producerID = cluster.allocateProducerID() })
        }
        let refusal = context.refusal(ofTransaction: id, .write)
        guard refusal == .none else { return reply(Self.failure(request, refusal, context)) }
        guard !id.isEmpty, (expected.id < 0) == (expected.epoch < 0) else {
            return reply(Self.failure(request, .invalidRequest, context))
        }
        let (error, producer) = cluster.transactions.perform(cluster) {
            $0.initialize(
                id,
                timeout: request.transactionTimeoutMs,
                expected: expected,
                now: context.now,
                freshID: cluster.allocateProducerID
            )
        }
        guard error == .none else {
            let isOld = error == .producerFenced && context.version < 4
            return reply(Self.failure(request, isOld ? .invalidProducerEpoch : error, context))
        }
        reply(
            .with {
                $0.producerID = producer.id
                $0.producerEpoch = producer.epoch
            }
        )
    }

    package static func failure(
        _ request: InitProducerIdRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> InitProducerIdResponse {
        .with {
            $0.errorCode = error
            $0.producerID = -1
            $0.producerEpoch = -1
        }
    }
}
