package import KafkaProtocol

/// A place where a copy differs from its source, or did: an entry of the gap ledger.
package struct Gap: Sendable, Hashable {
    /// `A->B`.
    package var flow: String
    package var kind: GapKind
    /// Alias of the cluster where the cause is; topic, partition and offsets are those of this cluster.
    package var cluster: String
    package var topic: TopicName
    package var partition: Int32
    /// Name of the source topic, which policies go by.
    package var sourceTopic: TopicName
    /// Identity of the topic, where the cluster tells it.
    package var topicID: KafkaUUID
    /// First and last offset concerned; the last may be below the first when nothing is known to be missing.
    package var from: Int64
    package var to: Int64
    /// How many records, where it is known: offsets need not all have held one.
    package var records: Int64?
    /// The target offset behind which the gap shows, where it is known.
    package var targetOffset: Int64?
    /// Milliseconds since 1970 when it was found.
    package var timestamp: Int64
    /// What was done about it.
    package var policy: GapPolicy
    /// In words.
    package var text: String

    package init(
        flow: String,
        kind: GapKind,
        cluster: String,
        partition: TopicPartition,
        sourceTopic: TopicName,
        topicID: KafkaUUID = .zero,
        from: Int64,
        to: Int64,
        records: Int64? = nil,
        targetOffset: Int64? = nil,
        timestamp: Int64 = 0,
        policy: GapPolicy = .continue,
        text: String
    ) {
        self.flow = flow
        self.kind = kind
        self.cluster = cluster
        self.topic = partition.topic
        self.partition = partition.partition
        self.sourceTopic = sourceTopic
        self.topicID = topicID
        self.from = from
        self.to = to
        self.records = records
        self.targetOffset = targetOffset
        self.timestamp = timestamp
        self.policy = policy
        self.text = text
    }

    package var topicPartition: TopicPartition { TopicPartition(topic: topic, partition: partition) }

    /// How many offsets it spans.
    package var offsets: Int64 { max(0, to - from + 1) }

    /// The topic that the ledger of a flow is kept in, at its target.
    package static func ledgerTopic(sourceAlias: String) -> TopicName {
        TopicName("kafka-mirror-gaps.\(sourceAlias).internal")
    }
}

extension Gap {
    /// What makes it one gap and not another, as JSON: the same finding has the same key however often it is made, so a
    /// crash right after it was written does not double it.
    ///
    /// While retention goes on, or somebody writes to the mirror, only the end of a gap moves: it is no part of the key
    /// there, and the newest entry has all of it.
    package var key: [UInt8] {
        var json = JSONText()
        json.raw("{")
        json.member("flow", flow)
        json.raw(",")
        json.member("kind", kind.rawValue)
        json.raw(",")
        json.member("cluster", cluster)
        json.raw(",")
        json.member("topic", topic.string)
        json.raw(",")
        json.member("partition", Int64(partition))
        if topicID != .zero {
            json.raw(",")
            json.member("topicId", topicID.description)
        }
        json.raw(",")
        json.member("from", from)
        if kind != .retention, kind != .foreignWriter {
            json.raw(",")
            json.member("to", to)
        }
        json.raw("}")
        return json.bytes
    }

    /// The value of its record, and what `kafka-mirror gaps --format json` prints.
    package var bytes: [UInt8] {
        var json = JSONText()
        json.raw("{")
        json.member("flow", flow)
        json.raw(",")
        json.member("kind", kind.rawValue)
        json.raw(",")
        json.member("cluster", cluster)
        json.raw(",")
        json.member("topic", topic.string)
        json.raw(",")
        json.member("partition", Int64(partition))
        json.raw(",")
        json.member("sourceTopic", sourceTopic.string)
        if topicID != .zero {
            json.raw(",")
            json.member("topicId", topicID.description)
        }
        json.raw(",")
        json.member("from", from)
        json.raw(",")
        json.member("to", to)
        if let records {
            json.raw(",")
            json.member("records", records)
        }
        if let targetOffset {
            json.raw(",")
            json.member("targetOffset", targetOffset)
        }
        json.raw(",")
        json.member("timestamp", timestamp)
        json.raw(",")
        json.member("policy", policy.rawValue)
        json.raw(",")
        json.member("text", text)
        json.raw("}")
        return json.bytes
    }

    /// Reads a value; nil for one that is malformed.
    ///
    /// Members that are unknown are passed over.
    package init?(bytes: some Sequence<UInt8>) {
        guard case .object(let members)? = JSONValue(Array(bytes)),
            case .string(let flow)? = members["flow"],
            case .string(let kindName)? = members["kind"], let kind = GapKind(rawValue: kindName),
            case .string(let cluster)? = members["cluster"],
            case .string(let topic)? = members["topic"],
            case .integer(let number)? = members["partition"], let partition = Int32(exactly: number),
            case .integer(let from)? = members["from"],
            case .integer(let to)? = members["to"]
        else { return nil }
        self.init(
            flow: flow,
            kind: kind,
            cluster: cluster,
            partition: TopicPartition(topic: TopicName(topic), partition: partition),
            sourceTopic: TopicName(topic),
            from: from,
            to: to,
            text: ""
        )
        if case .string(let name)? = members["sourceTopic"] { sourceTopic = TopicName(name) }
        if case .string(let id)? = members["topicId"] { topicID = KafkaUUID(id) ?? .zero }
        if case .integer(let number)? = members["records"] { records = number }
        if case .integer(let number)? = members["targetOffset"] { targetOffset = number }
        if case .integer(let number)? = members["timestamp"] { timestamp = number }
        if case .string(let name)? = members["policy"] { policy = GapPolicy(rawValue: name) ?? .continue }
        if case .string(let words)? = members["text"] { text = words }
    }
}
