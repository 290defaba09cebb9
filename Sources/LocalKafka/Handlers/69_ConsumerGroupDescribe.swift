package import KafkaProtocol

/// ConsumerGroupDescribe (69), versions 0-1 (KIP-848).
///
/// - Shows consumer groups with present and target assignments; others answer GROUP_ID_NOT_FOUND.
/// - Needs DESCRIBE on each group.
package enum ConsumerGroupDescribeHandler: RequestHandler {
    package static func handle(
        _ request: ConsumerGroupDescribeRequest,
        _ context: RequestContext,
        _ reply: Reply<ConsumerGroupDescribeResponse>
    ) {
        let response = context.cluster.groups.perform(context.cluster) { coordinator in
            ConsumerGroupDescribeResponse.with {
                $0.groups = request.groupIDs.map { Self.describe($0, request, coordinator, context) }
            }
        }
        reply(response)
    }

    private static func describe(
        _ id: GroupID,
        _ request: ConsumerGroupDescribeRequest,
        _ coordinator: GroupCoordinator,
        _ context: RequestContext
    ) -> ConsumerGroupDescribeResponse.DescribedGroup {
        let error = context.refusal(ofGroup: id, .describe)
        guard error == .none else { return Self.failed(id, error) }
        var group = coordinator.describeConsumer(id)
        if request.includeAuthorizedOperations, group.errorCode == .none {
            group.authorizedOperations = context.authorizedOperations(AccessResource(.group, id))
        }
        return group
    }

    private static func failed(
        _ id: GroupID,
        _ error: ErrorCode
    ) -> ConsumerGroupDescribeResponse.DescribedGroup {
        .with {
            $0.groupID = id
            $0.errorCode = error
        }
    }

    package static func failure(
        _ request: ConsumerGroupDescribeRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> ConsumerGroupDescribeResponse {
        .with { $0.groups = request.groupIDs.map { Self.failed($0, error) } }
    }
}
