/// Replaces all dynamic settings of topics or brokers: what is not listed goes back to its default.
///
/// Prefer `IncrementalAlterConfigsRequest`, which changes only what it names.
public struct AlterConfigsRequest: KafkaRequest {
    public typealias Response = AlterConfigsResponse
    public static let apiKey = ApiKey.alterConfigs
    public static let supportedVersions: ClosedRange<Int16> = 0...2
    public static let flexibleSince: Int16 = 2

    public var resources: [AlterConfigsResource] = []

    /// Whether to check only and change nothing.
    public var validateOnly = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&resources, "Resources")
        try w(&validateOnly, "ValidateOnly")
    }

    /// The settings of one topic or broker.
    public struct AlterConfigsResource: WireStruct {
        /// 2 topic, 4 broker, 8 broker logger.
        public var resourceType: Int8 = 0

        public var resourceName: KafkaString = ""
        public var configs: [AlterableConfig] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&resourceType, "ResourceType")
            try w(&resourceName, "ResourceName")
            try w(&configs, "Configs")
        }
    }

    /// One setting.
    public struct AlterableConfig: WireStruct {
        public var name: KafkaString = ""

        /// The new value; null for the default.
        public var value: KafkaString? = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&value, "Value")
        }
    }
}

/// The outcome for each resource.
public struct AlterConfigsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...2
    public static let flexibleSince: Int16 = 2

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var responses: [AlterConfigsResourceResponse] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&responses, "Responses")
    }

    /// The outcome for one topic or broker.
    public struct AlterConfigsResourceResponse: WireStruct {
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString? = ""

        /// 2 topic, 4 broker, 8 broker logger.
        public var resourceType: Int8 = 0

        public var resourceName: KafkaString = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
            try w(&resourceType, "ResourceType")
            try w(&resourceName, "ResourceName")
        }
    }
}
