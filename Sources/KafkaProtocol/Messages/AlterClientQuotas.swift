/// Sets and removes quotas of users, clients and addresses (KIP-546).
public struct AlterClientQuotasRequest: KafkaRequest {
    public typealias Response = AlterClientQuotasResponse
    public static let apiKey = ApiKey.alterClientQuotas
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 1

    public var entries: [EntryData] = []

    /// Whether to check only and change nothing.
    public var validateOnly = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&entries, "Entries")
        try w(&validateOnly, "ValidateOnly")
    }

    /// The changes for one entity.
    public struct EntryData: WireStruct {
        public var entity: [EntityData] = []
        public var ops: [OpData] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&entity, "Entity")
            try w(&ops, "Ops")
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

    /// One quota to set or remove.
    public struct OpData: WireStruct {
        /// The quota, such as `producer_byte_rate`.
        public var key: KafkaString = ""

        public var value: Double = 0

        /// Whether to remove the quota instead of setting it.
        public var remove = false

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&key, "Key")
            try w(&value, "Value")
            try w(&remove, "Remove")
        }
    }
}

/// The outcome for each entity whose quotas were to change.
public struct AlterClientQuotasResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 1

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var entries: [EntryData] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&entries, "Entries")
    }

    /// The outcome for one entity.
    public struct EntryData: WireStruct {
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString? = ""

        public var entity: [EntityData] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
            try w(&entity, "Entity")
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
}
