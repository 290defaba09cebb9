public import KafkaProtocol
public import NIOCore
import Synchronization

/// Membership in a group of consumers: a `GroupProtocol` that assigns partitions of topics.
public final class ConsumerMembership: GroupProtocol {
    /// Told about partitions; both must have taken effect when they return.
    public struct Callbacks: Sendable {
        public var onAssigned: @Sendable (_ added: [TopicPartition]) async -> Void
        public var onRevoked: @Sendable (_ removed: [TopicPartition], _ reason: RevocationReason) async -> Void

        public init(
            onAssigned: @escaping @Sendable (_ added: [TopicPartition]) async -> Void,
            onRevoked: @escaping @Sendable (_ removed: [TopicPartition], _ reason: RevocationReason) async -> Void
        ) {
            self.onAssigned = onAssigned
            self.onRevoked = onRevoked
        }
    }

    private struct State: Sendable {
        var topics: [TopicName]
        var owned: [TopicPartition] = []
        var generationID: Int32 = -1
    }

    public let protocolType = ConsumerProtocol.type
    public var isCooperative: Bool { assignors.allSatisfy(\.isCooperative) }
    private let client: KafkaClient
    private let assignors: [any PartitionAssignor]
    private let userData: ByteBuffer?
    private let callbacks: Callbacks
    private let state: Mutex<State>

    /// - Parameter assignors: The preferred one first; cooperative ones work only among themselves.
    public init(
        client: KafkaClient,
        topics: [TopicName],
        assignors: [any PartitionAssignor] = [RangeAssignor()],
        userData: ByteBuffer? = nil,
        callbacks: Callbacks
    ) {
        self.client = client
        self.assignors = assignors
        self.userData = userData
        self.callbacks = callbacks
        self.state = Mutex(State(topics: topics))
    }

    /// The partitions held at present.
    public var owned: [TopicPartition] { state.withLock { $0.owned } }

    /// Subscribes to other topics; takes effect when the member joins again.
    public func subscribe(to topics: [TopicName]) {
        state.withLock { $0.topics = topics }
    }

    public func offers() async throws -> [(name: KafkaString, metadata: ByteBuffer)] {
        let (topics, owned, generationID) = state.withLock { ($0.topics, $0.owned, $0.generationID) }
        let metadata = try ConsumerProtocol.encode(
            ConsumerProtocol.Subscription(
                topics: topics,
                userData: userData,
                ownedPartitions: owned,
                generationID: generationID
            )
        )
        return assignors.map { ($0.name, metadata) }
    }

    public func assign(
        protocolName: KafkaString,
        members: [GroupMemberMetadata]
    ) async throws -> [KafkaString: ByteBuffer] {
        let readers = members.map { member in
            AssignorMember(
                id: member.memberID,
                instanceID: member.instanceID,
                subscription: ConsumerProtocol.subscription(member.metadata) ?? .init(topics: [])
            )
        }
        let topics = Set(readers.flatMap(\.subscription.topics))
        let metadata = try await client.refreshMetadata(.topics(topics))
        var counts: [TopicName: Int32] = [:]
        for topic in topics { counts[topic] = metadata.topics[topic].map { Int32($0.partitions.count) } }
        guard let assignor = assignors.first(where: { $0.name == protocolName }) else {
            throw client.refused(.inconsistentGroupProtocol, "The group agreed on an unknown assignor")
        }
        return try assignor.assign(readers, partitionCounts: counts).mapValues { partitions in
            try ConsumerProtocol.encode(ConsumerProtocol.Assignment(partitions: partitions))
        }
    }

    public func assigned(_ assignment: GroupAssignment) async -> Bool {
        let partitions = ConsumerProtocol.assignment(assignment.data)?.partitions ?? []
        let (removed, added) = state.withLock { state in
            let old = Set(state.owned)
            let new = Set(partitions)
            state.owned = partitions.sorted()
            state.generationID = assignment.generationID
            return (old.subtracting(new).sorted(), new.subtracting(old).sorted())
        }
        if !removed.isEmpty { await callbacks.onRevoked(removed, .rebalance) }
        await callbacks.onAssigned(added)
        return !removed.isEmpty
    }

    public func revoked(_ reason: RevocationReason) async {
        let removed = state.withLock { state in
            defer {
                state.owned = []
                if reason == .lost { state.generationID = -1 }
            }
            return state.owned
        }
        if !removed.isEmpty { await callbacks.onRevoked(removed, reason) }
    }
}
