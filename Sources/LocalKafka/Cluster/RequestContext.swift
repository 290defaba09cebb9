package import KafkaProtocol

/// What a handler knows about the request it answers.
///
/// A context never leaves the cluster's event loop.
package struct RequestContext {
    package let cluster: Cluster
    /// The broker whose listener received the request.
    package let broker: Broker
    package let connection: ClientConnection
    package let apiKey: ApiKey
    package let version: Int16
    package let correlationID: Int32
    package let clientID: String?
    /// Size of the whole request on the wire, for quotas and counters.
    package let requestBytes: Int

    package var principal: String { self.connection.principal }
    package var host: String { self.connection.remoteHost }
    package var now: Int64 { self.cluster.now }

    /// Asks the cluster's authorizer; without one everything is allowed.
    package func allows(_ operation: AccessOperation, _ type: AccessResourceType, _ name: KafkaString) -> Bool {
        self.allows(operation, AccessResource(type, name))
    }

    package func allows(_ operation: AccessOperation, _ resource: AccessResource) -> Bool {
        guard let authorizer = self.cluster.authorizer else { return true }
        return authorizer.allows(
            principal: self.principal,
            host: self.host,
            operation: operation,
            resource: resource
        )
    }

    /// The operations allowed on a resource as the bit field that Metadata and Describe answers carry.
    package func authorizedOperations(_ resource: AccessResource) -> Int32 {
        let candidates: [AccessOperation]
        switch resource.type {
        case .topic:
            candidates = [.read, .write, .create, .delete, .alter, .describe, .describeConfigs, .alterConfigs]
        case .group:
            candidates = [.read, .delete, .describe, .describeConfigs, .alterConfigs]
        case .cluster:
            candidates = [
                .create, .alter, .describe, .clusterAction, .describeConfigs, .alterConfigs, .idempotentWrite,
            ]
        case .transactionalID:
            candidates = [.write, .describe]
        case .unknown, .any, .delegationToken, .user:
            candidates = [.describe]
        }
        return candidates.reduce(into: 0) { bits, operation in
            if self.allows(operation, resource) {
                bits |= 1 << Int32(operation.rawValue)
            }
        }
    }
}

extension RequestContext {
    /// A broker's address as clients of this listener shall use it.
    package struct Endpoint {
        package var id: Int32
        package var host: KafkaString
        package var port: Int32
        package var rack: KafkaString?
    }

    /// The brokers that are up, as seen through this request's listener.
    package var liveEndpoints: [Endpoint] {
        self.cluster.liveBrokers.map { broker in
            Endpoint(
                id: broker.id,
                host: KafkaString(self.cluster.configuration.host),
                port: Int32(broker.advertisedPort(self.connection.listener.name) ?? 0),
                rack: broker.rack.map { KafkaString($0) }
            )
        }
    }

    package func endpoints(_ ids: Set<Int32>) -> [Endpoint] {
        ids.isEmpty ? [] : self.liveEndpoints.filter { ids.contains($0.id) }
    }
}
