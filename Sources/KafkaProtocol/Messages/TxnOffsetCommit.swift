/// Stores a group's positions as part of a transaction (KIP-98).
public struct TxnOffsetCommitRequest: KafkaRequest {
    public typealias Response = TxnOffsetCommitResponse
    public static let apiKey = ApiKey.txnOffsetCommit
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 3

    public var transactionalID: KafkaString = ""
    public var groupID: GroupID = ""
    public var producerID: Int64 = 0
    public var producerEpoch: Int16 = 0

    /// The member's generation; -1 if the group is not used for membership (KIP-447).
    public var generationID: Int32 = -1

    public var memberID: KafkaString = ""

    /// The name of a static member; null for a dynamic one (KIP-345).
    public var groupInstanceID: KafkaString?

    public var topics: [TxnOffsetCommitRequestTopic] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&transactionalID, "TransactionalId")
        try w(&groupID, "GroupId")
        try w(&producerID, "ProducerId")
        try w(&producerEpoch, "ProducerEpoch")
        try w(&generationID, "GenerationId", since: 3, default: -1)
        try w(&memberID, "MemberId", since: 3)
        try w(&groupInstanceID, "GroupInstanceId", since: 3, default: nil)
        try w(&topics, "Topics")
    }

    /// Partitions of one topic.
    public struct TxnOffsetCommitRequestTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [TxnOffsetCommitRequestPartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// The position in one partition.
    public struct TxnOffsetCommitRequestPartition: WireStruct {
        public var partitionIndex: Int32 = 0

        /// The next offset to read.
        public var committedOffset: Int64 = 0

        /// The epoch of the last record consumed; -1 when unknown (KIP-320).
        public var committedLeaderEpoch: Int32 = -1

        /// Free text that is stored with the position.
        public var committedMetadata: KafkaString? = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&committedOffset, "CommittedOffset")
            try w(&committedLeaderEpoch, "CommittedLeaderEpoch", since: 2, ignorable: true)
            try w(&committedMetadata, "CommittedMetadata")
        }
    }
}

/// The outcome for each partition.
public struct TxnOffsetCommitResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 3

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var topics: [TxnOffsetCommitResponseTopic] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&topics, "Topics")
    }

    /// The outcome for one topic.
    public struct TxnOffsetCommitResponseTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [TxnOffsetCommitResponsePartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// The outcome for one partition.
    public struct TxnOffsetCommitResponsePartition: WireStruct {
        public var partitionIndex: Int32 = 0
        public var errorCode = ErrorCode.none

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&errorCode, "ErrorCode")
        }
    }
}
