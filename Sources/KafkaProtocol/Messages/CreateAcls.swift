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

    public struct AclCreation: WireStruct {
        public var resourceType: Int8 = 0
        public var resourceName: KafkaString = ""
        public var resourcePatternType: Int8 = 3
        public var principal: KafkaString = ""
        public var host: KafkaString = ""
        public var operation: Int8 = 0
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

    public var throttleTimeMs: Int32 = 0
    public var results: [AclCreationResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&results, "Results")
    }

    public struct AclCreationResult: WireStruct {
        public var errorCode = ErrorCode.none
        public var errorMessage: KafkaString? = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
        }
    }
}
