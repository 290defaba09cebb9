/// Asks any broker for brokers, topics, partitions and their leaders.
public struct MetadataRequest: KafkaRequest {
    public typealias Response = MetadataResponse
    public static let apiKey = ApiKey.metadata
    public static let supportedVersions: ClosedRange<Int16> = 0...12
    public static let flexibleSince: Int16 = 9

    public var topics: [MetadataRequestTopic]? = []
    public var allowAutoTopicCreation = true
    public var includeClusterAuthorizedOperations = false
    public var includeTopicAuthorizedOperations = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&topics, "Topics", nullableSince: 1)
        try w(&allowAutoTopicCreation, "AllowAutoTopicCreation", since: 4, default: true)
        try w(&includeClusterAuthorizedOperations, "IncludeClusterAuthorizedOperations", since: 8, until: 10)
        try w(&includeTopicAuthorizedOperations, "IncludeTopicAuthorizedOperations", since: 8)
    }

    public struct MetadataRequestTopic: WireStruct {
        public var topicID = KafkaUUID.zero
        public var name: TopicName? = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topicID, "TopicId", since: 10, ignorable: true)
            try w(&name, "Name", nullableSince: 10)
        }
    }
}

/// The cluster as one broker knows it: brokers, controller, topics, partitions and leaders.
public struct MetadataResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...12
    public static let flexibleSince: Int16 = 9

    public var throttleTimeMs: Int32 = 0
    public var brokers: [MetadataResponseBroker] = []
    public var clusterID: KafkaString?
    public var controllerID: Int32 = -1
    public var topics: [MetadataResponseTopic] = []
    public var clusterAuthorizedOperations: Int32 = .min

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 3, ignorable: true)
        try w(&brokers, "Brokers")
        try w(&clusterID, "ClusterId", since: 2, ignorable: true)
        try w(&controllerID, "ControllerId", since: 1, ignorable: true)
        try w(&topics, "Topics")
        try w(&clusterAuthorizedOperations, "ClusterAuthorizedOperations", since: 8, until: 10, default: .min)
    }

    public struct MetadataResponseBroker: WireStruct {
        public var nodeID: Int32 = 0
        public var host: KafkaString = ""
        public var port: Int32 = 0
        public var rack: KafkaString?

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&nodeID, "NodeId")
            try w(&host, "Host")
            try w(&port, "Port")
            try w(&rack, "Rack", since: 1, ignorable: true)
        }
    }

    public struct MetadataResponseTopic: WireStruct {
        public var errorCode = ErrorCode.none
        public var name: TopicName? = ""
        public var topicID = KafkaUUID.zero
        public var isInternal = false
        public var partitions: [MetadataResponsePartition] = []
        public var topicAuthorizedOperations: Int32 = .min

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&name, "Name", nullableSince: 12)
            try w(&topicID, "TopicId", since: 10, ignorable: true)
            try w(&isInternal, "IsInternal", since: 1, ignorable: true)
            try w(&partitions, "Partitions")
            try w(&topicAuthorizedOperations, "TopicAuthorizedOperations", since: 8, default: .min)
        }
    }

    public struct MetadataResponsePartition: WireStruct {
        public var errorCode = ErrorCode.none
        public var partitionIndex: Int32 = 0
        public var leaderID: Int32 = 0
        public var leaderEpoch: Int32 = -1
        public var replicaNodes: [Int32] = []
        public var isrNodes: [Int32] = []
        public var offlineReplicas: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&partitionIndex, "PartitionIndex")
            try w(&leaderID, "LeaderId")
            try w(&leaderEpoch, "LeaderEpoch", since: 7, ignorable: true)
            try w(&replicaNodes, "ReplicaNodes")
            try w(&isrNodes, "IsrNodes")
            try w(&offlineReplicas, "OfflineReplicas", since: 5, ignorable: true)
        }
    }
}
