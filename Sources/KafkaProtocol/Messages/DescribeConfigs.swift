/// Asks for settings of topics, brokers and loggers.
public struct DescribeConfigsRequest: KafkaRequest {
    public typealias Response = DescribeConfigsResponse
    public static let apiKey = ApiKey.describeConfigs
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 4

    public var resources: [DescribeConfigsResource] = []
    public var includeSynonyms = false
    public var includeDocumentation = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&resources, "Resources")
        try w(&includeSynonyms, "IncludeSynonyms", since: 1)
        try w(&includeDocumentation, "IncludeDocumentation", since: 3)
    }

    /// One topic, broker or logger.
    public struct DescribeConfigsResource: WireStruct {
        /// 2 topic, 4 broker, 8 broker logger.
        public var resourceType: Int8 = 0

        public var resourceName: KafkaString = ""

        /// The names of the settings wanted; null for all.
        public var configurationKeys: [KafkaString]? = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&resourceType, "ResourceType")
            try w(&resourceName, "ResourceName")
            try w(&configurationKeys, "ConfigurationKeys")
        }
    }
}

/// The settings of each resource, with where they come from.
public struct DescribeConfigsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...4
    public static let flexibleSince: Int16 = 4

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var results: [DescribeConfigsResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&results, "Results")
    }

    /// The settings of one resource.
    public struct DescribeConfigsResult: WireStruct {
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString? = ""

        /// 2 topic, 4 broker, 8 broker logger.
        public var resourceType: Int8 = 0

        public var resourceName: KafkaString = ""
        public var configs: [DescribeConfigsResourceResult] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
            try w(&resourceType, "ResourceType")
            try w(&resourceName, "ResourceName")
            try w(&configs, "Configs")
        }
    }

    /// One setting.
    public struct DescribeConfigsResourceResult: WireStruct {
        public var name: KafkaString = ""

        /// The value; null if it is secret or not set.
        public var value: KafkaString? = ""

        /// Whether the setting cannot be changed.
        public var readOnly = false

        /// Whether the value is the default; later versions say where it comes from.
        public var isDefault = false

        /// Where the value comes from: 1 topic, 2 broker, 3 default of all brokers, 4 broker's file, 5 default, 6
        /// broker logger; -1 before version 1.
        public var configSource: Int8 = -1

        /// Whether the value is secret; then it is null.
        public var isSensitive = false

        /// Other places where the setting could come from, the effective one first.
        public var synonyms: [DescribeConfigsSynonym] = []

        /// 0 unknown, 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password.
        public var configType: Int8 = 0

        public var documentation: KafkaString? = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&value, "Value")
            try w(&readOnly, "ReadOnly")
            try w(&isDefault, "IsDefault", until: 0)
            try w(&configSource, "ConfigSource", since: 1, ignorable: true)
            try w(&isSensitive, "IsSensitive")
            try w(&synonyms, "Synonyms", since: 1, ignorable: true)
            try w(&configType, "ConfigType", since: 3, ignorable: true)
            try w(&documentation, "Documentation", since: 3, ignorable: true)
        }
    }

    /// One place where a setting can come from.
    public struct DescribeConfigsSynonym: WireStruct {
        public var name: KafkaString = ""
        public var value: KafkaString? = ""

        /// As `configSource`.
        public var source: Int8 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&value, "Value")
            try w(&source, "Source")
        }
    }
}
