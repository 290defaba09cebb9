public import NIOCore

/// What a member tells the leader of the classic consumer protocol.
///
/// On the wire it follows two bytes of version; it travels in `JoinGroupRequest`.
public struct ConsumerProtocolSubscription: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...3
    public static let flexibleSince: Int16 = .max

    public var topics: [TopicName] = []

    /// Free bytes for the assignor.
    public var userData: ByteBuffer?

    /// What the member has now, for cooperative rebalancing (KIP-429).
    public var ownedPartitions: [TopicPartition] = []

    /// The generation in which the member owned its partitions; -1 for none (KIP-792).
    public var generationID: Int32 = -1

    /// The member's rack or zone (KIP-881).
    public var rackID: KafkaString?

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&topics, "Topics")
        try w(&userData, "UserData")
        try w(&ownedPartitions, "OwnedPartitions", since: 1, ignorable: true)
        try w(&generationID, "GenerationId", since: 2, ignorable: true)
        try w(&rackID, "RackId", since: 3, ignorable: true)
    }

    /// Partitions of one topic.
    public struct TopicPartition: WireStruct {
        public var topic: TopicName = ""
        public var partitions: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topic, "Topic")
            try w(&partitions, "Partitions")
        }
    }
}

/// What the classic consumer protocol's leader gives to a member.
///
/// On the wire it follows two bytes of version; it travels in `SyncGroupRequest`.
public struct ConsumerProtocolAssignment: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...3
    public static let flexibleSince: Int16 = .max

    public var assignedPartitions: [TopicPartition] = []

    /// Free bytes for the assignor.
    public var userData: ByteBuffer?

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&assignedPartitions, "AssignedPartitions")
        try w(&userData, "UserData")
    }

    /// Partitions of one topic.
    public struct TopicPartition: WireStruct {
        public var topic: TopicName = ""
        public var partitions: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topic, "Topic")
            try w(&partitions, "Partitions")
        }
    }
}
