public import NIOCore

/// Asks for state and members of groups; goes to their coordinator.
public struct DescribeGroupsRequest: KafkaRequest {
    public typealias Response = DescribeGroupsResponse
    public static let apiKey = ApiKey.describeGroups
    public static let supportedVersions: ClosedRange<Int16> = 0...5
    public static let flexibleSince: Int16 = 5

    public var groups: [GroupID] = []
    public var includeAuthorizedOperations = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&groups, "Groups")
        try w(&includeAuthorizedOperations, "IncludeAuthorizedOperations", since: 3)
    }
}

/// State, members and assignments of groups.
public struct DescribeGroupsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...5
    public static let flexibleSince: Int16 = 5

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var groups: [DescribedGroup] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 1, ignorable: true)
        try w(&groups, "Groups")
    }

    /// One group.
    public struct DescribedGroup: WireStruct {
        public var errorCode = ErrorCode.none
        public var groupID: GroupID = ""

        /// `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable` or `Dead`.
        public var groupState: KafkaString = ""

        /// `consumer` for consumers, `connect` for Connect workers.
        public var protocolType: KafkaString = ""

        /// The protocol that the group has chosen, such as an assignor's name.
        public var protocolData: KafkaString = ""

        public var members: [DescribedGroupMember] = []

        /// A bit for each operation the client may do; `Int32.min` when not asked for.
        public var authorizedOperations: Int32 = .min

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&groupID, "GroupId")
            try w(&groupState, "GroupState")
            try w(&protocolType, "ProtocolType")
            try w(&protocolData, "ProtocolData")
            try w(&members, "Members")
            try w(&authorizedOperations, "AuthorizedOperations", since: 3, default: .min)
        }
    }

    /// One member.
    public struct DescribedGroupMember: WireStruct {
        public var memberID: KafkaString = ""

        /// The name of a static member; null for a dynamic one (KIP-345).
        public var groupInstanceID: KafkaString?

        public var clientID: KafkaString = ""
        public var clientHost: KafkaString = ""

        /// A version and a `ConsumerProtocolSubscription`, for consumers.
        public var memberMetadata = ByteBuffer()

        /// A version and a `ConsumerProtocolAssignment`, for consumers.
        public var memberAssignment = ByteBuffer()

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&memberID, "MemberId")
            try w(&groupInstanceID, "GroupInstanceId", since: 4, ignorable: true)
            try w(&clientID, "ClientId")
            try w(&clientHost, "ClientHost")
            try w(&memberMetadata, "MemberMetadata")
            try w(&memberAssignment, "MemberAssignment")
        }
    }
}
