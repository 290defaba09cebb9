public import NIOCore

/// Joins a group of the classic protocol; answered when all members have joined.
public struct JoinGroupRequest: KafkaRequest {
    public typealias Response = JoinGroupResponse
    public static let apiKey = ApiKey.joinGroup
    public static let supportedVersions: ClosedRange<Int16> = 0...9
    public static let flexibleSince: Int16 = 6

    public var groupID: GroupID = ""

    /// How long the coordinator waits for a heartbeat before it removes the member.
    public var sessionTimeoutMs: Int32 = 0

    /// How long members have to join again in a rebalance; -1 for the session timeout.
    public var rebalanceTimeoutMs: Int32 = -1

    /// Empty when joining for the first time.
    public var memberID: KafkaString = ""

    /// The name of a static member; null for a dynamic one (KIP-345).
    public var groupInstanceID: KafkaString?

    /// `consumer` for consumers, `connect` for Connect workers.
    public var protocolType: KafkaString = ""

    /// The protocols that the member supports, best first.
    public var protocols: [JoinGroupRequestProtocol] = []

    /// Why, for the broker's log (KIP-800).
    public var reason: KafkaString?

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&groupID, "GroupId")
        try w(&sessionTimeoutMs, "SessionTimeoutMs")
        try w(&rebalanceTimeoutMs, "RebalanceTimeoutMs", since: 1, ignorable: true)
        try w(&memberID, "MemberId")
        try w(&groupInstanceID, "GroupInstanceId", since: 5, default: nil)
        try w(&protocolType, "ProtocolType")
        try w(&protocols, "Protocols")
        try w(&reason, "Reason", since: 8, ignorable: true)
    }

    /// A protocol that the member supports.
    public struct JoinGroupRequestProtocol: WireStruct {
        public var name: KafkaString = ""

        /// What the leader needs to know of the member: a version and a `ConsumerProtocolSubscription`, for consumers.
        public var metadata = ByteBuffer()

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&metadata, "Metadata")
        }
    }
}

/// The new generation; the leader also learns all members and assigns their work.
public struct JoinGroupResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...9
    public static let flexibleSince: Int16 = 6

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none

    /// Counts the group's rebalances; -1 after an error.
    public var generationID: Int32 = -1

    /// `consumer` for consumers, `connect` for Connect workers.
    public var protocolType: KafkaString?

    /// The protocol that the coordinator has chosen, such as an assignor's name.
    public var protocolName: KafkaString? = ""

    /// The member id of the leader.
    public var leader: KafkaString = ""

    /// Whether the leader keeps the current assignment and must not compute a new one (KIP-814).
    public var skipAssignment = false

    public var memberID: KafkaString = ""
    public var members: [JoinGroupResponseMember] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 2, ignorable: true)
        try w(&errorCode, "ErrorCode")
        try w(&generationID, "GenerationId")
        try w(&protocolType, "ProtocolType", since: 7, ignorable: true)
        try w(&protocolName, "ProtocolName", nullableSince: 7)
        try w(&leader, "Leader")
        try w(&skipAssignment, "SkipAssignment", since: 9)
        try w(&memberID, "MemberId")
        try w(&members, "Members")
    }

    /// One member, as the leader sees it.
    public struct JoinGroupResponseMember: WireStruct {
        public var memberID: KafkaString = ""

        /// The name of a static member; null for a dynamic one (KIP-345).
        public var groupInstanceID: KafkaString?

        /// What the member sent with the chosen protocol: a version and a `ConsumerProtocolSubscription`, for
        /// consumers.
        public var metadata = ByteBuffer()

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&memberID, "MemberId")
            try w(&groupInstanceID, "GroupInstanceId", since: 5, ignorable: true)
            try w(&metadata, "Metadata")
        }
    }
}
