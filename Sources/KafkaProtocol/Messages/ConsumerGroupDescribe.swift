/// Asks for the state of groups of the new consumer protocol (KIP-848).
public struct ConsumerGroupDescribeRequest: KafkaRequest {
    public typealias Response = ConsumerGroupDescribeResponse
    public static let apiKey = ApiKey.consumerGroupDescribe
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 0

    public var groupIDs: [GroupID] = []
    public var includeAuthorizedOperations = false

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&groupIDs, "GroupIds")
        try w(&includeAuthorizedOperations, "IncludeAuthorizedOperations")
    }
}

/// State, members and assignments of groups of the new consumer protocol.
public struct ConsumerGroupDescribeResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...1
    public static let flexibleSince: Int16 = 0

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var groups: [DescribedGroup] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs")
        try w(&groups, "Groups")
    }

    /// Partitions of one topic.
    public struct TopicPartitions: WireStruct {
        public var topicID = KafkaUUID.zero
        public var topicName: TopicName = ""
        public var partitions: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topicID, "TopicId")
            try w(&topicName, "TopicName")
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

    /// One group.
    public struct DescribedGroup: WireStruct {
        public var errorCode = ErrorCode.none

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString?

        public var groupID: GroupID = ""

        /// `Empty`, `Assigning`, `Reconciling`, `Stable` or `Dead`.
        public var groupState: KafkaString = ""

        public var groupEpoch: Int32 = 0

        /// The epoch of the last target assignment.
        public var assignmentEpoch: Int32 = 0

        public var assignorName: KafkaString = ""
        public var members: [Member] = []

        /// A bit for each operation the client may do; `Int32.min` when not asked for.
        public var authorizedOperations: Int32 = .min

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&errorCode, "ErrorCode")
            try w(&errorMessage, "ErrorMessage")
            try w(&groupID, "GroupId")
            try w(&groupState, "GroupState")
            try w(&groupEpoch, "GroupEpoch")
            try w(&assignmentEpoch, "AssignmentEpoch")
            try w(&assignorName, "AssignorName")
            try w(&members, "Members")
            try w(&authorizedOperations, "AuthorizedOperations")
        }
    }

    /// One member.
    public struct Member: WireStruct {
        public var memberID: KafkaString = ""

        /// The name of a static member; null for a dynamic one.
        public var instanceID: KafkaString?

        public var rackID: KafkaString?

        /// The member's epoch in the new consumer protocol; -1 outside it.
        public var memberEpoch: Int32 = 0

        public var clientID: KafkaString = ""
        public var clientHost: KafkaString = ""
        public var subscribedTopicNames: [TopicName] = []

        /// The pattern of topics wanted; null for none.
        public var subscribedTopicRegex: KafkaString?

        /// The partitions that the member has.
        public var assignment = Assignment()

        /// The partitions that the member is to have.
        public var targetAssignment = Assignment()

        /// 0 for a member of the classic protocol, 1 for one of the new consumer protocol, -1 when not known.
        public var memberType: Int8 = -1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&memberID, "MemberId")
            try w(&instanceID, "InstanceId")
            try w(&rackID, "RackId")
            try w(&memberEpoch, "MemberEpoch")
            try w(&clientID, "ClientId")
            try w(&clientHost, "ClientHost")
            try w(&subscribedTopicNames, "SubscribedTopicNames")
            try w(&subscribedTopicRegex, "SubscribedTopicRegex")
            try w(&assignment, "Assignment")
            try w(&targetAssignment, "TargetAssignment")
            try w(&memberType, "MemberType", since: 1, ignorable: true, default: -1)
        }
    }
}
