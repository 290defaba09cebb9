package import KafkaProtocol

/// The partition that a record of the control topic is about.
package struct ControlKey: Sendable, Hashable {
    package enum Kind: String, Sendable {
        /// The state of a partition that is stopped; gone when it runs again.
        case quarantine
        /// What somebody wants to be done about it.
        case release
    }

    package var kind: Kind
    /// `A->B`.
    package var flow: String
    /// At the source.
    package var partition: TopicPartition

    package init(_ kind: Kind, flow: String, partition: TopicPartition) {
        self.kind = kind
        self.flow = flow
        self.partition = partition
    }

    /// The topic that the state of a flow is kept in, at its target.
    package static func topic(sourceAlias: String) -> TopicName {
        TopicName("kafka-mirror-control.\(sourceAlias).internal")
    }

    package var bytes: [UInt8] {
        var json = JSONText()
        json.raw("{")
        json.member("type", kind.rawValue)
        json.raw(",")
        json.member("flow", flow)
        json.raw(",")
        json.member("topic", partition.topic.string)
        json.raw(",")
        json.member("partition", Int64(partition.partition))
        json.raw("}")
        return json.bytes
    }

    package init?(bytes: some Sequence<UInt8>) {
        guard case .object(let members)? = JSONValue(Array(bytes)),
            case .string(let type)? = members["type"], let kind = Kind(rawValue: type),
            case .string(let flow)? = members["flow"],
            case .string(let topic)? = members["topic"],
            case .integer(let number)? = members["partition"], let partition = Int32(exactly: number), partition >= 0
        else { return nil }
        self.init(kind, flow: flow, partition: TopicPartition(topic: TopicName(topic), partition: partition))
    }
}

/// Why a partition is stopped, for whoever looks.
package struct QuarantineEntry: Sendable, Hashable {
    /// The kind of trouble.
    package var code: String
    /// Alias of the cluster where the cause is.
    package var cluster: String
    /// The source offset where it stopped.
    package var offset: Int64
    /// The last offset of the batch in the way, where it is known.
    package var batchEnd: Int64?
    /// Whether it is tried again by itself.
    package var isRetried: Bool
    /// Milliseconds since 1970.
    package var since: Int64
    package var message: String
    package var nextStep: String

    package init(
        code: String,
        cluster: String,
        offset: Int64,
        batchEnd: Int64? = nil,
        isRetried: Bool,
        since: Int64,
        message: String,
        nextStep: String
    ) {
        self.code = code
        self.cluster = cluster
        self.offset = offset
        self.batchEnd = batchEnd
        self.isRetried = isRetried
        self.since = since
        self.message = message
        self.nextStep = nextStep
    }

    package var bytes: [UInt8] {
        var json = JSONText()
        json.raw("{")
        json.member("code", code)
        json.raw(",")
        json.member("cluster", cluster)
        json.raw(",")
        json.member("offset", offset)
        if let batchEnd {
            json.raw(",")
            json.member("batchEnd", batchEnd)
        }
        json.raw(",")
        json.member("retried", isRetried ? "yes" : "no")
        json.raw(",")
        json.member("since", since)
        json.raw(",")
        json.member("message", message)
        json.raw(",")
        json.member("next", nextStep)
        json.raw("}")
        return json.bytes
    }

    package init?(bytes: some Sequence<UInt8>) {
        guard case .object(let members)? = JSONValue(Array(bytes)),
            case .string(let code)? = members["code"],
            case .string(let cluster)? = members["cluster"],
            case .integer(let offset)? = members["offset"],
            case .string(let message)? = members["message"]
        else { return nil }
        self.init(
            code: code,
            cluster: cluster,
            offset: offset,
            isRetried: members["retried"] == .string("yes"),
            since: 0,
            message: message,
            nextStep: ""
        )
        if case .integer(let number)? = members["batchEnd"] { batchEnd = number }
        if case .integer(let number)? = members["since"] { since = number }
        if case .string(let text)? = members["next"] { nextStep = text }
    }
}

/// What somebody wants to be done about a stopped partition, and later what came of it.
package struct ReleaseOrder: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        /// Try again where it stopped; where a policy stopped it, go on as `continue` would.
        case goOn
        /// Leave out everything before this source offset.
        case skipTo(Int64)
        /// Leave out the batch in the way.
        case skipBatch
    }

    /// Told apart by this from earlier orders.
    package var id: String
    package var action: Action
    /// Milliseconds since 1970.
    package var timestamp: Int64
    /// What the mirror did; nil as long as it has not seen the order.
    package var answer: String?

    package init(id: String, action: Action, timestamp: Int64, answer: String? = nil) {
        self.id = id
        self.action = action
        self.timestamp = timestamp
        self.answer = answer
    }

    package var bytes: [UInt8] {
        var json = JSONText()
        json.raw("{")
        json.member("id", id)
        json.raw(",")
        switch action {
        case .goOn: json.member("action", "go-on")
        case .skipTo(let offset):
            json.member("action", "skip-to")
            json.raw(",")
            json.member("offset", offset)
        case .skipBatch: json.member("action", "skip-batch")
        }
        json.raw(",")
        json.member("timestamp", timestamp)
        if let answer {
            json.raw(",")
            json.member("answer", answer)
        }
        json.raw("}")
        return json.bytes
    }

    package init?(bytes: some Sequence<UInt8>) {
        guard case .object(let members)? = JSONValue(Array(bytes)),
            case .string(let id)? = members["id"],
            case .string(let name)? = members["action"],
            case .integer(let timestamp)? = members["timestamp"]
        else { return nil }
        let action: Action
        switch name {
        case "go-on": action = .goOn
        case "skip-batch": action = .skipBatch
        case "skip-to":
            guard case .integer(let offset)? = members["offset"], offset >= 0 else { return nil }
            action = .skipTo(offset)
        default: return nil
        }
        self.init(id: id, action: action, timestamp: timestamp)
        if case .string(let text)? = members["answer"] { answer = text }
    }
}
