/// Asks transaction coordinators for the state of transactions (KIP-664).
public struct DescribeTransactionsRequest: KafkaRequest {
    public typealias Response = DescribeTransactionsResponse
    public static let apiKey = ApiKey.describeTransactions
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = 0

    public var transactionalIDs: [KafkaString] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&transactionalIDs, "TransactionalIds")
    }
}

/// State and partitions of each transaction.
public struct DescribeTransactionsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = 0

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var transactionStates: [TransactionState] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&transactionStates, "TransactionStates")
    }

    /// One transaction.
    public struct TransactionState: WireStruct {
        public var errorCode = ErrorCode.none
        public var transactionalID: KafkaString = ""
        public var transactionState: KafkaString = ""

        /// How long the transaction may stay open before the coordinator aborts it.
        public var transactionTimeoutMs: Int32 = 0

        /// When the transaction began, in milliseconds since 1970; -1 if none is open.
        public var transactionStartTimeMs: Int64 = 0

        public var producerID: Int64 = 0
        public var producerEpoch: Int16 = 0
        public var topics: [TopicData] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&transactionalID, "TransactionalId")
            try w(&transactionState, "TransactionState")
            try w(&transactionTimeoutMs, "TransactionTimeoutMs")
            try w(&transactionStartTimeMs, "TransactionStartTimeMs")
            try w(&producerID, "ProducerId")
            try w(&producerEpoch, "ProducerEpoch")
            try w(&topics, "Topics")
        }
    }

    /// Partitions of one topic.
    public struct TopicData: WireStruct {
        public var topic: TopicName = ""
        public var partitions: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topic, "Topic")
            try w(&partitions, "Partitions")
        }
    }
}
