package import KafkaClient
package import KafkaProtocol
import KafkaRecords
package import Logging
package import MirrorModel
import NIOCore

/// Keeps a flow's progress in the topic that MirrorMaker 2 keeps it in, in its format.
package actor ProgressStore {
    private let client: KafkaClient
    private let topic: FlowConfiguration.ProgressTopic
    private let sourceAlias: String
    private let connectorName: String
    private let logger: Logger
    private let appender: RecordAppender
    /// The process that wrote in transactions last, as far as was read.
    private(set) var owner: OwnerRecord?

    /// - Parameter client: the target cluster.
    package init(
        client: KafkaClient,
        topic: FlowConfiguration.ProgressTopic,
        sourceAlias: String,
        connectorName: String,
        logger: Logger
    ) {
        self.client = client
        self.topic = topic
        self.sourceAlias = sourceAlias
        self.connectorName = connectorName
        self.logger = logger
        self.appender = RecordAppender(client: client, topic: topic.name)
    }

    /// Reads what is known about the flow; creates the topic when it is missing.
    package func load(deadline: Deadline) async throws -> [TopicPartition: ProgressRecord] {
        let metadata = try await client.refreshMetadata(.topics([topic.name]), deadline: deadline)
        guard let state = metadata.topics[topic.name], state.error != .unknownTopicOrPartition else {
            // Nobody else's records can be in a topic that was not there.
            if try await create(brokers: metadata.brokers.count, deadline: deadline) { return [:] }
            return try await read(deadline: deadline).progress
        }
        return try await read(deadline: deadline).progress
    }

    /// What the topic says about a flow that writes in transactions.
    package struct Committed: Sendable {
        package var progress: [TopicPartition: ProgressRecord]
        /// The process that owns the flow; nil when none has said so yet.
        package var owner: OwnerRecord?
    }

    /// Reads what has been committed; creates the topic when it is missing.
    ///
    /// - Parameter waitsForTransactions: Everything that was in the topic at the call counts: transactions that are open
    ///   are waited for.
    package func committed(waitsForTransactions: Bool, deadline: Deadline) async throws -> Committed {
        let metadata = try await client.refreshMetadata(.topics([topic.name]), deadline: deadline)
        if metadata.topics[topic.name].map({ $0.error == .unknownTopicOrPartition }) ?? true {
            _ = try await create(brokers: metadata.brokers.count, deadline: deadline)
        }
        return try await read(waitsForTransactions: waitsForTransactions, deadline: deadline)
    }

    /// Says who owns the flow, as part of a transaction or outside any.
    package func write(
        _ owner: OwnerRecord,
        in transaction: TransactionManager?,
        deadline: Deadline
    ) async throws(KafkaClientError) {
        let appender = RecordAppender(client: client, topic: topic.name, transaction: transaction)
        let record = AppendedRecord(
            key: ByteBuffer(bytes: ownerKey),
            value: ByteBuffer(bytes: owner.bytes),
            timestamp: Int64(ContinuousClock.millisecondsSince1970)
        )
        try await appender.append([record], deadline: deadline)
    }

    /// Reads what is known about the flow and changes nothing; nil when there is no such topic.
    package func peek(deadline: Deadline) async throws -> [TopicPartition: ProgressRecord]? {
        let metadata = try await client.refreshMetadata(.topics([topic.name]), deadline: deadline)
        guard let state = metadata.topics[topic.name], state.error != .unknownTopicOrPartition else { return nil }
        return try await read(deadline: deadline).progress
    }

    /// Makes the topic again after it was deleted.
    package func createAgain(deadline: Deadline) async throws {
        _ = try await create(brokers: client.metadata.brokers.count, deadline: deadline)
    }

    /// Appends progress, the newest record of each partition last, and waits until all replicas have it.
    package func write(_ progress: [TopicPartition: ProgressRecord], deadline: Deadline) async throws {
        let now = Int64(ContinuousClock.millisecondsSince1970)
        let records = progress.map { partition, record in
            AppendedRecord(
                key: ByteBuffer(bytes: key(of: partition).bytes),
                value: ByteBuffer(bytes: record.bytes),
                timestamp: now
            )
        }
        try await appender.append(records, deadline: deadline)
    }

    nonisolated package var topicName: TopicName { topic.name }

    /// Key of the record that names the flow's owner.
    nonisolated package var ownerKey: [UInt8] { OwnerRecord.key(cluster: sourceAlias, connector: connectorName) }

    nonisolated package func key(of partition: TopicPartition) -> ConnectOffsetKey {
        ConnectOffsetKey(connector: connectorName, subject: .source(cluster: sourceAlias, partition: partition))
    }

    /// Returns whether the topic is new.
    private func create(brokers: Int, deadline: Deadline) async throws(KafkaClientError) -> Bool {
        var configs: [KafkaString: KafkaString] = [:]
        for (name, value) in topic.configs { configs[KafkaString(name)] = KafkaString(value) }
        configs["cleanup.policy"] = "compact"
        let new = NewTopic(
            name: topic.name,
            partitionCount: topic.partitions,
            replicationFactor: topic.replicationFactor.effective(brokers: brokers),
            configs: configs
        )
        let results = await client.createTopics([new], deadline: deadline)
        switch results[topic.name] {
        case .success, nil:
            logger.info("created the progress topic", metadata: ["topic": "\(topic.name)"])
            return true
        case .failure(let error) where error.kafkaError == .topicAlreadyExists:
            return false
        case .failure(var error):
            if error.kafkaError == .invalidReplicationFactor, error.nextStep == nil {
                error.nextStep = "Set offset.storage.replication.factor to at most the number of brokers."
            }
            throw error
        }
    }

    private func read(
        waitsForTransactions: Bool = false,
        deadline: Deadline
    ) async throws -> Committed {
        let ownerKey = ownerKey
        var owner: OwnerRecord?
        var progress: [TopicPartition: ProgressRecord] = [:]
        var canonical: Set<TopicPartition> = []
        var malformed = 0
        let reader = CompactedTopicReader(client: client, topic: topic.name)
        for item in try await reader.readState(waitsForTransactions: waitsForTransactions, deadline: deadline) {
            guard let keyBytes = item.record.key?.readableBytesView, let value = item.record.value?.readableBytesView
            else { continue }
            if keyBytes.elementsEqual(ownerKey) {
                owner = OwnerRecord(bytes: value)
                continue
            }
            guard let key = ConnectOffsetKey(bytes: keyBytes), key.connector.utf8.elementsEqual(connectorName.utf8),
                case .source(let cluster, let partition) = key.subject, cluster.utf8.elementsEqual(sourceAlias.utf8)
            else { continue }
            // Another spelling of the same key never overrides the one that MirrorMaker and we write.
            let isCanonical = keyBytes.elementsEqual(key.bytes)
            if !isCanonical, canonical.contains(partition) { continue }
            if isCanonical { canonical.insert(partition) }
            progress[partition] = ProgressRecord(bytes: value)
            if progress[partition] == nil { malformed += 1 }
        }
        if malformed > 0 {
            logger.warning(
                "records of the progress topic hold no usable offset and count as none",
                metadata: ["topic": "\(topic.name)", "records": "\(malformed)"]
            )
        }
        self.owner = owner
        return Committed(progress: progress, owner: owner)
    }
}
