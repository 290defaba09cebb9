/// Asks for a producer id and epoch; with a transactional id it also fences older producers (KIP-98).
public struct InitProducerIdRequest: KafkaRequest {
    public typealias Response = InitProducerIdResponse
    public static let apiKey = ApiKey.initProducerID
    public static let supportedVersions: ClosedRange<Int16> = 0...5
    public static let flexibleSince: Int16 = 2

    /// The name that outlives the producer; null for idempotence without transactions.
    public var transactionalID: KafkaString? = ""

    /// How long the transaction may stay open before the coordinator aborts it.
    public var transactionTimeoutMs: Int32 = 0

    /// The current id, to keep it after an error; -1 for a new producer (KIP-360).
    public var producerID: Int64 = -1

    /// The current epoch, to be raised after an error; -1 for a new producer (KIP-360).
    public var producerEpoch: Int16 = -1

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&transactionalID, "TransactionalId")
        try w(&transactionTimeoutMs, "TransactionTimeoutMs")
        try w(&producerID, "ProducerId", since: 3, default: -1)
        try w(&producerEpoch, "ProducerEpoch", since: 3, default: -1)
    }
}

/// The producer's id and epoch.
public struct InitProducerIdResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...5
    public static let flexibleSince: Int16 = 2

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none

    /// -1 after an error.
    public var producerID: Int64 = -1

    public var producerEpoch: Int16 = 0

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&errorCode, "ErrorCode")
        try w(&producerID, "ProducerId")
        try w(&producerEpoch, "ProducerEpoch")
    }
}
