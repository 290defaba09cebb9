/// Tells a group's coordinator that a member is alive.
public struct HeartbeatRequest: KafkaRequest {
    public typealias Response = HeartbeatResponse
    public static let apiKey = ApiKey.heartbeat
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 4

    public var groupID: GroupID = ""
    public var generationID: Int32 = 0
    public var memberID: KafkaString = ""

    /// The name of a static member; null for a dynamic one (KIP-345).
    public var groupInstanceID: KafkaString?

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&groupID, "GroupId")
        try w(&generationID, "GenerationId")
        try w(&memberID, "MemberId")
        try w(&groupInstanceID, "GroupInstanceId", since: 3, default: nil)
    }
}

/// Whether the member is still part of the group, or must join again.
public struct HeartbeatResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 4

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 1, ignorable: true)
        try w(&errorCode, "ErrorCode")
    }
}
