/// Commits or aborts a transaction (KIP-98).
public struct EndTxnRequest: KafkaRequest {
    public typealias Response = EndTxnResponse
    public static let apiKey = ApiKey.endTxn
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 3

    public var transactionalID: KafkaString = ""
    public var producerID: Int64 = 0
    public var producerEpoch: Int16 = 0

    /// True to commit, false to abort.
    public var committed = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&transactionalID, "TransactionalId")
        try w(&producerID, "ProducerId")
        try w(&producerEpoch, "ProducerEpoch")
        try w(&committed, "Committed")
    }
}

/// Whether the transaction will be committed or aborted as asked.
public struct EndTxnResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 3

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&errorCode, "ErrorCode")
    }
}
