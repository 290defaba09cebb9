import KafkaProtocol

/// What server-side assignment needs to know about a topic.
struct TopicShape: Equatable, Sendable {
    var id: KafkaUUID
    var partitions: Int32
}

/// A partition named the way the consumer protocol of KIP-848 names it.
struct TopicIDPartition: Hashable, Sendable {
    var topicID: KafkaUUID
    var partition: Int32
}
