import KafkaProtocol
import NIOCore

/// A member of a classic group, as the coordinator sees it.
struct ClassicMember: Equatable, Sendable {
    var id: KafkaString
    var instanceID: KafkaString?
    var clientID: KafkaString
    var clientHost: KafkaString
    var sessionTimeout: Int64
    var rebalanceTimeout: Int64
    var protocols: [JoinGroupRequest.JoinGroupRequestProtocol]

    var assignment = ByteBuffer()
    /// True until the member has been through its first rebalance.
    var isNew = true
    /// When the member counts as gone; not looked at while it waits in a join or a sync.
    var sessionDeadline: Int64
    var joinTicket: RequestTicket?
    var syncTicket: RequestTicket?
    /// Whether the member has asked for its assignment in this generation.
    var hasSynced = false

    var isAwaitingJoin: Bool { joinTicket != nil }
    var isAwaitingSync: Bool { syncTicket != nil }

    func supports(_ name: KafkaString) -> Bool {
        protocols.contains { $0.name == name }
    }

    func metadata(for name: KafkaString?) -> ByteBuffer {
        protocols.first { $0.name == name }?.metadata ?? ByteBuffer()
    }

    /// The member's first choice among `candidates`.
    func vote(among candidates: Set<KafkaString>) -> KafkaString? {
        protocols.first { candidates.contains($0.name) }?.name
    }

    /// The moment at which silence becomes death, nil when the member is kept alive by its own waiting request.
    var expiry: Int64? {
        if isAwaitingJoin { return isNew ? sessionDeadline : nil }
        return isAwaitingSync ? nil : sessionDeadline
    }
}
