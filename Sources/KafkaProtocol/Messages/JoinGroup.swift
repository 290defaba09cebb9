public import NIOCore

/// Joins a group of the classic protocol; answered when all members have joined.
public struct JoinGroupRequest: KafkaRequest {
    public typealias Response = JoinGroupResponse
    public static let apiKey = ApiKey.joinGroup
    public static let supportedVersions: ClosedRange<Int16> = 0...9
    public static let flexibleSince: Int16 = 6

    public var groupID: GroupID = ""
    public var sessionTimeoutMs: Int32 = 0
    public var rebalanceTimeoutMs: Int32 = -1
    public var memberID: KafkaString = ""
    public var groupInstanceID: KafkaString?
    public var protocolType: KafkaString = ""
    public var protocols: [JoinGroupRequestProtocol] = []
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

    public struct JoinGroupRequestProtocol: WireStruct {
        public var name: KafkaString = ""
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

    public var throttleTimeMs: Int32 = 0
    public var errorCode = ErrorCode.none
    public var generationID: Int32 = -1
    public var protocolType: KafkaString?
    public var protocolName: KafkaString? = ""
    public var leader: KafkaString = ""
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

    public struct JoinGroupResponseMember: WireStruct {
        public var memberID: KafkaString = ""
        public var groupInstanceID: KafkaString?
        public var metadata = ByteBuffer()

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&memberID, "MemberId")
            try w(&groupInstanceID, "GroupInstanceId", since: 5, ignorable: true)
            try w(&metadata, "Metadata")
        }
    }
}
