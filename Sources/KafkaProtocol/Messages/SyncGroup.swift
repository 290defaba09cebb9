public import NIOCore

/// Distributes the leader's assignments; every member sends it and gets its own part.
public struct SyncGroupRequest: KafkaRequest {
    public typealias Response = SyncGroupResponse
    public static let apiKey = ApiKey.syncGroup
    public static let supportedVersions: ClosedRange<Int16> = 0...5
    public static let flexibleSince: Int16 = 4

    public var groupID: GroupID = ""
    public var generationID: Int32 = 0
    public var memberID: KafkaString = ""

    /// The name of a static member; null for a dynamic one (KIP-345).
    public var groupInstanceID: KafkaString?

    /// `consumer` for consumers, `connect` for Connect workers.
    public var protocolType: KafkaString?

    public var protocolName: KafkaString?

    /// Filled in by the leader only.
    public var assignments: [SyncGroupRequestAssignment] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&groupID, "GroupId")
        try w(&generationID, "GenerationId")
        try w(&memberID, "MemberId")
        try w(&groupInstanceID, "GroupInstanceId", since: 3, default: nil)
        try w(&protocolType, "ProtocolType", since: 5, ignorable: true)
        try w(&protocolName, "ProtocolName", since: 5, ignorable: true)
        try w(&assignments, "Assignments")
    }

    /// What the leader gives to one member.
    public struct SyncGroupRequestAssignment: WireStruct {
        public var memberID: KafkaString = ""

        /// What the leader decided for the member: a version and a `ConsumerProtocolAssignment`, for consumers.
        public var assignment = ByteBuffer()

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&memberID, "MemberId")
            try w(&assignment, "Assignment")
        }
    }
}

/// The member's assignment.
public struct SyncGroupResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...5
    public static let flexibleSince: Int16 = 4

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none

    /// `consumer` for consumers, `connect` for Connect workers.
    public var protocolType: KafkaString?

    public var protocolName: KafkaString?

    /// What the leader decided for this member: a version and a `ConsumerProtocolAssignment`, for consumers.
    public var assignment = ByteBuffer()

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 1, ignorable: true)
        try w(&errorCode, "ErrorCode")
        try w(&protocolType, "ProtocolType", since: 5, ignorable: true)
        try w(&protocolName, "ProtocolName", since: 5, ignorable: true)
        try w(&assignment, "Assignment")
    }
}
