/// Raises the number of partitions of topics (KIP-195).
public struct CreatePartitionsRequest: KafkaRequest {
    public typealias Response = CreatePartitionsResponse
    public static let apiKey = ApiKey.createPartitions
    public static let supportedVersions: ClosedRange<Int16> = 0...3
    public static let flexibleSince: Int16 = 2

    public var topics: [CreatePartitionsTopic] = []

    /// How long the broker may take.
    public var timeoutMs: Int32 = 0

    /// Whether to check only and change nothing.
    public var validateOnly = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&topics, "Topics")
        try w(&timeoutMs, "TimeoutMs")
        try w(&validateOnly, "ValidateOnly")
    }

    /// One topic and how many partitions it shall have.
    public struct CreatePartitionsTopic: WireStruct {
        public var name: TopicName = ""

        /// The new number of partitions, not how many to add.
        public var count: Int32 = 0

        /// The replicas of each new partition; null to let the controller choose.
        public var assignments: [CreatePartitionsAssignment]? = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&count, "Count")
            try w(&assignments, "Assignments")
        }
    }

    /// The replicas of one new partition.
    public struct CreatePartitionsAssignment: WireStruct {
        /// The replicas of the partition; the first is the preferred leader.
        public var brokerIDs: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&brokerIDs, "BrokerIds")
        }
    }
}

/// The outcome for each topic.
public struct CreatePartitionsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...3
    public static let flexibleSince: Int16 = 2

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var results: [CreatePartitionsTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&results, "Results")
    }

    /// The outcome for one topic.
    public struct CreatePartitionsTopicResult: WireStruct {
        public var name: TopicName = ""
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString?

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
        }
    }
}
