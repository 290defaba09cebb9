/// Asks for the stored positions of groups (one group before version 8).
public struct OffsetFetchRequest: KafkaRequest {
    public typealias Response = OffsetFetchResponse
    public static let apiKey = ApiKey.offsetFetch
    public static let supportedVersions: ClosedRange<Int16> = 0...9
    public static let flexibleSince: Int16 = 6

    public var groupID: GroupID = ""

    /// The partitions wanted; null for all that have positions.
    public var topics: [OffsetFetchRequestTopic]? = []

    public var groups: [OffsetFetchRequestGroup] = []

    /// Whether to wait for open transactions that commit positions, with `unstableOffsetCommit` (KIP-447).
    public var requireStable = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&groupID, "GroupId", until: 7)
        try w(&topics, "Topics", until: 7, nullableSince: 2)
        try w(&groups, "Groups", since: 8)
        try w(&requireStable, "RequireStable", since: 7)
    }

    /// Partitions of one topic.
    public struct OffsetFetchRequestTopic: WireStruct {
        public var name: TopicName = ""
        public var partitionIndexes: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitionIndexes, "PartitionIndexes")
        }
    }

    /// One group with the partitions wanted.
    public struct OffsetFetchRequestGroup: WireStruct {
        public var groupID: GroupID = ""

        /// The member that asks, in groups of the new consumer protocol; null otherwise.
        public var memberID: KafkaString?

        /// The member's epoch in the new consumer protocol; -1 outside it.
        public var memberEpoch: Int32 = -1

        /// The partitions wanted; null for all that have positions.
        public var topics: [OffsetFetchRequestTopics]? = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&groupID, "GroupId")
            try w(&memberID, "MemberId", since: 9, ignorable: true)
            try w(&memberEpoch, "MemberEpoch", since: 9, ignorable: true)
            try w(&topics, "Topics")
        }
    }

    /// Partitions of one topic.
    public struct OffsetFetchRequestTopics: WireStruct {
        public var name: TopicName = ""
        public var partitionIndexes: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitionIndexes, "PartitionIndexes")
        }
    }
}

/// The stored positions of groups.
public struct OffsetFetchResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...9
    public static let flexibleSince: Int16 = 6

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var topics: [OffsetFetchResponseTopic] = []
    public var errorCode = ErrorCode.none
    public var groups: [OffsetFetchResponseGroup] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 3, ignorable: true)
        try w(&topics, "Topics", until: 7)
        try w(&errorCode, "ErrorCode", since: 2, until: 7, ignorable: true)
        try w(&groups, "Groups", since: 8)
    }

    /// The positions in one topic.
    public struct OffsetFetchResponseTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [OffsetFetchResponsePartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// The position in one partition.
    public struct OffsetFetchResponsePartition: WireStruct {
        public var partitionIndex: Int32 = 0

        /// The next offset to read; -1 when nothing is stored.
        public var committedOffset: Int64 = 0

        /// The epoch of the last record consumed; -1 when unknown (KIP-320).
        public var committedLeaderEpoch: Int32 = -1

        /// Free text that was stored with the position.
        public var metadata: KafkaString? = ""

        public var errorCode = ErrorCode.none

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&committedOffset, "CommittedOffset")
            try w(&committedLeaderEpoch, "CommittedLeaderEpoch", since: 5, ignorable: true)
            try w(&metadata, "Metadata")
            try w(&errorCode, "ErrorCode")
        }
    }

    /// The positions of one group.
    public struct OffsetFetchResponseGroup: WireStruct {
        public var groupID: GroupID = ""
        public var topics: [OffsetFetchResponseTopics] = []
        public var errorCode = ErrorCode.none

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&groupID, "GroupId")
            try w(&topics, "Topics")
            try w(&errorCode, "ErrorCode")
        }
    }

    /// The positions in one topic.
    public struct OffsetFetchResponseTopics: WireStruct {
        public var name: TopicName = ""
        public var partitions: [OffsetFetchResponsePartitions] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// The position in one partition.
    public struct OffsetFetchResponsePartitions: WireStruct {
        public var partitionIndex: Int32 = 0

        /// The next offset to read; -1 when nothing is stored.
        public var committedOffset: Int64 = 0

        /// The epoch of the last record consumed; -1 when unknown (KIP-320).
        public var committedLeaderEpoch: Int32 = -1

        /// Free text that was stored with the position.
        public var metadata: KafkaString? = ""

        public var errorCode = ErrorCode.none

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&committedOffset, "CommittedOffset")
            try w(&committedLeaderEpoch, "CommittedLeaderEpoch")
            try w(&metadata, "Metadata")
            try w(&errorCode, "ErrorCode")
        }
    }
}
