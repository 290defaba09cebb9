package import KafkaClient
package import KafkaProtocol
import KafkaRecords
package import MirrorModel
import NIOCore

/// What the control topic of a flow holds: partitions that are stopped, and what is to be done about them.
package struct ControlState: Sendable {
    package private(set) var stopped: [TopicPartition: QuarantineEntry] = [:]
    package private(set) var orders: [TopicPartition: ReleaseOrder] = [:]
    private let flow: String

    package init(flow: String) {
        self.flow = flow
    }

    mutating func answered(_ partition: TopicPartition, _ order: ReleaseOrder) {
        orders[partition] = order
    }

    /// Takes the next record; those of other flows and malformed ones are passed over.
    mutating func take(_ record: Record) {
        guard let key = record.key.flatMap({ ControlKey(bytes: $0.readableBytesView) }),
            key.flow.utf8.elementsEqual(flow.utf8)
        else { return }
        switch key.kind {
        case .quarantine:
            stopped[key.partition] = record.value.flatMap { QuarantineEntry(bytes: $0.readableBytesView) }
        case .release:
            orders[key.partition] = record.value.flatMap { ReleaseOrder(bytes: $0.readableBytesView) }
        }
    }
}

/// The control topic of a flow, as somebody outside of the mirror uses it.
package struct ControlDesk: Sendable {
    private let flow: String
    private let topic: MirrorTopic
    private let client: KafkaClient

    /// - Parameter client: of the target.
    package init(_ configuration: FlowConfiguration, client: KafkaClient) {
        self.flow = configuration.name
        self.topic = Self.topic(configuration)
        self.client = client
    }

    static func topic(_ configuration: FlowConfiguration) -> MirrorTopic {
        MirrorTopic(
            name: ControlKey.topic(sourceAlias: configuration.sourceAlias),
            replicationFactor: configuration.ledgerReplicationFactor,
            replicationFactorKey: "offset.storage.replication.factor"
        )
    }

    package var topicName: TopicName { topic.name }

    /// Everything that the topic holds; nothing when there is no such topic.
    package func read(deadline: Deadline) async throws -> ControlState {
        var state = ControlState(flow: flow)
        let metadata = try await client.refreshMetadata(.topics([topic.name]), deadline: deadline)
        guard let found = metadata.topics[topic.name], found.error != .unknownTopicOrPartition else { return state }
        try await CompactedTopicReader(client: client, topic: topic.name).readToEnd(deadline: deadline) {
            state.take($0.record)
        }
        return state
    }

    /// Has a running mirror do something about stopped partitions, and waits for its answers.
    ///
    /// - Returns: What was answered by the deadline.
    package func release(
        _ partitions: [TopicPartition],
        _ action: ReleaseOrder.Action,
        id: String,
        deadline: Deadline
    ) async throws -> [TopicPartition: String] {
        let now = ContinuousClock.millisecondsSince1970
        let order = ReleaseOrder(id: id, action: action, timestamp: now)
        try await RecordAppender(client: client, topic: topic.name).append(
            partitions.map {
                AppendedRecord(
                    partition: 0,
                    key: ByteBuffer(bytes: ControlKey(.release, flow: flow, partition: $0).bytes),
                    value: ByteBuffer(bytes: order.bytes),
                    timestamp: now
                )
            },
            deadline: deadline
        )
        let reader = CompactedTopicReader(client: client, topic: topic.name)
        var state = ControlState(flow: flow)
        var answers: [TopicPartition: String] = [:]
        while answers.count < partitions.count, !deadline.hasPassed {
            try await reader.poll(maximumWait: .milliseconds(250)) { state.take($0.record) }
            for partition in partitions {
                guard let order = state.orders[partition], order.id == id, let answer = order.answer else { continue }
                answers[partition] = answer
            }
        }
        return answers
    }
}
