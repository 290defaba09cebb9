/// Asks for the quotas of the entities that match (KIP-546).
public struct DescribeClientQuotasRequest: KafkaRequest {
    public typealias Response = DescribeClientQuotasResponse
    public static let apiKey = ApiKey.describeClientQuotas
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 1

    public var components: [ComponentData] = []

    /// Whether entities with further components are left out.
    public var strict = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&components, "Components")
        try w(&strict, "Strict")
    }

    /// Matches one part of an entity.
    public struct ComponentData: WireStruct {
        /// `user`, `client-id` or `ip`.
        public var entityType: KafkaString = ""

        /// 0 exactly this name, 1 the default, 2 any name.
        public var matchType: Int8 = 0

        /// The name to match; null unless `matchType` is 0.
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

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none

    /// The error in words, from brokers that say more than the code.
    public var errorMessage: KafkaString? = ""

    public var entries: [EntryData]? = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&errorCode, "ErrorCode")
        try w(&errorMessage, "ErrorMessage")
        try w(&entries, "Entries")
    }

    /// The quotas of one entity.
    public struct EntryData: WireStruct {
        public var entity: [EntityData] = []
        public var values: [ValueData] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&entity, "Entity")
            try w(&values, "Values")
        }
    }

    /// One part of an entity: entities may be a user, a client id, both together, or an address.
    public struct EntityData: WireStruct {
        /// `user`, `client-id` or `ip`.
        public var entityType: KafkaString = ""

        /// The name; null for the default of its type.
        public var entityName: KafkaString? = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&entityType, "EntityType")
            try w(&entityName, "EntityName")
        }
    }

    /// One quota.
    public struct ValueData: WireStruct {
        /// The quota, such as `producer_byte_rate`.
        public var key: KafkaString = ""

        public var value: Double = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&key, "Key")
            try w(&value, "Value")
        }
    }
}
