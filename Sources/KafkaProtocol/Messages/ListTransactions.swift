/// Asks a broker for the transactions that it coordinates (KIP-664).
public struct ListTransactionsRequest: KafkaRequest {
    public typealias Response = ListTransactionsResponse
    public static let apiKey = ApiKey.listTransactions
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 0

    /// Only transactions in these states; empty for all.
    public var stateFilters: [KafkaString] = []

    /// Only transactions of these producers; empty for all.
    public var producerIDFilters: [Int64] = []

    /// Only transactions that have run for longer than this many milliseconds; -1 for all (KIP-994).
    public var durationFilter: Int64 = -1

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&stateFilters, "StateFilters")
        try w(&producerIDFilters, "ProducerIdFilters")
        try w(&durationFilter, "DurationFilter", since: 1, default: -1)
    }
}

/// The transactions that a broker coordinates.
public struct ListTransactionsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 0

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none

    /// Those states asked for that the coordinator does not know.
    public var unknownStateFilters: [KafkaString] = []

    public var transactionStates: [TransactionState] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&errorCode, "ErrorCode")
        try w(&unknownStateFilters, "UnknownStateFilters")
        try w(&transactionStates, "TransactionStates")
    }

    /// One transaction.
    public struct TransactionState: WireStruct {
        public var transactionalID: KafkaString = ""
        public var producerID: Int64 = 0
        public var transactionState: KafkaString = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&transactionalID, "TransactionalId")
            try w(&producerID, "ProducerId")
            try w(&transactionState, "TransactionState")
        }
    }
}
