/// Deletes topics, by name or (from version 6) by id; goes to the controller.
public struct DeleteTopicsRequest: KafkaRequest {
    public typealias Response = DeleteTopicsResponse
    public static let apiKey = ApiKey.deleteTopics
    public static let supportedVersions: ClosedRange<Int16> = 0...6
    public static let flexibleSince: Int16 = 4

    public var topics: [DeleteTopicState] = []
    public var topicNames: [TopicName] = []

    /// How long the broker may take.
    public var timeoutMs: Int32 = 0

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&topics, "Topics", since: 6)
        try w(&topicNames, "TopicNames", until: 5, ignorable: true)
        try w(&timeoutMs, "TimeoutMs")
    }

    /// One topic, by name or by id.
    public struct DeleteTopicState: WireStruct {
        /// The name; null when the topic is named by id (KIP-516).
        public var name: TopicName?

        public var topicID = KafkaUUID.zero

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&topicID, "TopicId")
        }
    }
}

/// The outcome for each topic.
public struct DeleteTopicsResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...6
    public static let flexibleSince: Int16 = 4

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var responses: [DeletableTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 1, ignorable: true)
        try w(&responses, "Responses")
    }

    /// The outcome for one topic.
    public struct DeletableTopicResult: WireStruct {
        /// The name; null when a topic that was named by id is unknown.
        public var name: TopicName? = ""

        public var topicID = KafkaUUID.zero
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString?

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name", nullableSince: 6)
            try w(&topicID, "TopicId", since: 6, ignorable: true)
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage", since: 5, ignorable: true)
        }
    }
}
