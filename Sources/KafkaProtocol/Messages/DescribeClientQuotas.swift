/// Asks for the quotas of the entities that match (KIP-546).
public struct DescribeClientQuotasRequest: KafkaRequest {
    public typealias Response = DescribeClientQuotasResponse
    public static let apiKey = ApiKey.describeClientQuotas
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 1

    public var components: [ComponentData] = []
    public var strict = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&components, "Components")
        try w(&strict, "Strict")
    }

    public struct ComponentData: WireStruct {
        public var entityType: KafkaString = ""
        public var matchType: Int8 = 0
        public var match: KafkaString? = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&entityType, "EntityType")
            try w(&matchType, "MatchType")
            try w(&match, "Match")
        }
    }
}

/// The quotas of the entities that match.
public struct DescribeClientQuotasResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 1

    public var throttleTimeMs: Int32 = 0
    public var errorCode = ErrorCode.none
    public var errorMessage: KafkaString? = ""
    public var entries: [EntryData]? = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&errorCode, "ErrorCode")
        try w(&errorMessage, "ErrorMessage")
        try w(&entries, "Entries")
    }

    public struct EntryData: WireStruct {
        public var entity: [EntityData] = []
        public var values: [ValueData] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&entity, "Entity")
            try w(&values, "Values")
        }
    }

    public struct EntityData: WireStruct {
        public var entityType: KafkaString = ""
        public var entityName: KafkaString? = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&entityType, "EntityType")
            try w(&entityName, "EntityName")
        }
    }

    public struct ValueData: WireStruct {
        public var key: KafkaString = ""
        public var value: Double = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&key, "Key")
            try w(&value, "Value")
        }
    }
}
