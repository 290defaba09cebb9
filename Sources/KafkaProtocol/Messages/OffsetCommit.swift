/// Stores a group's positions.
public struct OffsetCommitRequest: KafkaRequest {
    public typealias Response = OffsetCommitResponse
    public static let apiKey = ApiKey.offsetCommit
    public static let supportedVersions: ClosedRange<Int16> = 0...9
    public static let flexibleSince: Int16 = 8

    public var groupID: GroupID = ""

    /// The member's generation or, in groups of the new protocol, epoch; -1 without membership.
    public var generationIDOrMemberEpoch: Int32 = -1

    public var memberID: KafkaString = ""

    /// The name of a static member; null for a dynamic one (KIP-345).
    public var groupInstanceID: KafkaString?

    /// How long to keep the position; -1 for the broker's setting.
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

    /// Partitions of one topic.
    public struct OffsetCommitRequestTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [OffsetCommitRequestPartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// The position in one partition.
    public struct OffsetCommitRequestPartition: WireStruct {
        public var partitionIndex: Int32 = 0

        /// The next offset to read.
        public var committedOffset: Int64 = 0

        /// The epoch of the last record consumed; -1 when unknown (KIP-320).
        public var committedLeaderEpoch: Int32 = -1

        /// When the position was committed, in milliseconds since 1970; -1 for now.
        public var commitTimestamp: Int64 = -1

        /// Free text that is stored with the position.
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

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var topics: [OffsetCommitResponseTopic] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 3, ignorable: true)
        try w(&topics, "Topics")
    }

    /// The outcome for one topic.
    public struct OffsetCommitResponseTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [OffsetCommitResponsePartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// The outcome for one partition.
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
