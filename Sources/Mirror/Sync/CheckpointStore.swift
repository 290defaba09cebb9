package import KafkaClient
package import KafkaProtocol
import KafkaRecords
package import Logging
package import MirrorModel
import NIOCore

/// Keeps checkpoints in the topic that MirrorMaker 2 keeps them in, in its format: `A.checkpoints.internal` at B.
package struct CheckpointStore: Sendable {
    package let topic: MirrorTopic
    private let client: KafkaClient
    private let adminClient: KafkaClient
    private let logger: Logger
    private let appender: RecordAppender

    /// - Parameters:
    ///   - client: of the target, for writing and reading.
    ///   - adminClient: of the target, for creating the topic.
    package init(configuration: FlowConfiguration, client: KafkaClient, adminClient: KafkaClient, logger: Logger) {
        self.client = client
        self.adminClient = adminClient
        self.logger = logger
        self.topic = MirrorTopic(
            name: configuration.policy.checkpointsTopic(of: configuration.sourceAlias),
            replicationFactor: configuration.checkpoints.topicReplicationFactor,
            replicationFactorKey: "checkpoints.topic.replication.factor"
        )
        self.appender = RecordAppender(client: client, topic: topic.name)
    }

    /// Makes sure that the topic is there, and reads the last checkpoint of every group and partition; records that are
    /// none are left out.
    ///
    /// Without the permission to read, nothing is known, as it is for MirrorMaker 2.
    package func load(deadline: Deadline) async throws -> [GroupID: [TopicPartition: Checkpoint]] {
        if try await topic.create(at: adminClient, logger: logger, deadline: deadline) { return [:] }
        return try await read(deadline: deadline)
    }

    /// Makes the topic again after it was deleted.
    package func createAgain(deadline: Deadline) async throws {
        try await topic.create(at: adminClient, logger: logger, deadline: deadline)
    }

    /// The last checkpoint of every group and partition; nothing when there is no such topic.
    package func read(deadline: Deadline) async throws -> [GroupID: [TopicPartition: Checkpoint]] {
        var last: [GroupID: [TopicPartition: Checkpoint]] = [:]
        var malformed = 0
        do {
            let reader = CompactedTopicReader(client: client, topic: topic.name)
            for item in try await reader.readState(deadline: deadline) where item.partition.partition == 0 {
                guard let key = item.record.key?.readableBytesView, let value = item.record.value?.readableBytesView,
                    let checkpoint = try? Checkpoint(key: key, value: value), checkpoint.downstreamOffset >= 0
                else {
                    malformed += 1
                    continue
                }
                last[checkpoint.group, default: [:]][checkpoint.partition] = checkpoint
            }
        } catch let error as KafkaClientError where error.kafkaError == .topicAuthorizationFailed {
            logger.warning(
                "checkpoints of earlier runs cannot be read",
                metadata: [
                    "topic": "\(topic.name)", "reason": "\(error)",
                    "next": "allow READ, so that a restart does not take groups back",
                ]
            )
        }
        if malformed > 0 {
            logger.warning(
                "records of the checkpoints topic are no checkpoints and are left out",
                metadata: ["topic": "\(topic.name)", "records": "\(malformed)"]
            )
        }
        return last
    }

    /// Appends checkpoints and waits until all replicas have them.
    ///
    /// What does not fit MirrorMaker's format, such as metadata of more than 32,767 bytes, is left out and counted.
    package func write(_ checkpoints: [Checkpoint], deadline: Deadline) async throws {
        let now = ContinuousClock.millisecondsSince1970
        var unwritable = 0
        var records: [AppendedRecord] = []
        for checkpoint in checkpoints {
            do throws(MirrorRecordError) {
                records.append(
                    AppendedRecord(
                        partition: 0,
                        key: ByteBuffer(bytes: try checkpoint.key()),
                        value: ByteBuffer(bytes: try checkpoint.value()),
                        timestamp: now
                    )
                )
            } catch {
                unwritable += 1
            }
        }
        try await appender.append(records, deadline: deadline)
        guard unwritable > 0 else { return }
        logger.warning(
            "checkpoints are left out, their names or metadata are longer than the format allows",
            metadata: ["checkpoints": "\(unwritable)"]
        )
    }
}
