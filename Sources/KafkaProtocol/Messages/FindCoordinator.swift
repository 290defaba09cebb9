/// Asks which broker coordinates groups or transactions.
public struct FindCoordinatorRequest: KafkaRequest {
    public typealias Response = FindCoordinatorResponse
    public static let apiKey = ApiKey.findCoordinator
    public static let supportedVersions: ClosedRange<Int16> = 0...6
    public static let flexibleSince: Int16 = 3

    /// A group id or transactional id.
    public var key: KafkaString = ""

    /// 0 group, 1 transaction.
    public var keyType: Int8 = 0

    /// Group ids or transactional ids.
    public var coordinatorKeys: [KafkaString] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&key, "Key", until: 3)
        try w(&keyType, "KeyType", since: 1)
        try w(&coordinatorKeys, "CoordinatorKeys", since: 4)
    }
}

/// The coordinating brokers.
public struct FindCoordinatorResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...6
    public static let flexibleSince: Int16 = 3

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none

    /// The error in words, from brokers that say more than the code.
    public var errorMessage: KafkaString? = ""

    public var nodeID: Int32 = 0
    public var host: KafkaString = ""
    public var port: Int32 = 0
    public var coordinators: [Coordinator] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 1, ignorable: true)
        try w(&errorCode, "ErrorCode", until: 3)
        try w(&errorMessage, "ErrorMessage", since: 1, until: 3, ignorable: true)
        try w(&nodeID, "NodeId", until: 3)
        try w(&host, "Host", until: 3)
        try w(&port, "Port", until: 3)
        try w(&coordinators, "Coordinators", since: 4)
    }

    /// The coordinator of one group or transaction.
    public struct Coordinator: WireStruct {
        /// The group id or transactional id.
        public var key: KafkaString = ""

        public var nodeID: Int32 = 0
        public var host: KafkaString = ""
        public var port: Int32 = 0
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString? = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&key, "Key")
            try w(&nodeID, "NodeId")
            try w(&host, "Host")
            try w(&port, "Port")
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
        }
    }
}
