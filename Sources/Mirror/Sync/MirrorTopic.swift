package import KafkaClient
package import KafkaProtocol
package import Logging
package import MirrorModel

/// One of MirrorMaker's own topics of one partition: heartbeats, checkpoints.
package struct MirrorTopic: Sendable {
    package let name: TopicName
    package let replicationFactor: FlowConfiguration.ReplicationFactor
    /// The key of the file that says how many replicas it gets.
    package let replicationFactorKey: String

    package init(
        name: TopicName,
        replicationFactor: FlowConfiguration.ReplicationFactor,
        replicationFactorKey: String
    ) {
        self.name = name
        self.replicationFactor = replicationFactor
        self.replicationFactorKey = replicationFactorKey
    }

    /// Creates the topic when it is missing.
    ///
    /// A cluster that does not let us, or cannot, counts as one that has it already, as MirrorMaker 2 sees it: an
    /// operator may have made it. Where nobody has, the first record written tells.
    ///
    /// - Returns: Whether the topic is new.
    @discardableResult
    package func create(at client: KafkaClient, logger: Logger, deadline: Deadline) async throws -> Bool {
        let metadata = try await client.refreshMetadata(.topics([name]), deadline: deadline)
        if let state = metadata.topics[name], state.error != .unknownTopicOrPartition { return false }
        let new = NewTopic(
            name: name,
            partitionCount: 1,
            replicationFactor: replicationFactor.effective(brokers: metadata.brokers.count),
            configs: ["cleanup.policy": "compact"]
        )
        switch await client.createTopics([new], deadline: deadline)[name] {
        case .success:
            logger.info("created a topic of the mirror's own", metadata: ["topic": "\(name)"])
            return true
        case .failure(let error)
        where error.kafkaError == .topicAlreadyExists || error.code == .unsupportedByBroker
            || error.kafkaError == .topicAuthorizationFailed || error.kafkaError == .clusterAuthorizationFailed:
            return false
        case .failure(var error):
            if error.kafkaError == .invalidReplicationFactor {
                error.nextStep = "Set \(replicationFactorKey) to at most the number of brokers."
            }
            throw error
        case nil:
            return false
        }
    }
}
