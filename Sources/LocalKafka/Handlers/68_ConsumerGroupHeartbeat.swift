package import KafkaProtocol

/// ConsumerGroupHeartbeat (68), versions 0-1 (KIP-848).
///
/// - Joins (epoch 0), keeps alive, changes and leaves (-1; -2 for a static member that will be back) a membership.
/// - Assignors on the server: `uniform` (default) and `range`; subscriptions by name, from version 1 on also by pattern.
/// - An empty classic group of the same name is taken over; one with members answers GROUP_ID_NOT_FOUND.
/// - Needs READ on the group and DESCRIBE on the named topics; topics without it do not match patterns.
package enum ConsumerGroupHeartbeatHandler: RequestHandler {
    package static func handle(
        _ request: ConsumerGroupHeartbeatRequest,
        _ context: RequestContext,
        _ reply: Reply<ConsumerGroupHeartbeatResponse>
    ) {
        var error = context.refusal(ofGroup: request.groupID, .read)
        if error == .none, !(request.subscribedTopicNames ?? []).allSatisfy({ context.allows(.describe, .topic, $0) }) {
            error = .topicAuthorizationFailed
        }
        guard error == .none || request.groupID.isEmpty else { return reply(Self.failure(request, error, context)) }
        reply(context.cluster.groups.heartbeat(request, context))
    }

    package static func failure(
        _ request: ConsumerGroupHeartbeatRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> ConsumerGroupHeartbeatResponse {
        .with { $0.errorCode = error }
    }
}
