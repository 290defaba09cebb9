/// Stores a group's positions.
public struct OffsetCommitRequest: KafkaRequest {
    public typealias Response = OffsetCommitResponse
    public static let apiKey = ApiKey.offsetCommit
    public static let supportedVersions: ClosedRange<Int16> = 0...9
    public static let flexibleSince: Int16 = 8

    public var groupID: GroupID = ""
    public var generationIDOrMemberEpoch: Int32 = -1
    public var memberID: KafkaString = ""
    public var groupInstanceID: KafkaString?
    public var retentionTimeMs: Int64 = -1
    public var topics: [OffsetCommitRequestTopic] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&groupID, "GroupId")
        try w(&generationIDOrMemberEpoch, "GenerationIdOrMemberEpoch", since: 1, ignorable: true)
        try w(&memberID, "MemberId", since: 1, ignorable: true)
        try w(&groupInstanceID, "GroupInstanceId", since: 7, default: nil)
        try w(&retentionTimeMs, "RetentionTimeMs", since: 2, until: 4, ignorable: true)
        try w(&topics, "Topics")
    }

    public struct OffsetCommitRequestTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [OffsetCommitRequestPartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    public struct OffsetCommitRequestPartition: WireStruct {
        public var partitionIndex: Int32 = 0
        public var committedOffset: Int64 = 0
        public var committedLeaderEpoch: Int32 = -1
        public var commitTimestamp: Int64 = -1
        public var committedMetadata: KafkaString? = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&committedOffset, "CommittedOffset")
            try w(&committedLeaderEpoch, "CommittedLeaderEpoch", since: 6, ignorable: true)
            try w(&commitTimestamp, "CommitTimestamp", since: 1, until: 1, default: -1)
            try w(&committedMetadata, "CommittedMetadata")
        }
    }
}

/// The outcome for each partition.
public struct OffsetCommitResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...9
    public static let flexibleSince: Int16 = 8

    public var throttleTimeMs: Int32 = 0
    public var topics: [OffsetCommitResponseTopic] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 3, ignorable: true)
        try w(&topics, "Topics")
    }

    public struct OffsetCommitResponseTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [OffsetCommitResponsePartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    public struct OffsetCommitResponsePartition: WireStruct {
        public var partitionIndex: Int32 = 0
        public var errorCode = ErrorCode.none

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&errorCode, "ErrorCode")
        }
    }
}
