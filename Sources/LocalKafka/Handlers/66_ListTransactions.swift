package import KafkaProtocol

/// ListTransactions (66), versions 0-1.
///
/// - A broker lists the transactional ids it coordinates, so clients ask all brokers.
/// - Filters by state, producer id, and from version 1 on by age of the open transaction.
/// - Shows only ids with DESCRIBE.
package enum ListTransactionsHandler: RequestHandler {
    package static func handle(
        _ request: ListTransactionsRequest,
        _ context: RequestContext,
        _ reply: Reply<ListTransactionsResponse>
    ) {
        let cluster = context.cluster
        var response = cluster.transactions.perform(cluster) {
            $0.list(
                states: request.stateFilters,
                producers: request.producerIDFilters,
                minimumDuration: request.durationFilter,
                now: context.now
            )
        }
        response.transactionStates.removeAll {
            context.refusal(ofTransaction: $0.transactionalID, .describe) != .none
        }
        reply(response)
    }

    package static func failure(
        _ request: ListTransactionsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> ListTransactionsResponse {
        .with { $0.errorCode = error }
    }
}
