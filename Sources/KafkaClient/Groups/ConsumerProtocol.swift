public import KafkaProtocol
public import NIOCore

/// The data that members of classic consumer groups exchange through the coordinator.
///
/// Both kinds begin with two bytes of version. Newer versions only append fields, so a reader takes what it knows and
/// ignores the rest.
public enum ConsumerProtocol {
    /// The protocol type of consumer groups.
    public static let type: KafkaString = "consumer"

    /// What a member tells the one that assigns.
    public struct Subscription: Sendable, Hashable {
        public var topics: [TopicName]
        public var userData: ByteBuffer?
        /// What the member holds at present, for cooperative assignment.
        public var ownedPartitions: [TopicPartition]
        /// The generation in which it got them; -1 when not known.
        public var generationID: Int32
        public var rack: KafkaString?

        public init(
            topics: [TopicName],
            userData: ByteBuffer? = nil,
            ownedPartitions: [TopicPartition] = [],
            generationID: Int32 = -1,
            rack: KafkaString? = nil
        ) {
            self.topics = topics
            self.userData = userData
            self.ownedPartitions = ownedPartitions
            self.generationID = generationID
            self.rack = rack
        }
    }

    /// What a member gets.
    public struct Assignment: Sendable, Hashable {
        public var partitions: [TopicPartition]
        public var userData: ByteBuffer?

        public init(partitions: [TopicPartition], userData: ByteBuffer? = nil) {
            self.partitions = partitions
            self.userData = userData
        }
    }

    /// Encodes a subscription in version 3.
    public static func encode(_ subscription: Subscription) throws(WireError) -> ByteBuffer {
        var message = ConsumerProtocolSubscription()
        message.topics = subscription.topics.sorted()
        message.userData = subscription.userData
        message.ownedPartitions = subscription.ownedPartitions.groupedByTopic().map { topic, partitions in
            var entry = ConsumerProtocolSubscription.TopicPartition()
            entry.topic = topic
            entry.partitions = partitions
            return entry
        }
        message.generationID = subscription.generationID
        message.rackID = subscription.rack
        return try encode(message)
    }

    /// Encodes an assignment in version 3, whose fields are those of version 0.
    public static func encode(_ assignment: Assignment) throws(WireError) -> ByteBuffer {
        var message = ConsumerProtocolAssignment()
        message.userData = assignment.userData
        message.assignedPartitions = assignment.partitions.groupedByTopic().map { topic, partitions in
            var entry = ConsumerProtocolAssignment.TopicPartition()
            entry.topic = topic
            entry.partitions = partitions
            return entry
        }
        return try encode(message)
    }

    /// Reads a subscription; nil when the bytes are something else.
    public static func subscription(_ bytes: ByteBuffer) -> Subscription? {
        guard let message = decode(ConsumerProtocolSubscription.self, bytes) else { return nil }
        return Subscription(
            topics: message.topics,
            userData: message.userData,
            ownedPartitions: message.ownedPartitions.flatMap { topic in
                topic.partitions.map { TopicPartition(topic: topic.topic, partition: $0) }
            },
            generationID: message.generationID,
            rack: message.rackID
        )
    }

    /// Reads an assignment; nil when the bytes are something else.
    ///
    /// No bytes at all are an empty assignment.
    public static func assignment(_ bytes: ByteBuffer) -> Assignment? {
        if bytes.readableBytes == 0 { return Assignment(partitions: []) }
        guard let message = decode(ConsumerProtocolAssignment.self, bytes) else { return nil }
        return Assignment(
            partitions: message.assignedPartitions.flatMap { topic in
                topic.partitions.map { TopicPartition(topic: topic.topic, partition: $0) }
            },
            userData: message.userData
        )
    }

    private static func encode<M: KafkaMessage>(_ message: M) throws(WireError) -> ByteBuffer {
        let version = M.supportedVersions.upperBound
        var buffer = ByteBuffer()
        buffer.writeInteger(version)
        try message.encode(into: &buffer, version: version)
        return buffer
    }

    private static func decode<M: KafkaMessage>(_ type: M.Type, _ bytes: ByteBuffer) -> M? {
        var buffer = bytes
        guard let version = buffer.readInteger(as: Int16.self), version >= 0 else { return nil }
        return try? M.decode(from: &buffer, version: min(version, M.supportedVersions.upperBound))
    }
}
