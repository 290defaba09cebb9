/// Asks leaders for offsets by timestamp, or for the ends of partitions.
public struct ListOffsetsRequest: KafkaRequest {
    public typealias Response = ListOffsetsResponse
    public static let apiKey = ApiKey.listOffsets
    public static let supportedVersions: ClosedRange<Int16> = 0...9
    public static let flexibleSince: Int16 = 6

    public var replicaID: Int32 = 0
    public var isolationLevel: Int8 = 0
    public var topics: [ListOffsetsTopic] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&replicaID, "ReplicaId")
        try w(&isolationLevel, "IsolationLevel", since: 2)
        try w(&topics, "Topics")
    }

    public struct ListOffsetsTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [ListOffsetsPartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    public struct ListOffsetsPartition: WireStruct {
        public var partitionIndex: Int32 = 0
        public var currentLeaderEpoch: Int32 = -1
        public var timestamp: Int64 = 0
        public var maxNumOffsets: Int32 = 1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&currentLeaderEpoch, "CurrentLeaderEpoch", since: 4, ignorable: true)
            try w(&timestamp, "Timestamp")
            try w(&maxNumOffsets, "MaxNumOffsets", until: 0, default: 1)
        }
    }
}

/// The offset found in each partition.
public struct ListOffsetsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...9
    public static let flexibleSince: Int16 = 6

    public var throttleTimeMs: Int32 = 0
    public var topics: [ListOffsetsTopicResponse] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 2, ignorable: true)
        try w(&topics, "Topics")
    }

    public struct ListOffsetsTopicResponse: WireStruct {
        public var name: TopicName = ""
        public var partitions: [ListOffsetsPartitionResponse] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    public struct ListOffsetsPartitionResponse: WireStruct {
        public var partitionIndex: Int32 = 0
        public var errorCode = ErrorCode.none
        public var oldStyleOffsets: [Int64] = []
        public var timestamp: Int64 = -1
        public var offset: Int64 = -1
        public var leaderEpoch: Int32 = -1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&errorCode, "ErrorCode")
            try w(&oldStyleOffsets, "OldStyleOffsets", until: 0)
            try w(&timestamp, "Timestamp", since: 1, default: -1)
            try w(&offset, "Offset", since: 1, default: -1)
            try w(&leaderEpoch, "LeaderEpoch", since: 4, default: -1)
        }
    }
}
