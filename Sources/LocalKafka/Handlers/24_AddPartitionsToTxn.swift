package import KafkaProtocol

/// AddPartitionsToTxn (24), versions 0-5.
///
/// - All or nothing: when one partition is unknown or forbidden the others answer OPERATION_NOT_ATTEMPTED.
/// - Versions up to 3 carry one producer's transaction; later ones, which brokers use among themselves, many, and
///   may only ask whether partitions are part of it: INVALID_TXN_STATE (version 5: TRANSACTION_ABORTABLE) if not.
/// - An old epoch: PRODUCER_FENCED, before version 2 INVALID_PRODUCER_EPOCH.
/// - Needs WRITE on the transactional id and on each topic.
package enum AddPartitionsToTxnHandler: RequestHandler {
    private typealias Result = AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult

    package static func handle(
        _ request: AddPartitionsToTxnRequest,
        _ context: RequestContext,
        _ reply: Reply<AddPartitionsToTxnResponse>
    ) {
        var response = AddPartitionsToTxnResponse()
        let results = Self.transactions(request, context).map { ($0.transactionalID, Self.add($0, context)) }
        if context.version < 4 {
            response.resultsByTopicV3AndBelow = results.first?.1 ?? []
        } else {
            response.resultsByTransaction = results.map { id, results in
                .with {
                    $0.transactionalID = id
                    $0.topicResults = results
                }
            }
        }
        reply(response)
    }

    private static func transactions(
        _ request: AddPartitionsToTxnRequest,
        _ context: RequestContext
    ) -> [AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction] {
        guard context.version < 4 else { return request.transactions }
        return [
            .with {
                $0.transactionalID = request.v3AndBelowTransactionalID
                $0.producerID = request.v3AndBelowProducerID
                $0.producerEpoch = request.v3AndBelowProducerEpoch
                $0.topics = request.v3AndBelowTopics
            }
        ]
    }

    private static func add(
        _ transaction: AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction,
        _ context: RequestContext
    ) -> [Result] {
        let cluster = context.cluster
        let producer = ProducerIdentity(id: transaction.producerID, epoch: transaction.producerEpoch)
        let id = transaction.transactionalID
        let refusal = context.refusal(ofTransaction: id, .write)
        guard refusal == .none else { return Self.results(transaction) { _ in refusal } }

        if transaction.verifyOnly {
            let state = cluster.transactions.perform(cluster) { $0 }
            return Self.results(transaction) { partition in
                let error = state.verify(id, producer: producer, partition: partition)
                return error == .invalidTxnState && context.version >= 5 ? .transactionAbortable : error
            }
        }
        var wanted: Set<TopicPartition> = []
        var failed: [TopicPartition: ErrorCode] = [:]
        _ = Self.results(transaction) { partition in
            let error = context.refusal(of: partition, .write)
            if error == .none { wanted.insert(partition) } else { failed[partition] = error }
            return error
        }
        guard failed.isEmpty else {
            return Self.results(transaction) { failed[$0] ?? .operationNotAttempted }
        }
        var error = cluster.transactions.perform(cluster) {
            $0.add(id, producer: producer, partitions: wanted, now: context.now)
        }
        if error == .producerFenced, context.version < 2 { error = .invalidProducerEpoch }
        return Self.results(transaction) { _ in error }
    }

    private static func results(
        _ transaction: AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction,
        _ error: (TopicPartition) -> ErrorCode
    ) -> [Result] {
        var results: [Result] = []
        for topic in transaction.topics {
            var result = Result()
            result.name = topic.name
            for index in topic.partitions {
                result.resultsByPartition.append(
                    .with {
                        $0.partitionIndex = index
                        $0.partitionErrorCode = error(TopicPartition(topic: topic.name, partition: index))
                    }
                )
            }
            results.append(result)
        }
        return results
    }

    package static func failure(
        _ request: AddPartitionsToTxnRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> AddPartitionsToTxnResponse {
        .with {
            if context.version >= 4 {
                $0.errorCode = error
            } else if let transaction = Self.transactions(request, context).first {
                $0.resultsByTopicV3AndBelow = Self.results(transaction) { _ in error }
            }
        }
    }
}
