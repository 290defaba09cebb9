package import KafkaProtocol

/// DeleteGroups (42), versions 0-2.
///
/// - Deletes groups without members, with their offsets: NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND.
/// - Needs DELETE on each group.
package enum DeleteGroupsHandler: RequestHandler {
    package static func handle(
        _ request: DeleteGroupsRequest,
        _ context: RequestContext,
        _ reply: Reply<DeleteGroupsResponse>
    ) {
        let response = context.cluster.groups.perform(context.cluster) { coordinator in
            Self.answer(request) { id in
                let error = context.refusal(ofGroup: id, .delete)
                return error == .none ? coordinator.delete(id) : error
            }
        }
        reply(response)
    }

    private static func answer(
        _ request: DeleteGroupsRequest,
        _ delete: (GroupID) -> ErrorCode
    ) -> DeleteGroupsResponse {
        var response = DeleteGroupsResponse()
        for id in request.groupsNames {
            response.results.append(
                .with {
                    $0.groupID = id
                    $0.errorCode = delete(id)
                }
            )
        }
        return response
    }

    package static func failure(
        _ request: DeleteGroupsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> DeleteGroupsResponse {
        Self.answer(request) { _ in error }
    }
}
