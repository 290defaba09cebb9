package import KafkaProtocol

/// The key of a record in the offsets topic that MirrorMaker 2 keeps through Kafka Connect.
///
/// Keys are looked up and compacted by their exact bytes, so the order of the members and the way of escaping matter.
package struct ConnectOffsetKey: Sendable, Hashable {
    /// What the offset belongs to.
    package enum Subject: Sendable, Hashable {
        case source(cluster: String, partition: TopicPartition)
        /// `partition` is the one at the target.
        case checkpoint(group: GroupID, partition: TopicPartition)
        case heartbeat(source: String, target: String)
    }

    /// Name of the connector, by default the simple name of its class.
    package let connector: String
    package let subject: Subject

    package init(connector: String, subject: Subject) {
        self.connector = connector
        self.subject = subject
    }

    /// Exactly the bytes that MirrorMaker 2 writes.
    package var bytes: [UInt8] {
        var json = JSONText()
        json.raw("[")
        json.string(connector)
        json.raw(",{")
        switch subject {
        case .source(let cluster, let partition):
            json.member("cluster", cluster)
            json.raw(",")
            json.member("partition", Int64(partition.partition))
            json.raw(",")
            json.member("topic", partition.topic.string)
        case .checkpoint(let group, let partition):
            json.member("partition", Int64(partition.partition))
            json.raw(",")
            json.member("topic", partition.topic.string)
            json.raw(",")
            json.member("group", group.string)
        case .heartbeat(let source, let target):
            json.member("sourceClusterAlias", source)
            json.raw(",")
            json.member("targetClusterAlias", target)
        }
        json.raw("}]")
        return json.bytes
    }

    /// Reads a key in any member order; `nil` for what is not one of ours.
    package init?(bytes: some Sequence<UInt8>) {
        guard case .array(let elements)? = JSONValue(Array(bytes)), elements.count == 2,
            case .string(let connector) = elements[0], case .object(let members) = elements[1]
        else { return nil }
        func text(_ name: String) -> String? {
            if case .string(let text)? = members[name] { text } else { nil }
        }
        func topicPartition() -> TopicPartition? {
            guard case .integer(let number)? = members["partition"], let partition = Int32(exactly: number),
                partition >= 0, let topic = text("topic")
            else { return nil }
            return TopicPartition(topic: TopicName(topic), partition: partition)
        }
        self.connector = connector
        if let cluster = text("cluster"), let partition = topicPartition() {
            self.subject = .source(cluster: cluster, partition: partition)
        } else if let group = text("group"), let partition = topicPartition() {
            self.subject = .checkpoint(group: GroupID(group), partition: partition)
        } else if let source = text("sourceClusterAlias"), let target = text("targetClusterAlias") {
            self.subject = .heartbeat(source: source, target: target)
        } else {
            return nil
        }
    }
}
