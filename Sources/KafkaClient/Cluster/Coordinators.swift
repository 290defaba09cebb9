public import KafkaProtocol
import Logging
import Synchronization

/// Whose coordinator: a group's or a transactional producer's.
public struct CoordinatorKey: Sendable, Hashable {
    public enum Kind: Int8, Sendable, Hashable {
        case group = 0
        case transaction = 1
    }

    public var kind: Kind
    public var id: KafkaString

    public init(_ kind: Kind, _ id: KafkaString) {
        self.kind = kind
        self.id = id
    }

    public static func group(_ id: GroupID) -> CoordinatorKey { CoordinatorKey(.group, id) }

    public static func transaction(_ id: KafkaString) -> CoordinatorKey { CoordinatorKey(.transaction, id) }
}

extension KafkaClient {
    /// The broker that coordinates the group or transactional id; remembered until it is found to be wrong.
    public func coordinator(
        for key: CoordinatorKey,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> Int32 {
        if let known = state.withLock({ $0.coordinators[key] }) { return known }
        let deadline = self.deadline(deadline)
        let response = try await call(
            FindCoordinatorRequest.self,
            .anyBroker,
            deadline: deadline,
            errorCode: { $0.coordinators.first?.errorCode ?? $0.errorCode },
            build: { version in
                var request = FindCoordinatorRequest()
                if version >= 1 { request.keyType = key.kind.rawValue }
                if version >= 4 { request.coordinatorKeys = [key.id] } else { request.key = key.id }
                return request
            }
        )
        var code = response.errorCode
        var detail = response.errorMessage
        var broker = ClusterMetadata.Broker(
            nodeID: response.nodeID,
            host: response.host.string,
            port: Int(response.port)
        )
        if let found = response.coordinators.first {
            code = found.errorCode
            detail = found.errorMessage
            broker = ClusterMetadata.Broker(nodeID: found.nodeID, host: found.host.string, port: Int(found.port))
        }
        guard code == .none, broker.nodeID >= 0 else {
            throw refused(
                code == .none ? .coordinatorNotAvailable : code,
                key.kind == .group ? "The group has no coordinator" : "The transactional id has no coordinator",
                detail: detail,
                group: key.kind == .group ? key.id : nil
            )
        }
        update { $0.applyBroker(broker) }
        state.withLock { $0.coordinators[key] = broker.nodeID }
        logger.trace("found coordinator", metadata: ["key": "\(key.id)", "broker": "\(broker.nodeID)"])
        return broker.nodeID
    }

    /// The next call looks the coordinator up again.
    public func forgetCoordinator(_ key: CoordinatorKey) {
        state.withLock { $0.coordinators[key] = nil }
    }
}
