package import KafkaProtocol

/// JoinGroup (11), versions 0-9.
///
/// - Answered when all members have joined or the time for it is up.
/// - From version 4 on a member without an id gets one with MEMBER_ID_REQUIRED and has to come again with it;
///   static members (version 5) are exempt.
/// - From version 9 on a static leader that restarts is told to skip the assignment.
/// - Needs READ on the group.
package enum JoinGroupHandler: RequestHandler {
    package static func handle(
        _ request: JoinGroupRequest,
        _ context: RequestContext,
        _ reply: Reply<JoinGroupResponse>
    ) {
        let error = context.refusal(ofGroup: request.groupID, .read)
        guard error == .none || request.groupID.isEmpty else { return reply(Self.failure(request, error, context)) }
        context.cluster.groups.join(request, context) { response in
            reply(Self.shaped(response, context.version))
        }
    }

    /// Before version 7 there is no such thing as no protocol.
    private static func shaped(_ response: JoinGroupResponse, _ version: Int16) -> JoinGroupResponse {
        var response = response
        if version < 7 { response.protocolName = response.protocolName ?? "" }
        return response
    }

    package static func failure(
        _ request: JoinGroupRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> JoinGroupResponse {
        Self.shaped(ClassicGroup.joinError(error, request.memberID), context.version)
    }
}
