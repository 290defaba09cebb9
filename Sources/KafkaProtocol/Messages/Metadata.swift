/// Asks any broker for brokers, topics, partitions and their leaders.
public struct MetadataRequest: KafkaRequest {
    public typealias Response = MetadataResponse
    public static let apiKey = ApiKey.metadata
    public static let supportedVersions: ClosedRange<Int16> = 0...12
    public static let flexibleSince: Int16 = 9

    /// The topics wanted; null for all.
    ///
    /// In version 0 none means all.
    public var topics: [MetadataRequestTopic]? = []

    /// Whether the broker may create topics that do not exist.
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

    /// One topic, by name or (from version 10) by id.
    public struct MetadataRequestTopic: WireStruct {
        public var topicID = KafkaUUID.zero

        /// The name; null when the topic is named by id (KIP-516).
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

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var brokers: [MetadataResponseBroker] = []

    /// The id of the cluster; null from brokers that have none.
    public var clusterID: KafkaString?

    /// The controller's broker id; -1 when unknown.
    public var controllerID: Int32 = -1

    public var topics: [MetadataResponseTopic] = []

    /// A bit for each operation the client may do to the cluster; `Int32.min` when not asked for.
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

    /// One broker.
    public struct MetadataResponseBroker: WireStruct {
        public var nodeID: Int32 = 0
        public var host: KafkaString = ""
        public var port: Int32 = 0

        /// The broker's rack or zone; null when not set.
        public var rack: KafkaString?

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&nodeID, "NodeId")
            try w(&host, "Host")
            try w(&port, "Port")
            try w(&rack, "Rack", since: 1, ignorable: true)
        }
    }

    /// One topic.
    public struct MetadataResponseTopic: WireStruct {
        public var errorCode = ErrorCode.none

        /// The name; null when a topic that was asked for by id is unknown.
        public var name: TopicName? = ""

        public var topicID = KafkaUUID.zero

        /// Whether the topic belongs to Kafka itself, such as `__consumer_offsets`.
        public var isInternal = false

        public var partitions: [MetadataResponsePartition] = []

        /// A bit for each operation the client may do; `Int32.min` when not asked for.
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

    /// One partition.
    public struct MetadataResponsePartition: WireStruct {
        public var errorCode = ErrorCode.none
        public var partitionIndex: Int32 = 0

        /// The leader's broker id; -1 for none.
        public var leaderID: Int32 = 0

        /// Counts the partition's leaders; -1 when unknown.
        public var leaderEpoch: Int32 = -1

        public var replicaNodes: [Int32] = []

        /// The replicas in sync.
        public var isrNodes: [Int32] = []

        /// The replicas that are down.
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
