/// Asks a leader for the producers that are active in partitions (KIP-664).
public struct DescribeProducersRequest: KafkaRequest {
    public typealias Response = DescribeProducersResponse
    public static let apiKey = ApiKey.describeProducers
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = 0

    public var topics: [TopicRequest] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&topics, "Topics")
    }

    public struct TopicRequest: WireStruct {
        public var name: TopicName = ""
        public var partitionIndexes: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitionIndexes, "PartitionIndexes")
        }
    }
}

/// The producers known in each partition.
public struct DescribeProducersResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = 0

    public var throttleTimeMs: Int32 = 0
    public var topics: [TopicResponse] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&topics, "Topics")
    }

    public struct TopicResponse: WireStruct {
        public var name: TopicName = ""
        public var partitions: [PartitionResponse] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    public struct PartitionResponse: WireStruct {
        public var partitionIndex: Int32 = 0
        public var errorCode = ErrorCode.none
        public var errorMessage: KafkaString?
        public var activeProducers: [ProducerState] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
            try w(&activeProducers, "ActiveProducers")
        }
    }

    public struct ProducerState: WireStruct {
        public var producerID: Int64 = 0
        public var producerEpoch: Int32 = 0
        public var lastSequence: Int32 = -1
        public var lastTimestamp: Int64 = -1
        public var coordinatorEpoch: Int32 = 0
        public var currentTxnStartOffset: Int64 = -1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&producerID, "ProducerId")
            try w(&producerEpoch, "ProducerEpoch")
            try w(&lastSequence, "LastSequence")
            try w(&lastTimestamp, "LastTimestamp")
            try w(&coordinatorEpoch, "CoordinatorEpoch")
            try w(&currentTxnStartOffset, "CurrentTxnStartOffset")
        }
    }
}
