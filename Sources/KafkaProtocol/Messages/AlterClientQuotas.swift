/// Sets and removes quotas of users, clients and addresses (KIP-546).
public struct AlterClientQuotasRequest: KafkaRequest {
    public typealias Response = AlterClientQuotasResponse
    public static let apiKey = ApiKey.alterClientQuotas
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 1

    public var entries: [EntryData] = []
    public var validateOnly = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&entries, "Entries")
        try w(&validateOnly, "ValidateOnly")
    }

    public struct EntryData: WireStruct {
        public var entity: [EntityData] = []
        public var ops: [OpData] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&entity, "Entity")
            try w(&ops, "Ops")
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

    public struct OpData: WireStruct {
        public var key: KafkaString = ""
        public var value: Double = 0
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

    public var throttleTimeMs: Int32 = 0
    public var entries: [EntryData] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&entries, "Entries")
    }

    public struct EntryData: WireStruct {
        public var errorCode = ErrorCode.none
        public var errorMessage: KafkaString? = ""
        public var entity: [EntityData] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
            try w(&entity, "Entity")
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
}
