/// Asks a broker for the groups that it coordinates.
public struct ListGroupsRequest: KafkaRequest {
    public typealias Response = ListGroupsResponse
    public static let apiKey = ApiKey.listGroups
    public static let supportedVersions: ClosedRange<Int16> = 0...5
    public static let flexibleSince: Int16 = 3

    /// Only groups in these states; empty for all (KIP-518).
    public var statesFilter: [KafkaString] = []

    /// Only groups of these types; empty for all (KIP-848).
    public var typesFilter: [KafkaString] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&statesFilter, "StatesFilter", since: 4)
        try w(&typesFilter, "TypesFilter", since: 5)
    }
}

/// The groups that a broker coordinates.
public struct ListGroupsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...5
    public static let flexibleSince: Int16 = 3

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none
    public var groups: [ListedGroup] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 1, ignorable: true)
        try w(&errorCode, "ErrorCode")
        try w(&groups, "Groups")
    }

    /// One group.
    public struct ListedGroup: WireStruct {
        public var groupID: GroupID = ""

        /// `consumer` for consumers, `connect` for Connect workers.
        public var protocolType: KafkaString = ""

        /// The group's state, as `DescribeGroupsResponse` names it.
        public var groupState: KafkaString = ""

        /// `classic` or `consumer` (KIP-848).
        public var groupType: KafkaString = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&groupID, "GroupId")
            try w(&protocolType, "ProtocolType")
            try w(&groupState, "GroupState", since: 4, ignorable: true)
            try w(&groupType, "GroupType", since: 5, ignorable: true)
        }
    }
}
