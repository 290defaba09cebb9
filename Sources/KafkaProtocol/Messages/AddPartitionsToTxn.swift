/// Adds partitions to a transaction, before records are produced to them (KIP-98).
///
/// Clients use versions up to 3; later ones carry several transactions and are for brokers (KIP-890).
public struct AddPartitionsToTxnRequest: KafkaRequest {
    public typealias Response = AddPartitionsToTxnResponse
    public static let apiKey = ApiKey.addPartitionsToTxn
    public static let supportedVersions: ClosedRange<Int16> = 0...5
    public static let flexibleSince: Int16 = 3

    public var transactions: [AddPartitionsToTxnTransaction] = []
    public var v3AndBelowTransactionalID: KafkaString = ""
    public var v3AndBelowProducerID: Int64 = 0
    public var v3AndBelowProducerEpoch: Int16 = 0
    public var v3AndBelowTopics: [AddPartitionsToTxnTopic] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&transactions, "Transactions", since: 4)
        try w(&v3AndBelowTransactionalID, "V3AndBelowTransactionalId", until: 3)
        try w(&v3AndBelowProducerID, "V3AndBelowProducerId", until: 3)
        try w(&v3AndBelowProducerEpoch, "V3AndBelowProducerEpoch", until: 3)
        try w(&v3AndBelowTopics, "V3AndBelowTopics", until: 3)
    }

    /// Partitions of one topic.
    public struct AddPartitionsToTxnTopic: WireStruct {
        public var name: TopicName = ""
        public var partitions: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitions, "Partitions")
        }
    }

    /// One transaction with its partitions.
    public struct AddPartitionsToTxnTransaction: WireStruct {
        public var transactionalID: KafkaString = ""
        public var producerID: Int64 = 0
        public var producerEpoch: Int16 = 0

        /// Whether to check only that the partitions are part of the transaction.
        public var verifyOnly = false

        public var topics: [AddPartitionsToTxnTopic] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&transactionalID, "TransactionalId")
            try w(&producerID, "ProducerId")
            try w(&producerEpoch, "ProducerEpoch")
            try w(&verifyOnly, "VerifyOnly")
            try w(&topics, "Topics")
        }
    }
}

/// Which partitions are now part of the transaction.
public struct AddPartitionsToTxnResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...5
    public static let flexibleSince: Int16 = 3

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none
    public var resultsByTransaction: [AddPartitionsToTxnResult] = []
    public var resultsByTopicV3AndBelow: [AddPartitionsToTxnTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&errorCode, "ErrorCode", since: 4, ignorable: true)
        try w(&resultsByTransaction, "ResultsByTransaction", since: 4)
        try w(&resultsByTopicV3AndBelow, "ResultsByTopicV3AndBelow", until: 3)
    }

    /// The outcome for one topic.
    public struct AddPartitionsToTxnTopicResult: WireStruct {
        public var name: TopicName = ""
        public var resultsByPartition: [AddPartitionsToTxnPartitionResult] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&resultsByPartition, "ResultsByPartition")
        }
    }

    /// The outcome for one partition.
    public struct AddPartitionsToTxnPartitionResult: WireStruct {
        public var partitionIndex: Int32 = 0
        public var partitionErrorCode = ErrorCode.none

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&partitionErrorCode, "PartitionErrorCode")
        }
    }

    /// The outcome for one transaction.
    public struct AddPartitionsToTxnResult: WireStruct {
        public var transactionalID: KafkaString = ""
        public var topicResults: [AddPartitionsToTxnTopicResult] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&transactionalID, "TransactionalId")
            try w(&topicResults, "TopicResults")
        }
    }
}
