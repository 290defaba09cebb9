/// A topic's name.
public typealias TopicName = KafkaString

/// A consumer group's name.
public typealias GroupID = KafkaString

/// A partition of a topic, by name and number.
public struct TopicPartition: Hashable, Sendable, Comparable, CustomStringConvertible {
    public var topic: TopicName
    public var partition: Int32

    public init(topic: TopicName, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    public static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        left.topic == right.topic ? left.partition < right.partition : left.topic < right.topic
    }

    public var description: String { "\(topic)-\(partition)" }
}
