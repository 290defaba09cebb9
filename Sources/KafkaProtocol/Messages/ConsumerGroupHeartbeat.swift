/// Joins, keeps alive, changes or leaves a membership of the new consumer protocol (KIP-848).
public struct ConsumerGroupHeartbeatRequest: KafkaRequest {
    public typealias Response = ConsumerGroupHeartbeatResponse
    public static let apiKey = ApiKey.consumerGroupHeartbeat
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 0

    public var groupID: GroupID = ""
    public var memberID: KafkaString = ""

    /// The member's epoch: 0 to join, -1 to leave, -2 to leave as a static member that will return.
    public var memberEpoch: Int32 = 0

    /// The name of a static member; null for a dynamic one, or when it has not changed.
    public var instanceID: KafkaString?

    /// The member's rack or zone; null when not set, or not changed.
    public var rackID: KafkaString?

    /// How long the member may take to give up partitions; -1 when it has not changed.
    public var rebalanceTimeoutMs: Int32 = -1

    /// The topics wanted; null when they have not changed.
    public var subscribedTopicNames: [TopicName]?

    /// The assignor on the broker to use; null for its default, or when it has not changed.
    public var subscribedTopicRegex: KafkaString?
    public var serverAssignor: KafkaString?

    /// What the member has; null when it has not changed.
    public var topicPartitions: [TopicPartitions]?

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&groupID, "GroupId")
        try w(&memberID, "MemberId")
        try w(&memberEpoch, "MemberEpoch")
        try w(&instanceID, "InstanceId")
        try w(&rackID, "RackId")
        try w(&rebalanceTimeoutMs, "RebalanceTimeoutMs")
        try w(&subscribedTopicNames, "SubscribedTopicNames")
        try w(&subscribedTopicRegex, "SubscribedTopicRegex", since: 1, default: nil)
        try w(&serverAssignor, "ServerAssignor")
        try w(&topicPartitions, "TopicPartitions")
    }

    /// Partitions of one topic.
    public struct TopicPartitions: WireStruct {
        public var topicID = KafkaUUID.zero
        public var partitions: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topicID, "TopicId")
            try w(&partitions, "Partitions")
        }
    }
}

/// The member's epoch and, when it has changed, its assignment.
public struct ConsumerGroupHeartbeatResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 0

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none

    /// The error in words, from brokers that say more than the code.
    public var errorMessage: KafkaString?

    public var memberID: KafkaString?

    /// The member's epoch in the new consumer protocol; -1 outside it.
    public var memberEpoch: Int32 = 0

    /// How often the member should send heartbeats.
    public var heartbeatIntervalMs: Int32 = 0

    /// The member's new partitions; null if they have not changed.
    public var assignment: Assignment?

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&errorCode, "ErrorCode")
        try w(&errorMessage, "ErrorMessage")
        try w(&memberID, "MemberId")
        try w(&memberEpoch, "MemberEpoch")
        try w(&heartbeatIntervalMs, "HeartbeatIntervalMs")
        try w(&assignment, "Assignment")
    }

    /// Partitions of one topic.
    public struct TopicPartitions: WireStruct {
        public var topicID = KafkaUUID.zero
        public var partitions: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topicID, "TopicId")
            try w(&partitions, "Partitions")
        }
    }

    /// The partitions of a member.
    public struct Assignment: WireStruct {
        public var topicPartitions: [TopicPartitions] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topicPartitions, "TopicPartitions")
        }
    }
}
