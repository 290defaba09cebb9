public import NIOCore

/// Carries one message of a SASL exchange to the broker (KIP-152).
public struct SaslAuthenticateRequest: KafkaRequest {
    public typealias Response = SaslAuthenticateResponse
    public static let apiKey = ApiKey.saslAuthenticate
    public static let supportedVersions: ClosedRange<Int16> = 0...2
    public static let flexibleSince: Int16 = 2

    /// One message of the mechanism's exchange.
    public var authBytes = ByteBuffer()

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&authBytes, "AuthBytes")
    }
}

/// Carries the broker's answer in a SASL exchange.
public struct SaslAuthenticateResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...2
    public static let flexibleSince: Int16 = 2

    public var errorCode = ErrorCode.none

    /// The error in words, from brokers that say more than the code.
    public var errorMessage: KafkaString? = ""

    /// One message of the mechanism's exchange.
    public var authBytes = ByteBuffer()

    /// When the client must authenticate again, in milliseconds from now; 0 for never (KIP-368).
    public var sessionLifetimeMs: Int64 = 0

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&errorCode, "ErrorCode")
        try w(&errorMessage, "ErrorMessage")
        try w(&authBytes, "AuthBytes")
        try w(&sessionLifetimeMs, "SessionLifetimeMs", since: 1, ignorable: true)
    }
}
