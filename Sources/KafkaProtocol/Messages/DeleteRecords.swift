/// Deletes the records before an offset; goes to the partition's leader.
public struct DeleteRecordsRequest: KafkaRequest {
    public typealias Response = DeleteRecordsResponse
    public static let apiKey = ApiKey.deleteRecords
    public static let supportedVersions: ClosedRange<Int16> = 0...2
    public static let flexibleSince: Int16 = 2

    public var topics: [DeleteRecordsTopic] = []
    public var timeoutMs: Int32 = 0

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&topics, "Topics")
        try w(&timeoutMs, "TimeoutMs")
    }

    public struct DeleteRecordsTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [DeleteRecordsPartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    public struct DeleteRecordsPartition: WireStruct {
        public var partitionIndex: Int32 = 0
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

    public var throttleTimeMs: Int32 = 0
    public var topics: [DeleteRecordsTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&topics, "Topics")
    }

    public struct DeleteRecordsTopicResult: WireStruct {
        public var name: TopicName = ""
        public var partitions: [DeleteRecordsPartitionResult] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    public struct DeleteRecordsPartitionResult: WireStruct {
        public var partitionIndex: Int32 = 0
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
