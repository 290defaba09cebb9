/// Creates topics with partitions, replicas and settings; goes to the controller.
public struct CreateTopicsRequest: KafkaRequest {
    public typealias Response = CreateTopicsResponse
    public static let apiKey = ApiKey.createTopics
    public static let supportedVersions: ClosedRange<Int16> = 0...7
    public static let flexibleSince: Int16 = 5

    public var topics: [CreatableTopic] = []
    public var timeoutMs: Int32 = 60000
    public var validateOnly = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&topics, "Topics")
        try w(&timeoutMs, "timeoutMs")
        try w(&validateOnly, "validateOnly", since: 1)
    }

    public struct CreatableTopic: WireStruct {
        public var name: TopicName = ""
        public var numPartitions: Int32 = 0
        public var replicationFactor: Int16 = 0
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

    public struct CreatableReplicaAssignment: WireStruct {
        public var partitionIndex: Int32 = 0
        public var brokerIDs: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&brokerIDs, "BrokerIds")
        }
    }

    public struct CreatableTopicConfig: WireStruct {
        public var name: KafkaString = ""
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

    public var throttleTimeMs: Int32 = 0
    public var topics: [CreatableTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 2, ignorable: true)
        try w(&topics, "Topics")
    }

    public struct CreatableTopicResult: WireStruct {
        public var name: TopicName = ""
        public var topicID = KafkaUUID.zero
        public var errorCode = ErrorCode.none
        public var errorMessage: KafkaString? = ""
        public var topicConfigErrorCode = ErrorCode.none
        public var numPartitions: Int32 = -1
        public var replicationFactor: Int16 = -1
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

    public struct CreatableTopicConfigs: WireStruct {
        public var name: KafkaString = ""
        public var value: KafkaString? = ""
        public var readOnly = false
        public var configSource: Int8 = -1
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
