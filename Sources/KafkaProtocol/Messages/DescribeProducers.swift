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

    /// Partitions of one topic.
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

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var topics: [TopicResponse] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&topics, "Topics")
    }

    /// The partitions of one topic.
    public struct TopicResponse: WireStruct {
        public var name: TopicName = ""
        public var partitions: [PartitionResponse] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// The producers of one partition.
    public struct PartitionResponse: WireStruct {
        public var partitionIndex: Int32 = 0
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
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

    /// What the leader remembers of one producer.
    public struct ProducerState: WireStruct {
        public var producerID: Int64 = 0
        public var producerEpoch: Int32 = 0

        /// The sequence of the last record; -1 for none.
        public var lastSequence: Int32 = -1

        /// When the producer last wrote, in milliseconds since 1970; -1 when unknown.
        public var lastTimestamp: Int64 = -1

        /// The epoch of the coordinator that ended the last transaction; -1 for none.
        public var coordinatorEpoch: Int32 = 0

        /// The first offset of the open transaction; -1 for none.
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
