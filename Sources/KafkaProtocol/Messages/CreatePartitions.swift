/// Raises the number of partitions of topics (KIP-195).
public struct CreatePartitionsRequest: KafkaRequest {
    public typealias Response = CreatePartitionsResponse
    public static let apiKey = ApiKey.createPartitions
    public static let supportedVersions: ClosedRange<Int16> = 0...3
    public static let flexibleSince: Int16 = 2

    public var topics: [CreatePartitionsTopic] = []
    public var timeoutMs: Int32 = 0
    public var validateOnly = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&topics, "Topics")
        try w(&timeoutMs, "TimeoutMs")
        try w(&validateOnly, "ValidateOnly")
    }

    public struct CreatePartitionsTopic: WireStruct {
        public var name: TopicName = ""
        public var count: Int32 = 0
        public var assignments: [CreatePartitionsAssignment]? = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&count, "Count")
            try w(&assignments, "Assignments")
        }
    }

    public struct CreatePartitionsAssignment: WireStruct {
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

    public var throttleTimeMs: Int32 = 0
    public var results: [CreatePartitionsTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&results, "Results")
    }

    public struct CreatePartitionsTopicResult: WireStruct {
        public var name: TopicName = ""
        public var errorCode = ErrorCode.none
        public var errorMessage: KafkaString?

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
        }
    }
}
