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

    public struct DescribeConfigsResource: WireStruct {
        public var resourceType: Int8 = 0
        public var resourceName: KafkaString = ""
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

    public var throttleTimeMs: Int32 = 0
    public var results: [DescribeConfigsResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&results, "Results")
    }

    public struct DescribeConfigsResult: WireStruct {
        public var errorCode = ErrorCode.none
        public var errorMessage: KafkaString? = ""
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

    public struct DescribeConfigsResourceResult: WireStruct {
        public var name: KafkaString = ""
        public var value: KafkaString? = ""
        public var readOnly = false
        public var isDefault = false
        public var configSource: Int8 = -1
        public var isSensitive = false
        public var synonyms: [DescribeConfigsSynonym] = []
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

    public struct DescribeConfigsSynonym: WireStruct {
        public var name: KafkaString = ""
        public var value: KafkaString? = ""
        public var source: Int8 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&value, "Value")
            try w(&source, "Source")
        }
    }
}
