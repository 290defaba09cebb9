/// Removes a group's positions in topics that it no longer consumes (KIP-496).
public struct OffsetDeleteRequest: KafkaRequest {
    public typealias Response = OffsetDeleteResponse
    public static let apiKey = ApiKey.offsetDelete
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = .max

    public var groupID: GroupID = ""
    public var topics: [OffsetDeleteRequestTopic] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&groupID, "GroupId")
        try w(&topics, "Topics")
    }

    /// Partitions of one topic.
    public struct OffsetDeleteRequestTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [OffsetDeleteRequestPartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// One partition.
    public struct OffsetDeleteRequestPartition: WireStruct {
        public var partitionIndex: Int32 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
        }
    }
}

/// The outcome for each partition.
public struct OffsetDeleteResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = .max

    public var errorCode = ErrorCode.none

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var topics: [OffsetDeleteResponseTopic] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&errorCode, "ErrorCode")
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&topics, "Topics")
    }

    /// The outcome for one topic.
    public struct OffsetDeleteResponseTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [OffsetDeleteResponsePartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// The outcome for one partition.
    public struct OffsetDeleteResponsePartition: WireStruct {
        public var partitionIndex: Int32 = 0
        public var errorCode = ErrorCode.none

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&errorCode, "ErrorCode")
        }
    }
}
