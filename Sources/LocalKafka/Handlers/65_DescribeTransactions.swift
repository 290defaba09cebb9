package import KafkaProtocol

/// DescribeTransactions (65), version 0.
///
/// - State, producer and partitions of transactional ids this broker coordinates; TRANSACTIONAL_ID_NOT_FOUND.
/// - Needs DESCRIBE on each transactional id; topics without DESCRIBE are left out.
package enum DescribeTransactionsHandler: RequestHandler {
    package static func handle(
        _ request: DescribeTransactionsRequest,
        _ context: RequestContext,
        _ reply: Reply<DescribeTransactionsResponse>
    ) {
        let state = context.cluster.transactions.perform(context.cluster) { $0 }
        reply(
            .with {
                $0.transactionStates = request.transactionalIDs.map { id in
                    let error = context.refusal(ofTransaction: id, .describe)
                    guard error == .none else { return Self.failed(id, error) }
                    var entry = state.describe(id)
                    entry.topics.removeAll { !context.allows(.describe, .topic, $0.topic) }
                    return entry
                }
            }
        )
    }

    private static func failed(
        _ id: KafkaString,
        _ error: ErrorCode
    ) -> DescribeTransactionsResponse.TransactionState {
        .with {
            $0.transactionalID = id
            $0.errorCode = error
        }
    }

    package static func failure(
        _ request: DescribeTransactionsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> DescribeTransactionsResponse {
        .with { $0.transactionStates = request.transactionalIDs.map { Self.failed($0, error) } }
    }
}
