/// Asks for topics page by page (KIP-966).
public struct DescribeTopicPartitionsRequest: KafkaRequest {
    public typealias Response = DescribeTopicPartitionsResponse
    public static let apiKey = ApiKey.describeTopicPartitions
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = 0

    public var topics: [TopicRequest] = []

    /// How many partitions a page may have.
    public var responsePartitionLimit: Int32 = 2000

    /// Where to begin; null for the first page.
    public var cursor: Cursor?

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&topics, "Topics")
        try w(&responsePartitionLimit, "ResponsePartitionLimit")
        try w(&cursor, "Cursor")
    }

    /// One topic.
    public struct TopicRequest: WireStruct {
        public var name: TopicName = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
        }
    }

    /// The partition with which a page begins.
    public struct Cursor: WireStruct {
        public var topicName: TopicName = ""
        public var partitionIndex: Int32 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topicName, "TopicName")
            try w(&partitionIndex, "PartitionIndex")
        }
    }
}

/// One page of topics, and where the next begins.
public struct DescribeTopicPartitionsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = 0

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var topics: [DescribeTopicPartitionsResponseTopic] = []

    /// Where the next page begins; null on the last one.
    public var nextCursor: Cursor?

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&topics, "Topics")
        try w(&nextCursor, "NextCursor")
    }

    /// One topic.
    public struct DescribeTopicPartitionsResponseTopic: WireStruct {
        public var errorCode = ErrorCode.none
        public var name: TopicName? = ""
        public var topicID = KafkaUUID.zero

        /// Whether the topic belongs to Kafka itself, such as `__consumer_offsets`.
        public var isInternal = false

        public var partitions: [DescribeTopicPartitionsResponsePartition] = []

        /// A bit for each operation the client may do; `Int32.min` when not asked for.
        public var topicAuthorizedOperations: Int32 = .min

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&name, "Name")
            try w(&topicID, "TopicId")
            try w(&isInternal, "IsInternal")
            try w(&partitions, "Partitions")
            try w(&topicAuthorizedOperations, "TopicAuthorizedOperations")
        }
    }

    /// One partition.
    public struct DescribeTopicPartitionsResponsePartition: WireStruct {
        public var errorCode = ErrorCode.none
        public var partitionIndex: Int32 = 0

        /// The leader's broker id; -1 for none.
        public var leaderID: Int32 = 0

        /// Counts the partition's leaders; -1 when unknown.
        public var leaderEpoch: Int32 = -1

        public var replicaNodes: [Int32] = []

        /// The replicas in sync.
        public var isrNodes: [Int32] = []

        /// Replicas that may lead although they are not in sync (KIP-966); null for none.
        public var eligibleLeaderReplicas: [Int32]?

        /// The last known eligible leaders; null for none.
        public var lastKnownElr: [Int32]?

        /// The replicas that are down.
        public var offlineReplicas: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&partitionIndex, "PartitionIndex")
            try w(&leaderID, "LeaderId")
            try w(&leaderEpoch, "LeaderEpoch")
            try w(&replicaNodes, "ReplicaNodes")
            try w(&isrNodes, "IsrNodes")
            try w(&eligibleLeaderReplicas, "EligibleLeaderReplicas")
            try w(&lastKnownElr, "LastKnownElr")
            try w(&offlineReplicas, "OfflineReplicas")
        }
    }

    /// The partition with which the next page begins.
    public struct Cursor: WireStruct {
        public var topicName: TopicName = ""
        public var partitionIndex: Int32 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topicName, "TopicName")
            try w(&partitionIndex, "PartitionIndex")
        }
    }
}
