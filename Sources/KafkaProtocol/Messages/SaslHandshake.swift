/// Chooses a SASL mechanism.
public struct SaslHandshakeRequest: KafkaRequest {
    public typealias Response = SaslHandshakeResponse
    public static let apiKey = ApiKey.saslHandshake
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = .max

    /// Such as `SCRAM-SHA-512`.
    public var mechanism: KafkaString = ""

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&mechanism, "Mechanism")
    }
}

/// Whether the mechanism is enabled, and which ones are.
public struct SaslHandshakeResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = .max

    public var errorCode = ErrorCode.none

    /// All that the broker has enabled.
    public var mechanisms: [KafkaString] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&errorCode, "ErrorCode")
        try w(&mechanisms, "Mechanisms")
    }
}
