public import NIOCore

/// What a member tells the leader of the classic consumer protocol.
///
/// On the wire it follows two bytes of version; it travels in `JoinGroupRequest`.
public struct ConsumerProtocolSubscription: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...3
    public static let flexibleSince: Int16 = .max

    public var topics: [TopicName] = []
    public var userData: ByteBuffer?
    public var ownedPartitions: [TopicPartition] = []
    public var generationID: Int32 = -1
    public var rackID: KafkaString?

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&topics, "Topics")
        try w(&userData, "UserData")
        try w(&ownedPartitions, "OwnedPartitions", since: 1, ignorable: true)
        try w(&generationID, "GenerationId", since: 2, ignorable: true)
        try w(&rackID, "RackId", since: 3, ignorable: true)
    }

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
    public var userData: ByteBuffer?

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&assignedPartitions, "AssignedPartitions")
        try w(&userData, "UserData")
    }

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
