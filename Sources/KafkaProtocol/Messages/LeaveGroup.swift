/// Takes members out of a group.
public struct LeaveGroupRequest: KafkaRequest {
    public typealias Response = LeaveGroupResponse
    public static let apiKey = ApiKey.leaveGroup
    public static let supportedVersions: ClosedRange<Int16> = 0...5
    public static let flexibleSince: Int16 = 4

    public var groupID: GroupID = ""
    public var memberID: KafkaString = ""
    public var members: [MemberIdentity] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&groupID, "GroupId")
        try w(&memberID, "MemberId", until: 2)
        try w(&members, "Members", since: 3)
    }

    /// A member that leaves.
    public struct MemberIdentity: WireStruct {
        public var memberID: KafkaString = ""

        /// The name of a static member; null for a dynamic one (KIP-345).
        public var groupInstanceID: KafkaString?

        /// Why, for the broker's log (KIP-800).
        public var reason: KafkaString?

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&memberID, "MemberId")
            try w(&groupInstanceID, "GroupInstanceId")
            try w(&reason, "Reason", since: 5, ignorable: true)
        }
    }
}

/// The outcome for each member.
public struct LeaveGroupResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...5
    public static let flexibleSince: Int16 = 4

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none
    public var members: [MemberResponse] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 1, ignorable: true)
        try w(&errorCode, "ErrorCode")
        try w(&members, "Members", since: 3)
    }

    /// The outcome for one member.
    public struct MemberResponse: WireStruct {
        public var memberID: KafkaString = ""

        /// The name of a static member; null for a dynamic one (KIP-345).
        public var groupInstanceID: KafkaString? = ""

        public var errorCode = ErrorCode.none

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&memberID, "MemberId")
            try w(&groupInstanceID, "GroupInstanceId")
            try w(&errorCode, "ErrorCode")
        }
    }
}
