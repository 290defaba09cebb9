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

    /// Matches rules whose every field fits.
    public struct DeleteAclsFilter: WireStruct {
        /// 1 for any; otherwise as in `CreateAclsRequest`.
        public var resourceTypeFilter: Int8 = 0

        /// The name; null for any.
        public var resourceNameFilter: KafkaString? = ""

        /// 1 any, 2 whatever applies to the name, 3 literal, 4 prefixed.
        public var patternTypeFilter: Int8 = 3

        /// The principal; null for any.
        public var principalFilter: KafkaString? = ""

        /// The address; null for any.
        public var hostFilter: KafkaString? = ""

        /// 1 for any; otherwise as in `CreateAclsRequest`.
        public var operation: Int8 = 0

        /// 1 any, 2 deny, 3 allow.
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

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var filterResults: [DeleteAclsFilterResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&filterResults, "FilterResults")
    }

    /// What one filter removed.
    public struct DeleteAclsFilterResult: WireStruct {
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString? = ""

        public var matchingAcls: [DeleteAclsMatchingAcl] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
            try w(&matchingAcls, "MatchingAcls")
        }
    }

    /// One rule that was removed, or could not be.
    public struct DeleteAclsMatchingAcl: WireStruct {
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString? = ""

        /// As in `CreateAclsRequest`.
        public var resourceType: Int8 = 0

        public var resourceName: KafkaString = ""

        /// 3 literal, 4 prefixed.
        public var patternType: Int8 = 3

        /// Such as `User:alice`.
        public var principal: KafkaString = ""

        public var host: KafkaString = ""

        /// As in `CreateAclsRequest`.
        public var operation: Int8 = 0

        /// 2 deny, 3 allow.
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
