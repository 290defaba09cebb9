/// Asks for a producer id and epoch; with a transactional id it also fences older producers (KIP-98).
public struct InitProducerIdRequest: KafkaRequest {
    public typealias Response = InitProducerIdResponse
    public static let apiKey = ApiKey.initProducerID
    public static let supportedVersions: ClosedRange<Int16> = 0...5
    public static let flexibleSince: Int16 = 2

    public var transactionalID: KafkaString? = ""
    public var transactionTimeoutMs: Int32 = 0
    public var producerID: Int64 = -1
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

    public var throttleTimeMs: Int32 = 0
    public var errorCode = ErrorCode.none
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
