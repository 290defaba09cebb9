/// What comes before each request.
///
/// Version 1 goes with inflexible requests and version 2 with flexible ones; version 0 is of historical interest only.
public struct RequestHeader: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...2
    public static let flexibleSince: Int16 = 2

    public var requestApiKey: Int16 = 0
    public var requestApiVersion: Int16 = 0

    /// Chosen by the client and returned in the response, to match the two.
    public var correlationID: Int32 = 0

    /// The client's name for itself, in logs and quotas.
    public var clientID: KafkaString? = ""

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&requestApiKey, "RequestApiKey")
        try w(&requestApiVersion, "RequestApiVersion")
        try w(&correlationID, "CorrelationId")
        if w.version >= 1 {
            w.willVisit("ClientId")
            try w.legacyString(&clientID)
        }
    }
}

/// What comes before each response; always version 0 before an `ApiVersionsResponse`.
public struct ResponseHeader: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 1

    /// Chosen by the client and returned in the response, to match the two.
    public var correlationID: Int32 = 0

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&correlationID, "CorrelationId")
    }
}
