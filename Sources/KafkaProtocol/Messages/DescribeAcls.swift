/// Asks for the access rules that match a filter.
public struct DescribeAclsRequest: KafkaRequest {
    public typealias Response = DescribeAclsResponse
    public static let apiKey = ApiKey.describeAcls
    public static let supportedVersions: ClosedRange<Int16> = 0...3
    public static let flexibleSince: Int16 = 2

    public var resourceTypeFilter: Int8 = 0
    public var resourceNameFilter: KafkaString? = ""
    public var patternTypeFilter: Int8 = 3
    public var principalFilter: KafkaString? = ""
    public var hostFilter: KafkaString? = ""
    public var operation: Int8 = 0
    public var permissionType: Int8 = 0

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&resourceTypeFilter, "ResourceTypeFilter")
        try w(&resourceNameFilter, "ResourceNameFilter")
        try w(&patternTypeFilter, "PatternTypeFilter", since: 1, default: 3)
        try w(&principalFilter, "PrincipalFilter")
        try w(&hostFilter, "HostFilter")
        try w(&operation, "Operation")
        try w(&permissionType, "PermissionType")
    }
}

/// The access rules that match, by resource.
public struct DescribeAclsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...3
    public static let flexibleSince: Int16 = 2

    public var throttleTimeMs: Int32 = 0
    public var errorCode = ErrorCode.none
    public var errorMessage: KafkaString? = ""
    public var resources: [DescribeAclsResource] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&errorCode, "ErrorCode")
        try w(&errorMessage, "ErrorMessage")
        try w(&resources, "Resources")
    }

    public struct DescribeAclsResource: WireStruct {
        public var resourceType: Int8 = 0
        public var resourceName: KafkaString = ""
        public var patternType: Int8 = 3
        public var acls: [AclDescription] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&resourceType, "ResourceType")
            try w(&resourceName, "ResourceName")
            try w(&patternType, "PatternType", since: 1, default: 3)
            try w(&acls, "Acls")
        }
    }

    public struct AclDescription: WireStruct {
        public var principal: KafkaString = ""
        public var host: KafkaString = ""
        public var operation: Int8 = 0
        public var permissionType: Int8 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&principal, "Principal")
            try w(&host, "Host")
            try w(&operation, "Operation")
            try w(&permissionType, "PermissionType")
        }
    }
}
