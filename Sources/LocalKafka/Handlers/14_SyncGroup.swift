package import KafkaProtocol

/// SyncGroup (14), versions 0-5.
///
/// - Members wait until the leader brings the assignment.
/// - From version 5 on the protocol type and name must be given and fit: INCONSISTENT_GROUP_PROTOCOL.
/// - Needs READ on the group.
package enum SyncGroupHandler: RequestHandler {
    package static func handle(
        _ request: SyncGroupRequest,
        _ context: RequestContext,
        _ reply: Reply<SyncGroupResponse>
    ) {
        if context.version >= 5, request.protocolType == nil || request.protocolName == nil {
            return reply(ClassicGroup.syncError(.inconsistentGroupProtocol))
        }
        let error = context.refusal(ofGroup: request.groupID, .read)
        guard error == .none || request.groupID.isEmpty else { return reply(ClassicGroup.syncError(error)) }
        context.cluster.groups.sync(request, context) { reply($0) }
    }

    package static func failure(
        _ request: SyncGroupRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> SyncGroupResponse {
        ClassicGroup.syncError(error)
    }
}
