/// Makes the controller elect leaders (KIP-460).
public struct ElectLeadersRequest: KafkaRequest {
    public typealias Response = ElectLeadersResponse
    public static let apiKey = ApiKey.electLeaders
    public static let supportedVersions: ClosedRange<Int16> = 0...2
    public static let flexibleSince: Int16 = 2

    /// 0 preferred leader, 1 unclean.
    public var electionType: Int8 = 0

    /// The partitions; null for all.
    public var topicPartitions: [TopicPartitions]? = []

    /// How long the broker may take.
    public var timeoutMs: Int32 = 60000

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&electionType, "ElectionType", since: 1)
        try w(&topicPartitions, "TopicPartitions")
        try w(&timeoutMs, "TimeoutMs")
    }

    /// Partitions of one topic.
    public struct TopicPartitions: WireStruct {
        public var topic: TopicName = ""
        public var partitions: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topic, "Topic")
            try w(&partitions, "Partitions")
        }
    }
}

/// The outcome for each partition.
public struct ElectLeadersResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...2
    public static let flexibleSince: Int16 = 2

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none
    public var replicaElectionResults: [ReplicaElectionResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&errorCode, "ErrorCode", since: 1)
        try w(&replicaElectionResults, "ReplicaElectionResults")
    }

    /// The outcome for one topic.
    public struct ReplicaElectionResult: WireStruct {
        public var topic: TopicName = ""
        public var partitionResult: [PartitionResult] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topic, "Topic")
            try w(&partitionResult, "PartitionResult")
        }
    }

    /// The outcome for one partition.
    public struct PartitionResult: WireStruct {
        public var partitionID: Int32 = 0
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString? = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionID, "PartitionId")
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
        }
    }
}
