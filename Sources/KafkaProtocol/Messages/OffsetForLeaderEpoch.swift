/// Asks where leader epochs end, to find out whether a log was truncated (KIP-101, KIP-320).
public struct OffsetForLeaderEpochRequest: KafkaRequest {
    public typealias Response = OffsetForLeaderEpochResponse
    public static let apiKey = ApiKey.offsetForLeaderEpoch
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 4

    public var replicaID: Int32 = -2
    public var topics: [OffsetForLeaderTopic] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&replicaID, "ReplicaId", since: 3, ignorable: true)
        try w(&topics, "Topics")
    }

    public struct OffsetForLeaderTopic: WireStruct {
        public var topic: TopicName = ""
        public var partitions: [OffsetForLeaderPartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topic, "Topic")
            try w(&partitions, "Partitions")
        }
    }

    public struct OffsetForLeaderPartition: WireStruct {
        public var partition: Int32 = 0
        public var currentLeaderEpoch: Int32 = -1
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

    public var throttleTimeMs: Int32 = 0
    public var topics: [OffsetForLeaderTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 2, ignorable: true)
        try w(&topics, "Topics")
    }

    public struct OffsetForLeaderTopicResult: WireStruct {
        public var topic: TopicName = ""
        public var partitions: [EpochEndOffset] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topic, "Topic")
            try w(&partitions, "Partitions")
        }
    }

    public struct EpochEndOffset: WireStruct {
        public var errorCode = ErrorCode.none
        public var partition: Int32 = 0
        public var leaderEpoch: Int32 = -1
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
