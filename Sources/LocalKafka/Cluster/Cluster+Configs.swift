import KafkaProtocol
import KafkaRecords

extension Cluster {
    /// A config's value with where it comes from, and what it would be without each source.
    package struct ResolvedConfig: Sendable {
        package struct Synonym: Sendable {
            package var name: String
            package var value: String?
            package var source: ConfigSource
        }

        package var definition: ConfigDefinition
        /// Strongest first; the last is the default.
        package var synonyms: [Synonym]

        package var value: String? { self.synonyms.first?.value }
        package var source: ConfigSource { self.synonyms.first?.source ?? .defaultValue }
    }

    package func resolve(_ definition: ConfigDefinition, topic: Topic?) -> ResolvedConfig {
        var synonyms: [ResolvedConfig.Synonym] = []
        if let value = topic?.configs[definition.name] {
            synonyms.append(.init(name: definition.name, value: value, source: .topic))
        }
        if let name = definition.brokerName {
            synonyms += self.brokerSynonyms(name, broker: nil)
            synonyms.append(.init(name: name, value: definition.defaultValue, source: .defaultValue))
        } else {
            synonyms.append(.init(name: definition.name, value: definition.defaultValue, source: .defaultValue))
        }
        return ResolvedConfig(definition: definition, synonyms: synonyms)
    }

    package func resolve(_ definition: ConfigDefinition, broker: Broker) -> ResolvedConfig {
        var synonyms = self.brokerSynonyms(definition.name, broker: broker)
        synonyms.append(.init(name: definition.name, value: definition.defaultValue, source: .defaultValue))
        return ResolvedConfig(definition: definition, synonyms: synonyms)
    }

    /// The value of a topic config, from wherever it comes.
    package func topicConfig(_ name: String, _ topic: Topic?) -> String? {
        TopicConfigs.byName[name].flatMap { self.resolve($0, topic: topic).value }
    }

    private func brokerSynonyms(_ name: String, broker: Broker?) -> [ResolvedConfig.Synonym] {
        var result: [ResolvedConfig.Synonym] = []
        if let value = broker?.configs[name] { result.append(.init(name: name, value: value, source: .broker)) }
        if let value = self.defaultBrokerConfigs[name] {
            result.append(.init(name: name, value: value, source: .defaultBroker))
        }
        if let value = self.staticBrokerConfig(name, broker: broker) {
            result.append(.init(name: name, value: value, source: .staticBroker))
        }
        return result
    }

    private func staticBrokerConfig(_ name: String, broker: Broker?) -> String? {
        if let value = self.configuration.brokerConfigs[name] { return value }
        switch name {
        case "broker.id", "node.id": return broker.map { "\($0.id)" }
        case "broker.rack": return broker?.rack
        case "auto.create.topics.enable" where !self.configuration.autoCreateTopics: return "false"
        case "num.partitions" where self.configuration.defaultPartitions != 1:
            return "\(self.configuration.defaultPartitions)"
        case "default.replication.factor" where self.configuration.defaultReplicationFactor != 1:
            return "\(self.configuration.defaultReplicationFactor)"
        case "process.roles": return "broker,controller"
        default: return nil
        }
    }

    /// The rules for a topic's logs, worked out once and kept until a config changes.
    package func rules(for topic: Topic) -> LogRules {
        if let cached = topic.cachedRules { return cached }
        func number(_ name: String) -> Int64? { self.topicConfig(name, topic).flatMap { Int64($0) } }
        var rules = LogRules()
        rules.maxMessageBytes = number("max.message.bytes").map { Int($0) } ?? rules.maxMessageBytes
        rules.timestampType =
            self.topicConfig("message.timestamp.type", topic) == "LogAppendTime" ? .logAppendTime : .createTime
        rules.timestampBeforeMaxMs = number("message.timestamp.before.max.ms") ?? .max
        rules.timestampAfterMaxMs = number("message.timestamp.after.max.ms") ?? .max
        rules.codec = self.topicConfig("compression.type", topic).flatMap { CompressionCodec(name: $0) }
        rules.segmentBytes = number("segment.bytes").map { Int($0) } ?? rules.segmentBytes
        let policies = ConfigDefinition.items(self.topicConfig("cleanup.policy", topic) ?? "delete")
        rules.isCompacted = policies.contains("compact")
        rules.isDeleted = policies.contains("delete")
        rules.retentionBytes = number("retention.bytes") ?? -1
        rules.retentionMs = number("retention.ms") ?? -1
        rules.deleteRetentionMs = number("delete.retention.ms") ?? rules.deleteRetentionMs
        rules.minInSyncReplicas = number("min.insync.replicas").map { Int($0) } ?? 1
        topic.cachedRules = rules
        return rules
    }

    /// Replaces a topic's overrides.
    package func setConfigs(_ configs: [String: String], of topic: Topic) {
        topic.configs = configs
        topic.cachedRules = nil
    }

    /// Broker configs have changed: every topic's rules may have.
    package func brokerConfigsChanged() {
        for topic in self.topics.values { topic.cachedRules = nil }
    }
}
