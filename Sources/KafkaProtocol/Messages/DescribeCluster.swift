/// Asks for the cluster's id, controller and brokers (KIP-700).
public struct DescribeClusterRequest: KafkaRequest {
    public typealias Response = DescribeClusterResponse
    public static let apiKey = ApiKey.describeCluster
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 0

    public var includeClusterAuthorizedOperations = false

    /// 1 brokers, 2 controllers (KIP-919).
    public var endpointType: Int8 = 1

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&includeClusterAuthorizedOperations, "IncludeClusterAuthorizedOperations")
        try w(&endpointType, "EndpointType", since: 1, default: 1)
    }
}

/// The cluster's id, controller and brokers.
public struct DescribeClusterResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 0

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none

    /// The error in words, from brokers that say more than the code.
    public var errorMessage: KafkaString?

    /// 1 brokers, 2 controllers (KIP-919).
    public var endpointType: Int8 = 1

    public var clusterID: KafkaString = ""

    /// The controller's broker id; -1 when unknown.
    public var controllerID: Int32 = -1

    public var brokers: [DescribeClusterBroker] = []

    /// A bit for each operation the client may do to the cluster; `Int32.min` when not asked for.
    public var clusterAuthorizedOperations: Int32 = .min

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&errorCode, "ErrorCode")
        try w(&errorMessage, "ErrorMessage")
        try w(&endpointType, "EndpointType", since: 1, default: 1)
        try w(&clusterID, "ClusterId")
        try w(&controllerID, "ControllerId")
        try w(&brokers, "Brokers")
        try w(&clusterAuthorizedOperations, "ClusterAuthorizedOperations")
    }

    /// One broker.
    public struct DescribeClusterBroker: WireStruct {
        public var brokerID: Int32 = 0
        public var host: KafkaString = ""
        public var port: Int32 = 0

        /// The broker's rack or zone; null when not set.
        public var rack: KafkaString?

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&brokerID, "BrokerId")
            try w(&host, "Host")
            try w(&port, "Port")
            try w(&rack, "Rack")
        }
    }
}
