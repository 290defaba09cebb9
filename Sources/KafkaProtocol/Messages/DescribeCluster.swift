/// Asks for the cluster's id, controller and brokers (KIP-700).
public struct DescribeClusterRequest: KafkaRequest {
    public typealias Response = DescribeClusterResponse
    public static let apiKey = ApiKey.describeCluster
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 0

    public var includeClusterAuthorizedOperations = false
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

    public var throttleTimeMs: Int32 = 0
    public var errorCode = ErrorCode.none
    public var errorMessage: KafkaString?
    public var endpointType: Int8 = 1
    public var clusterID: KafkaString = ""
    public var controllerID: Int32 = -1
    public var brokers: [DescribeClusterBroker] = []
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

    public struct DescribeClusterBroker: WireStruct {
        public var brokerID: Int32 = 0
        public var host: KafkaString = ""
        public var port: Int32 = 0
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
