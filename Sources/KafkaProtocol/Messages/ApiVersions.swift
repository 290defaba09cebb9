/// Asks which versions of which APIs a broker speaks; the first request on a connection (KIP-35).
public struct ApiVersionsRequest: KafkaRequest {
    public typealias Response = ApiVersionsResponse
    public static let apiKey = ApiKey.apiVersions
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 3

    /// The client's name, for the broker's metrics (KIP-511).
    public var clientSoftwareName: KafkaString = ""

    public var clientSoftwareVersion: KafkaString = ""

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&clientSoftwareName, "ClientSoftwareName", since: 3, ignorable: true)
        try w(&clientSoftwareVersion, "ClientSoftwareVersion", since: 3, ignorable: true)
    }

    /// Always the oldest header: the client cannot know yet what the broker understands.
    public static func responseHeaderVersion(for version: Int16) -> Int16 { 0 }
}

/// The versions of every API that a broker speaks.
///
/// A broker that does not know the request's version answers in version 0 with `unsupportedVersion`.
public struct ApiVersionsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 3

    public var errorCode = ErrorCode.none

    /// The APIs of the broker, with the range of versions of each.
    public var apiKeys: [ApiVersion] = []

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var supportedFeatures: [SupportedFeatureKey] = []

    /// Grows with each change of the finalized features; -1 when unknown (KIP-584).
    public var finalizedFeaturesEpoch: Int64 = -1

    public var finalizedFeatures: [FinalizedFeatureKey] = []

    /// Whether a controller is ready to take over from ZooKeeper.
    public var zkMigrationReady = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&errorCode, "ErrorCode")
        try w(&apiKeys, "ApiKeys")
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 1, ignorable: true)
        try w.tagged { w throws(WireError) in
            try w(tag: 0, &supportedFeatures, "SupportedFeatures", since: 3, ignorable: true)
            try w(tag: 1, &finalizedFeaturesEpoch, "FinalizedFeaturesEpoch", since: 3, ignorable: true, default: -1)
            try w(tag: 2, &finalizedFeatures, "FinalizedFeatures", since: 3, ignorable: true)
            try w(tag: 3, &zkMigrationReady, "ZkMigrationReady", since: 3, ignorable: true)
        }
    }

    /// The versions of one API.
    public struct ApiVersion: WireStruct {
        public var apiKey: Int16 = 0
        public var minVersion: Int16 = 0
        public var maxVersion: Int16 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&apiKey, "ApiKey")
            try w(&minVersion, "MinVersion")
            try w(&maxVersion, "MaxVersion")
        }
    }

    /// A cluster feature that the broker supports.
    public struct SupportedFeatureKey: WireStruct {
        public var name: KafkaString = ""
        public var minVersion: Int16 = 0
        public var maxVersion: Int16 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&minVersion, "MinVersion")
            try w(&maxVersion, "MaxVersion")
        }
    }

    /// A cluster feature that all brokers have switched on.
    public struct FinalizedFeatureKey: WireStruct {
        public var name: KafkaString = ""
        public var maxVersionLevel: Int16 = 0
        public var minVersionLevel: Int16 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&maxVersionLevel, "MaxVersionLevel")
            try w(&minVersionLevel, "MinVersionLevel")
        }
    }
}
