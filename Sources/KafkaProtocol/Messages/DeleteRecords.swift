/// Deletes the records before an offset; goes to the partition's leader.
public struct DeleteRecordsRequest: KafkaRequest {
    public typealias Response = DeleteRecordsResponse
    public static let apiKey = ApiKey.deleteRecords
    public static let supportedVersions: ClosedRange<Int16> = 0...2
    public static let flexibleSince: Int16 = 2

    public var topics: [DeleteRecordsTopic] = []

    /// How long the broker may take.
    public var timeoutMs: Int32 = 0

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&topics, "Topics")
        try w(&timeoutMs, "TimeoutMs")
    }

    /// Partitions of one topic.
    public struct DeleteRecordsTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [DeleteRecordsPartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// How far to delete in one partition.
    public struct DeleteRecordsPartition: WireStruct {
        public var partitionIndex: Int32 = 0

        /// The first offset to keep; -1 deletes up to the high watermark.
        public var offset: Int64 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&offset, "Offset")
        }
    }
}

/// The new start of each partition.
public struct DeleteRecordsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...2
    public static let flexibleSince: Int16 = 2

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var topics: [DeleteRecordsTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&topics, "Topics")
    }

    /// The outcome for one topic.
    public struct DeleteRecordsTopicResult: WireStruct {
        public var name: TopicName = ""
        public var partitions: [DeleteRecordsPartitionResult] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// The outcome for one partition.
    public struct DeleteRecordsPartitionResult: WireStruct {
        public var partitionIndex: Int32 = 0

        /// The first offset that is now there; -1 after an error.
        public var lowWatermark: Int64 = 0

        public var errorCode = ErrorCode.none

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&lowWatermark, "LowWatermark")
            try w(&errorCode, "ErrorCode")
        }
    }
}
