/// Asks for topics page by page (KIP-966).
public struct DescribeTopicPartitionsRequest: KafkaRequest {
    public typealias Response = DescribeTopicPartitionsResponse
    public static let apiKey = ApiKey.describeTopicPartitions
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = 0

    public var topics: [TopicRequest] = []
    public var responsePartitionLimit: Int32 = 2000
    public var cursor: Cursor?

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&topics, "Topics")
        try w(&responsePartitionLimit, "ResponsePartitionLimit")
        try w(&cursor, "Cursor")
    }

    public struct TopicRequest: WireStruct {
        public var name: TopicName = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
        }
    }

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

    public var throttleTimeMs: Int32 = 0
    public var topics: [DescribeTopicPartitionsResponseTopic] = []
    public var nextCursor: Cursor?

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&topics, "Topics")
        try w(&nextCursor, "NextCursor")
    }

    public struct DescribeTopicPartitionsResponseTopic: WireStruct {
        public var errorCode = ErrorCode.none
        public var name: TopicName? = ""
        public var topicID = KafkaUUID.zero
        public var isInternal = false
        public var partitions: [DescribeTopicPartitionsResponsePartition] = []
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

    public struct DescribeTopicPartitionsResponsePartition: WireStruct {
        public var errorCode = ErrorCode.none
        public var partitionIndex: Int32 = 0
        public var leaderID: Int32 = 0
        public var leaderEpoch: Int32 = -1
        public var replicaNodes: [Int32] = []
        public var isrNodes: [Int32] = []
        public var eligibleLeaderReplicas: [Int32]?
        public var lastKnownElr: [Int32]?
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
