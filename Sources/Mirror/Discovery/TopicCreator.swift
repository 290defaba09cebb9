package import KafkaClient
package import KafkaProtocol
package import Logging
package import MirrorModel

/// Creates topics at the target and lets them grow, each on its own: one that fails holds up no other.
package struct TopicCreator: Sendable {
    private let source: KafkaClient
    private let target: KafkaClient
    private let configFilter: ConfigPropertyFilter
    private let replicationFactor: FlowConfiguration.ReplicationFactor
    private let logger: Logger

    package init(source: KafkaClient, target: KafkaClient, configuration: FlowConfiguration, logger: Logger) {
        self.source = source
        self.target = target
        self.configFilter = configuration.configFilter
        self.replicationFactor = configuration.topicReplicationFactor
        self.logger = logger
    }

    /// Creates topics with the source's partition counts and configs; says for each source topic how it went.
    package func create(
        _ creations: [TopicPlan.Creation],
        deadline: Deadline
    ) async -> [TopicName: Result<Void, KafkaClientError>] {
        guard !creations.isEmpty else { return [:] }
        var outcome: [TopicName: Result<Void, KafkaClientError>] = [:]
        var topics: [NewTopic] = []
        let brokers = target.metadata.brokers.count
        let configs = await source.describeConfigs(
            creations.map { .topic($0.source) },
            deadline: deadline
        )
        for creation in creations {
            switch configs[.topic(creation.source)] {
            case .success(let entries):
                topics.append(newTopic(creation, entries: entries, brokers: brokers))
            case .failure(let error) where error.code == .refused || error.code == .unsupportedByBroker:
                var error = error
                if error.kafkaError == .topicAuthorizationFailed {
                    error.nextStep = "Allow it DESCRIBE_CONFIGS on the topic"
                }
                // Records matter more than settings, which the topic can be given later.
                logger.warning(
                    "a topic is created with the target's default settings, the source's cannot be read",
                    metadata: ["topic": "\(creation.target)", "reason": "\(error)"]
                )
                topics.append(newTopic(creation, entries: [], brokers: brokers))
            case .failure(let error):
                outcome[creation.source] = .failure(error)
            case nil:
                topics.append(newTopic(creation, entries: [], brokers: brokers))
            }
        }
        let results = await target.createTopics(topics, deadline: deadline)
        for creation in creations where outcome[creation.source] == nil {
            switch results[creation.target] {
            case .success:
                logger.info(
                    "created a topic",
                    metadata: ["topic": "\(creation.target)", "partitions": "\(creation.partitionCount)"]
                )
                outcome[creation.source] = .success(())
            case .failure(var error) where error.kafkaError == .topicAlreadyExists:
                if target.metadata.topics[creation.target] != nil {
                    outcome[creation.source] = .success(())
                } else {
                    error.message = "The topic exists but is not shown to the mirror"
                    error.nextStep = "Allow its principal to describe and write the topic."
                    outcome[creation.source] = .failure(error)
                }
            case .failure(var error):
                if error.kafkaError == .invalidReplicationFactor {
                    error.nextStep = "Set replication.factor to at most the number of brokers, \(brokers)."
                } else if error.kafkaError == .topicAuthorizationFailed
                    || error.kafkaError == .clusterAuthorizationFailed
                {
                    error.nextStep = "Allow the mirror's principal to create topics at \(target.name)."
                }
                outcome[creation.source] = .failure(error)
            case nil: break
            }
        }
        return outcome
    }

    /// Gives topics as many partitions as the source has.
    package func increase(
        _ increases: [TopicPlan.Increase],
        deadline: Deadline
    ) async -> [TopicName: Result<Void, KafkaClientError>] {
        guard !increases.isEmpty else { return [:] }
        var totals: [TopicName: Int32] = [:]
        for increase in increases { totals[increase.target] = increase.partitionCount }
        let results = await target.createPartitions(totals, deadline: deadline)
        var outcome: [TopicName: Result<Void, KafkaClientError>] = [:]
        for increase in increases {
            switch results[increase.target] {
            case .success:
                logger.info(
                    "raised the partitions of a topic",
                    metadata: ["topic": "\(increase.target)", "partitions": "\(increase.partitionCount)"]
                )
                outcome[increase.source] = .success(())
            // Somebody else was faster; the next look shows it.
            case .failure(let error) where error.kafkaError == .invalidPartitions:
                outcome[increase.source] = .success(())
            case .failure(let error): outcome[increase.source] = .failure(error)
            case nil: break
            }
        }
        return outcome
    }

    private func newTopic(_ creation: TopicPlan.Creation, entries: [ConfigEntry], brokers: Int) -> NewTopic {
        let described = entries.map { entry in
            TopicConfigEntry(
                name: entry.name.string,
                value: entry.value?.string,
                isReadOnly: entry.isReadOnly,
                isSensitive: entry.isSensitive,
                isDefault: entry.isDefault,
                isStaticBrokerConfig: entry.source == .staticBroker
            )
        }
        var configs: [KafkaString: KafkaString] = [:]
        for (name, value) in configFilter.configsForCreation(described) {
            configs[KafkaString(name)] = KafkaString(value)
        }
        return NewTopic(
            name: creation.target,
            partitionCount: creation.partitionCount,
            replicationFactor: replicationFactor.effective(brokers: brokers),
            configs: configs
        )
    }
}
