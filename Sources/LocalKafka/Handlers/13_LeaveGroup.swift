package import KafkaProtocol

/// LeaveGroup (13), versions 0-5.
///
/// - Versions 0-2 name one member and answer with one code; later ones name many, each with its own code. A static
///   member may be named by its instance alone.
/// - Needs READ on the group.
package enum LeaveGroupHandler: RequestHandler {
    package static func handle(
        _ request: LeaveGroupRequest,
        _ context: RequestContext,
        _ reply: Reply<LeaveGroupResponse>
    ) {
        let error = context.refusal(ofGroup: request.groupID, .read)
        guard error == .none || request.groupID.isEmpty else { return reply(Self.failure(request, error, context)) }
        var members = request.members
        if context.version < 3 { members = [.with { $0.memberID = request.memberID }] }
        var response = context.cluster.groups.perform(context.cluster) {
            $0.leave(request.groupID, members, now: context.now)
        }
        if context.version < 3 {
            if response.errorCode == .none { response.errorCode = response.members.first?.errorCode ?? .none }
            response.members = []
        }
        reply(response)
    }

    package static func failure(
        _ request: LeaveGroupRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> LeaveGroupResponse {
        .with { $0.errorCode = error }
    }
}
