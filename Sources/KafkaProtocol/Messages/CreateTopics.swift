/// Creates topics with partitions, replicas and settings; goes to the controller.
public struct CreateTopicsRequest: KafkaRequest {
    public typealias Response = CreateTopicsResponse
    public static let apiKey = ApiKey.createTopics
    public static let supportedVersions: ClosedRange<Int16> = 0...7
    public static let flexibleSince: Int16 = 5

    public var topics: [CreatableTopic] = []

    /// How long the controller may take.
    public var timeoutMs: Int32 = 60000

    /// Whether to check only and change nothing.
    public var validateOnly = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&topics, "Topics")
        try w(&timeoutMs, "timeoutMs")
        try w(&validateOnly, "validateOnly", since: 1)
    }

    /// One topic to create.
    public struct CreatableTopic: WireStruct {
        public var name: TopicName = ""

        /// How many partitions; -1 for the broker's default, or when `assignments` are given.
        public var numPartitions: Int32 = 0

        /// How many replicas; -1 for the broker's default, or when `assignments` are given.
        public var replicationFactor: Int16 = 0

        /// The replicas of each partition; empty to let the controller choose.
        public var assignments: [CreatableReplicaAssignment] = []

        public var configs: [CreatableTopicConfig] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&numPartitions, "NumPartitions")
            try w(&replicationFactor, "ReplicationFactor")
            try w(&assignments, "Assignments")
            try w(&configs, "Configs")
        }
    }

    /// The replicas of one partition.
    public struct CreatableReplicaAssignment: WireStruct {
        public var partitionIndex: Int32 = 0

        /// The replicas of the partition; the first is the preferred leader.
        public var brokerIDs: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&brokerIDs, "BrokerIds")
        }
    }

    /// One setting of the topic.
    public struct CreatableTopicConfig: WireStruct {
        public var name: KafkaString = ""

        /// The value; null for the default.
        public var value: KafkaString? = ""

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&value, "Value")
        }
    }
}

/// The outcome for each topic, from version 5 on with what was created.
public struct CreateTopicsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...7
    public static let flexibleSince: Int16 = 5

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var topics: [CreatableTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 2, ignorable: true)
        try w(&topics, "Topics")
    }

    /// The outcome for one topic.
    public struct CreatableTopicResult: WireStruct {
        public var name: TopicName = ""
        public var topicID = KafkaUUID.zero
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString? = ""

        /// Why `configs` is null.
        public var topicConfigErrorCode = ErrorCode.none

        /// How many partitions the topic has; -1 when unknown.
        public var numPartitions: Int32 = -1

        /// How many replicas each partition has; -1 when unknown.
        public var replicationFactor: Int16 = -1

        /// The topic's settings; null if the client may not see them.
        public var configs: [CreatableTopicConfigs]? = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&topicID, "TopicId", since: 7, ignorable: true)
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage", since: 1, ignorable: true)
            try w(&numPartitions, "NumPartitions", since: 5, ignorable: true)
            try w(&replicationFactor, "ReplicationFactor", since: 5, ignorable: true)
            try w(&configs, "Configs", since: 5, ignorable: true)
            try w.tagged { w throws(WireError) in
                try w(tag: 0, &topicConfigErrorCode, "TopicConfigErrorCode", since: 5, ignorable: true)
            }
        }
    }

    /// One setting of the created topic.
    public struct CreatableTopicConfigs: WireStruct {
        public var name: KafkaString = ""
        public var value: KafkaString? = ""

        /// Whether the setting cannot be changed.
        public var readOnly = false

        /// Where the value comes from: 1 topic, 2 broker, 3 default of all brokers, 4 broker's file, 5 default.
        public var configSource: Int8 = -1

        /// Whether the value is secret; then it is null.
        public var isSensitive = false

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&value, "Value")
            try w(&readOnly, "ReadOnly")
            try w(&configSource, "ConfigSource")
            try w(&isSensitive, "IsSensitive")
        }
    }
}
