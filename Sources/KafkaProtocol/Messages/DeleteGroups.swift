/// Deletes empty consumer groups with their committed offsets.
public struct DeleteGroupsRequest: KafkaRequest {
    public typealias Response = DeleteGroupsResponse
    public static let apiKey = ApiKey.deleteGroups
    public static let supportedVersions: ClosedRange<Int16> = 0...2
    public static let flexibleSince: Int16 = 2

    public var groupsNames: [GroupID] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&groupsNames, "GroupsNames")
    }
}

/// The outcome for each group.
public struct DeleteGroupsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...2
    public static let flexibleSince: Int16 = 2

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var results: [DeletableGroupResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&results, "Results")
    }

    /// The outcome for one group.
    public struct DeletableGroupResult: WireStruct {
        public var groupID: GroupID = ""
        public var errorCode = ErrorCode.none

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&groupID, "GroupId")
            try w(&errorCode, "ErrorCode")
        }
    }
}
