/// Asks which SCRAM credentials users have; passwords are never returned (KIP-554).
public struct DescribeUserScramCredentialsRequest: KafkaRequest {
    public typealias Response = DescribeUserScramCredentialsResponse
    public static let apiKey = ApiKey.describeUserScramCredentials
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = 0

    /// The users; null or empty for all.
    public var users: [UserName]? = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&users, "Users")
    }

    /// One user.
    public struct UserName: WireStruct {
        public var name: KafkaString = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
        }
    }
}

/// Mechanisms and iteration counts of each user's credentials.
public struct DescribeUserScramCredentialsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = 0

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none

    /// The error in words, from brokers that say more than the code.
    public var errorMessage: KafkaString? = ""

    public var results: [DescribeUserScramCredentialsResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&errorCode, "ErrorCode")
        try w(&errorMessage, "ErrorMessage")
        try w(&results, "Results")
    }

    /// The credentials of one user.
    public struct DescribeUserScramCredentialsResult: WireStruct {
        public var user: KafkaString = ""
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString? = ""

        public var credentialInfos: [CredentialInfo] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&user, "User")
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
            try w(&credentialInfos, "CredentialInfos")
        }
    }

    /// One credential.
    public struct CredentialInfo: WireStruct {
        /// 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
        public var mechanism: Int8 = 0

        public var iterations: Int32 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&mechanism, "Mechanism")
            try w(&iterations, "Iterations")
        }
    }
}
