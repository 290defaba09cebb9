/// Joins, keeps alive, changes or leaves a membership of the new consumer protocol (KIP-848).
public struct ConsumerGroupHeartbeatRequest: KafkaRequest {
    public typealias Response = ConsumerGroupHeartbeatResponse
    public static let apiKey = ApiKey.consumerGroupHeartbeat
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = 0

    public var groupID: GroupID = ""
    public var memberID: KafkaString = ""
    public var memberEpoch: Int32 = 0
    public var instanceID: KafkaString?
    public var rackID: KafkaString?
    public var rebalanceTimeoutMs: Int32 = -1
    public var subscribedTopicNames: [TopicName]?
    public var serverAssignor: KafkaString?
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
        try w(&serverAssignor, "ServerAssignor")
        try w(&topicPartitions, "TopicPartitions")
    }

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
    public static let supportedVersions: ClosedRange<Int16> = 0...0
    public static let flexibleSince: Int16 = 0

    public var throttleTimeMs: Int32 = 0
    public var errorCode = ErrorCode.none
    public var errorMessage: KafkaString?
    public var memberID: KafkaString?
    public var memberEpoch: Int32 = 0
    public var heartbeatIntervalMs: Int32 = 0
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

    public struct TopicPartitions: WireStruct {
        public var topicID = KafkaUUID.zero
        public var partitions: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topicID, "TopicId")
            try w(&partitions, "Partitions")
        }
    }

    public struct Assignment: WireStruct {
        public var topicPartitions: [TopicPartitions] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topicPartitions, "TopicPartitions")
        }
    }
}
