/// Adds a group's offsets to a transaction, before they are committed with `TxnOffsetCommitRequest` (KIP-98).
public struct AddOffsetsToTxnRequest: KafkaRequest {
    public typealias Response = AddOffsetsToTxnResponse
    public static let apiKey = ApiKey.addOffsetsToTxn
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 3

    public var transactionalID: KafkaString = ""
    public var producerID: Int64 = 0
    public var producerEpoch: Int16 = 0
    public var groupID: GroupID = ""

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&transactionalID, "TransactionalId")
        try w(&producerID, "ProducerId")
        try w(&producerEpoch, "ProducerEpoch")
        try w(&groupID, "GroupId")
    }
}

/// Whether the group's offsets are now part of the transaction.
public struct AddOffsetsToTxnResponse: KafkaMessage {
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
