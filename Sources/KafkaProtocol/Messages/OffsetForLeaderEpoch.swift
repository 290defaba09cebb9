/// Asks where leader epochs end, to find out whether a log was truncated (KIP-101, KIP-320).
public struct OffsetForLeaderEpochRequest: KafkaRequest {
    public typealias Response = OffsetForLeaderEpochResponse
    public static let apiKey = ApiKey.offsetForLeaderEpoch
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 4

    /// The follower that asks; -1 for consumers.
    public var replicaID: Int32 = -2

    public var topics: [OffsetForLeaderTopic] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&replicaID, "ReplicaId", since: 3, ignorable: true)
        try w(&topics, "Topics")
    }

    /// Partitions of one topic.
    public struct OffsetForLeaderTopic: WireStruct {
        public var topic: TopicName = ""
        public var partitions: [OffsetForLeaderPartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topic, "Topic")
            try w(&partitions, "Partitions")
        }
    }

    /// The epoch to look for in one partition.
    public struct OffsetForLeaderPartition: WireStruct {
        public var partition: Int32 = 0

        /// The leader epoch that the client knows, to be told when it is out of date; -1 to skip the check (KIP-320).
        public var currentLeaderEpoch: Int32 = -1

        /// The epoch whose end is asked for.
        public var leaderEpoch: Int32 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partition, "Partition")
            try w(&currentLeaderEpoch, "CurrentLeaderEpoch", since: 2, ignorable: true)
            try w(&leaderEpoch, "LeaderEpoch")
        }
    }
}

/// The end of the largest epoch that is not beyond the one asked for.
public struct OffsetForLeaderEpochResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 4

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var topics: [OffsetForLeaderTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 2, ignorable: true)
        try w(&topics, "Topics")
    }

    /// The partitions of one topic.
    public struct OffsetForLeaderTopicResult: WireStruct {
        public var topic: TopicName = ""
        public var partitions: [EpochEndOffset] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topic, "Topic")
            try w(&partitions, "Partitions")
        }
    }

    /// The end of an epoch in one partition.
    public struct EpochEndOffset: WireStruct {
        public var errorCode = ErrorCode.none
        public var partition: Int32 = 0

        /// Counts the partition's leaders; -1 when unknown.
        public var leaderEpoch: Int32 = -1

        /// The end of the epoch; -1 when unknown.
        public var endOffset: Int64 = -1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&partition, "Partition")
            try w(&leaderEpoch, "LeaderEpoch", since: 1, ignorable: true)
            try w(&endOffset, "EndOffset")
        }
    }
}
