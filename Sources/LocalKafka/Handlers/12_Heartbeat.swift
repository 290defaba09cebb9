package import KafkaProtocol

/// Heartbeat (12), versions 0-4.
///
/// - Keeps a member of a classic group alive; REBALANCE_IN_PROGRESS tells it to join again.
/// - Needs READ on the group.
package enum HeartbeatHandler: RequestHandler {
    package static func handle(
        _ request: HeartbeatRequest,
        _ context: RequestContext,
        _ reply: Reply<HeartbeatResponse>
    ) {
        var error = context.refusal(ofGroup: request.groupID, .read)
        if error == .none || request.groupID.isEmpty {
            error = context.cluster.groups.perform(context.cluster) { $0.heartbeat(request, now: context.now) }
        }
        reply(Self.failure(request, error, context))
    }

    package static func failure(
        _ request: HeartbeatRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> HeartbeatResponse {
        .with { $0.errorCode = error }
    }
}
