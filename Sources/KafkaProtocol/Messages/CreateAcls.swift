/// Adds access rules.
public struct CreateAclsRequest: KafkaRequest {
    public typealias Response = CreateAclsResponse
    public static let apiKey = ApiKey.createAcls
    public static let supportedVersions: ClosedRange<Int16> = 0...3
    public static let flexibleSince: Int16 = 2

    public var creations: [AclCreation] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&creations, "Creations")
    }

    /// One rule.
    public struct AclCreation: WireStruct {
        /// 2 topic, 3 group, 4 cluster, 5 transactional id, 6 delegation token, 7 user.
        public var resourceType: Int8 = 0

        public var resourceName: KafkaString = ""

        /// 3 literal, 4 prefixed (KIP-290).
        public var resourcePatternType: Int8 = 3

        /// Such as `User:alice`.
        public var principal: KafkaString = ""

        public var host: KafkaString = ""

        /// 2 all, 3 read, 4 write, 5 create, 6 delete, 7 alter, 8 describe, 9 cluster action, 10 describe configs, 11
        /// alter configs, 12 idempotent write, 13 create tokens, 14 describe tokens.
        public var operation: Int8 = 0

        /// 2 deny, 3 allow.
        public var permissionType: Int8 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&resourceType, "ResourceType")
            try w(&resourceName, "ResourceName")
            try w(&resourcePatternType, "ResourcePatternType", since: 1, default: 3)
            try w(&principal, "Principal")
            try w(&host, "Host")
            try w(&operation, "Operation")
            try w(&permissionType, "PermissionType")
        }
    }
}

/// The outcome for each rule, in the order of the request.
public struct CreateAclsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...3
    public static let flexibleSince: Int16 = 2

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var results: [AclCreationResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&results, "Results")
    }

    /// The outcome for one rule.
    public struct AclCreationResult: WireStruct {
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString? = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
        }
    }
}
