/// Removes all access rules that match any of the filters.
public struct DeleteAclsRequest: KafkaRequest {
    public typealias Response = DeleteAclsResponse
    public static let apiKey = ApiKey.deleteAcls
    public static let supportedVersions: ClosedRange<Int16> = 0...3
    public static let flexibleSince: Int16 = 2

    public var filters: [DeleteAclsFilter] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&filters, "Filters")
    }

    public struct DeleteAclsFilter: WireStruct {
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
}

/// The rules that each filter removed.
public struct DeleteAclsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...3
    public static let flexibleSince: Int16 = 2

    public var throttleTimeMs: Int32 = 0
    public var filterResults: [DeleteAclsFilterResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&filterResults, "FilterResults")
    }

    public struct DeleteAclsFilterResult: WireStruct {
        public var errorCode = ErrorCode.none
        public var errorMessage: KafkaString? = ""
        public var matchingAcls: [DeleteAclsMatchingAcl] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
            try w(&matchingAcls, "MatchingAcls")
        }
    }

    public struct DeleteAclsMatchingAcl: WireStruct {
        public var errorCode = ErrorCode.none
        public var errorMessage: KafkaString? = ""
        public var resourceType: Int8 = 0
        public var resourceName: KafkaString = ""
        public var patternType: Int8 = 3
        public var principal: KafkaString = ""
        public var host: KafkaString = ""
        public var operation: Int8 = 0
        public var permissionType: Int8 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
            try w(&resourceType, "ResourceType")
            try w(&resourceName, "ResourceName")
            try w(&patternType, "PatternType", since: 1, default: 3)
            try w(&principal, "Principal")
            try w(&host, "Host")
            try w(&operation, "Operation")
            try w(&permissionType, "PermissionType")
        }
    }
}
