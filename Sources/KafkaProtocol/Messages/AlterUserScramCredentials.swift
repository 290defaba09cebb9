public import NIOCore

/// Creates, changes and deletes SCRAM credentials (KIP-554).
public struct AlterUserScramCredentialsRequest: KafkaRequest {
    public typealias Response = AlterUserScramCredentialsResponse
    public static let apiKey = ApiKey.alterUserScramCredentials
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = 0

    public var deletions: [ScramCredentialDeletion] = []
    public var upsertions: [ScramCredentialUpsertion] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&deletions, "Deletions")
        try w(&upsertions, "Upsertions")
    }

    /// A credential to delete.
    public struct ScramCredentialDeletion: WireStruct {
        public var name: KafkaString = ""

        /// 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
        public var mechanism: Int8 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&mechanism, "Mechanism")
        }
    }

    /// A credential to create or change.
    public struct ScramCredentialUpsertion: WireStruct {
        public var name: KafkaString = ""

        /// 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
        public var mechanism: Int8 = 0

        public var iterations: Int32 = 0

        /// Random bytes that the client has chosen.
        public var salt = ByteBuffer()

        /// Derived from the password with salt and iterations; the password itself is never sent.
        public var saltedPassword = ByteBuffer()

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&mechanism, "Mechanism")
            try w(&iterations, "Iterations")
            try w(&salt, "Salt")
            try w(&saltedPassword, "SaltedPassword")
        }
    }
}

/// The outcome for each user.
public struct AlterUserScramCredentialsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = 0

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var results: [AlterUserScramCredentialsResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&results, "Results")
    }

    /// The outcome for one user.
    public struct AlterUserScramCredentialsResult: WireStruct {
        public var user: KafkaString = ""
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString? = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&user, "User")
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
        }
    }
}
