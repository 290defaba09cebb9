/// Asks leaders for offsets by timestamp, or for the ends of partitions.
public struct ListOffsetsRequest: KafkaRequest {
    public typealias Response = ListOffsetsResponse
    public static let apiKey = ApiKey.listOffsets
    public static let supportedVersions: ClosedRange<Int16> = 0...9
    public static let flexibleSince: Int16 = 6

    /// The follower that asks; -1 for consumers.
    public var replicaID: Int32 = 0

    /// 0 read uncommitted, 1 read committed.
    public var isolationLevel: Int8 = 0

    public var topics: [ListOffsetsTopic] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&replicaID, "ReplicaId")
        try w(&isolationLevel, "IsolationLevel", since: 2)
        try w(&topics, "Topics")
    }

    /// Partitions of one topic.
    public struct ListOffsetsTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [ListOffsetsPartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// What to look for in one partition.
    public struct ListOffsetsPartition: WireStruct {
        public var partitionIndex: Int32 = 0

        /// The leader epoch that the client knows, to be told when it is out of date; -1 to skip the check (KIP-320).
        public var currentLeaderEpoch: Int32 = -1

        /// The first offset at or after this time is wanted; -1 the end, -2 the start, -3 the largest timestamp, -4 the
        /// start of the local log, -5 the end of tiered storage.
        public var timestamp: Int64 = 0

        /// How many offsets to return.
        public var maxNumOffsets: Int32 = 1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&currentLeaderEpoch, "CurrentLeaderEpoch", since: 4, ignorable: true)
            try w(&timestamp, "Timestamp")
            try w(&maxNumOffsets, "MaxNumOffsets", until: 0, default: 1)
        }
    }
}

/// The offset found in each partition.
public struct ListOffsetsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...9
    public static let flexibleSince: Int16 = 6

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var topics: [ListOffsetsTopicResponse] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 2, ignorable: true)
        try w(&topics, "Topics")
    }

    /// The partitions of one topic.
    public struct ListOffsetsTopicResponse: WireStruct {
        public var name: TopicName = ""
        public var partitions: [ListOffsetsPartitionResponse] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// What was found in one partition.
    public struct ListOffsetsPartitionResponse: WireStruct {
        public var partitionIndex: Int32 = 0
        public var errorCode = ErrorCode.none

        /// The offsets found, latest first.
        public var oldStyleOffsets: [Int64] = []

        /// The record's timestamp; -1 for none.
        public var timestamp: Int64 = -1

        /// The offset found; -1 for none.
        public var offset: Int64 = -1

        /// Counts the partition's leaders; -1 when unknown.
        public var leaderEpoch: Int32 = -1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&errorCode, "ErrorCode")
            try w(&oldStyleOffsets, "OldStyleOffsets", until: 0)
            try w(&timestamp, "Timestamp", since: 1, default: -1)
            try w(&offset, "Offset", since: 1, default: -1)
            try w(&leaderEpoch, "LeaderEpoch", since: 4, default: -1)
        }
    }
}
