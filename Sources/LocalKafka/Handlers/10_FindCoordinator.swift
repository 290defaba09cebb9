package import KafkaProtocol

/// FindCoordinator (10), versions 0-6.
///
/// - Coordinators of groups (key type 0) and transactional ids (1) are the leaders of their partitions in
///   `__consumer_offsets` and `__transaction_state`, which this makes when first needed.
/// - Versions 0-3 ask for one key, later ones for many. Other key types: INVALID_REQUEST.
/// - Needs DESCRIBE on the group or transactional id.
package enum FindCoordinatorHandler: RequestHandler {
    package static func handle(
        _ request: FindCoordinatorRequest,
        _ context: RequestContext,
        _ reply: Reply<FindCoordinatorResponse>
    ) {
        var response = FindCoordinatorResponse()
        if context.version >= 4 {
            response.coordinators = request.coordinatorKeys.map { Self.find($0, request.keyType, context) }
        } else {
            let found = Self.find(request.key, request.keyType, context)
            response.errorCode = found.errorCode
            response.errorMessage = found.errorMessage
            response.nodeID = found.nodeID
            response.host = found.host
            response.port = found.port
        }
        reply(response)
    }

    private static func find(
        _ key: KafkaString,
        _ keyType: Int8,
        _ context: RequestContext
    ) -> FindCoordinatorResponse.Coordinator {
        switch keyType {
        case 0 where !context.allows(.describe, .group, key):
            return Self.failed(key, .groupAuthorizationFailed)
        case 0:
            return Self.entry(key, context.cluster.coordinator(ofGroup: key), context)
        case 1 where !context.allows(.describe, .transactionalID, key):
            return Self.failed(key, .transactionalIDAuthorizationFailed)
        case 1:
            return Self.entry(key, context.cluster.coordinator(ofTransaction: key), context)
        default:
            return Self.failed(key, .invalidRequest)
        }
    }

    private static func entry(
        _ key: KafkaString,
        _ broker: Broker?,
        _ context: RequestContext
    ) -> FindCoordinatorResponse.Coordinator {
        guard let broker, broker.isUp, let port = broker.advertisedPort(context.connection.listener.name) else {
            return Self.failed(key, .coordinatorNotAvailable)
        }
        return .with {
            $0.key = key
            $0.nodeID = broker.id
            $0.host = KafkaString(context.cluster.configuration.host)
            $0.port = Int32(port)
        }
    }

    private static func failed(_ key: KafkaString, _ error: ErrorCode) -> FindCoordinatorResponse.Coordinator {
        .with {
            $0.key = key
            $0.nodeID = -1
            $0.port = -1
            $0.errorCode = error
            $0.errorMessage = KafkaString(error.name)
        }
    }

    package static func failure(
        _ request: FindCoordinatorRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> FindCoordinatorResponse {
        .with {
            if context.version >= 4 {
                $0.coordinators = request.coordinatorKeys.map { Self.failed($0, error) }
            } else {
                $0.errorCode = error
                $0.nodeID = -1
                $0.port = -1
            }
        }
    }
}
