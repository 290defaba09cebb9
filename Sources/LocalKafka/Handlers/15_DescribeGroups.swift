package import KafkaProtocol

/// DescribeGroups (15), versions 0-5.
///
/// - Shows classic groups; others, and groups that do not exist, look dead.
/// - Subscriptions and assignments are shown while the group is stable.
/// - Needs DESCRIBE on each group.
package enum DescribeGroupsHandler: RequestHandler {
    package static func handle(
        _ request: DescribeGroupsRequest,
        _ context: RequestContext,
        _ reply: Reply<DescribeGroupsResponse>
    ) {
        let response = context.cluster.groups.perform(context.cluster) { coordinator in
            DescribeGroupsResponse.with {
                $0.groups = request.groups.map { Self.describe($0, request, coordinator, context) }
            }
        }
        reply(response)
    }

    private static func describe(
        _ id: GroupID,
        _ request: DescribeGroupsRequest,
        _ coordinator: GroupCoordinator,
        _ context: RequestContext
    ) -> DescribeGroupsResponse.DescribedGroup {
        let error = context.refusal(ofGroup: id, .describe)
        guard error == .none else { return Self.failed(id, error) }
        var group = coordinator.describeClassic(id)
        if request.includeAuthorizedOperations {
            group.authorizedOperations = context.authorizedOperations(AccessResource(.group, id))
        }
        return group
    }

    private static func failed(_ id: GroupID, _ error: ErrorCode) -> DescribeGroupsResponse.DescribedGroup {
        .with {
            $0.groupID = id
            $0.errorCode = error
        }
    }

    package static func failure(
        _ request: DescribeGroupsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> DescribeGroupsResponse {
        .with { $0.groups = request.groups.map { Self.failed($0, error) } }
    }
}
