/// Asks a broker for its log directories and the sizes of the replicas in them (KIP-113).
public struct DescribeLogDirsRequest: KafkaRequest {
    public typealias Response = DescribeLogDirsResponse
    public static let apiKey = ApiKey.describeLogDirs
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 2

    /// The topics; null for all.
    public var topics: [DescribableLogDirTopic]? = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&topics, "Topics")
    }

    /// Partitions of one topic.
    public struct DescribableLogDirTopic: WireStruct {
        public var topic: TopicName = ""
        public var partitions: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topic, "Topic")
            try w(&partitions, "Partitions")
        }
    }
}

/// A broker's log directories with their replicas.
public struct DescribeLogDirsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 2

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none
    public var results: [DescribeLogDirsResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&errorCode, "ErrorCode", since: 3, ignorable: true)
        try w(&results, "Results")
    }

    /// One directory.
    public struct DescribeLogDirsResult: WireStruct {
        public var errorCode = ErrorCode.none
        public var logDir: KafkaString = ""
        public var topics: [DescribeLogDirsTopic] = []

        /// The size of the volume; -1 when unknown (KIP-827).
        public var totalBytes: Int64 = -1

        /// The free space on the volume; -1 when unknown (KIP-827).
        public var usableBytes: Int64 = -1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&logDir, "LogDir")
            try w(&topics, "Topics")
            try w(&totalBytes, "TotalBytes", since: 4, ignorable: true)
            try w(&usableBytes, "UsableBytes", since: 4, ignorable: true)
        }
    }

    /// The replicas of one topic.
    public struct DescribeLogDirsTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [DescribeLogDirsPartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// One replica.
    public struct DescribeLogDirsPartition: WireStruct {
        public var partitionIndex: Int32 = 0

        /// The size of the replica's segments, in bytes.
        public var partitionSize: Int64 = 0

        /// How far the replica is behind the high watermark or, for a future replica, behind the current one.
        public var offsetLag: Int64 = 0

        /// Whether the replica is being moved to this directory.
        public var isFutureKey = false

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&partitionSize, "PartitionSize")
            try w(&offsetLag, "OffsetLag")
            try w(&isFutureKey, "IsFutureKey")
        }
    }
}
