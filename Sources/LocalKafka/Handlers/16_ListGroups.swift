package import KafkaProtocol

/// ListGroups (16), versions 0-5.
///
/// - A broker lists the groups it coordinates, so clients ask all brokers.
/// - Filters by state (version 4) and type (version 5), in any case.
/// - Shows all groups with DESCRIBE on the cluster, otherwise those with DESCRIBE on the group.
package enum ListGroupsHandler: RequestHandler {
    package static func handle(
        _ request: ListGroupsRequest,
        _ context: RequestContext,
        _ reply: Reply<ListGroupsResponse>
    ) {
        let showsAll = context.allows(.describe, AccessResource.cluster)
        let groups = context.cluster.groups.perform(context.cluster) {
            $0.list(states: request.statesFilter, types: request.typesFilter)
        }
        reply(
            .with {
                $0.groups = groups.filter { group in
                    context.cluster.coordinator(ofGroup: group.groupID) === context.broker
                        && (showsAll || context.allows(.describe, .group, group.groupID))
                }
            }
        )
    }

    package static func failure(
        _ request: ListGroupsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> ListGroupsResponse {
        .with { $0.errorCode = error }
    }
}
