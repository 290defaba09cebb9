import KafkaProtocol

/// What a config request is about.
enum ConfigResource {
    case topic(Topic)
    /// One broker, or with `nil` the defaults of all.
    case broker(Broker?)

    private static let topicType: Int8 = 2
    private static let brokerType: Int8 = 4

    /// Finds the resource and checks that the principal may do `operation` with it.
    static func find(
        type: Int8,
        name: KafkaString,
        _ operation: AccessOperation,
        _ context: RequestContext
    ) throws(Cluster.AdminFailure) -> ConfigResource {
        switch type {
        case self.topicType:
            guard context.allows(operation, .topic, name) else {
                throw .init(.topicAuthorizationFailed, "Topic authorization failed.")
            }
            if let complaint = Cluster.complaint(aboutTopicName: name.string) {
                throw .init(.invalidTopicException, complaint)
            }
            guard let topic = context.cluster.topics[name] else {
                throw .init(.unknownTopicOrPartition, "This server does not host this topic-partition.")
            }
            return .topic(topic)
        case self.brokerType:
            guard context.allows(operation, .cluster) else {
                throw .init(.clusterAuthorizationFailed, "Cluster authorization failed.")
            }
            guard !name.isEmpty else { return .broker(nil) }
            guard let id = Int32(name.string), let broker = context.cluster.broker(id) else {
                throw .init(.invalidRequest, "Unexpected broker id, expected one of the cluster's, but got \(name)")
            }
            return .broker(broker)
        default:
            throw .init(.invalidRequest, "Unsupported resource type \(type)")
        }
    }

    var definitions: [ConfigDefinition] {
        switch self {
        case .topic: TopicConfigs.definitions
        case .broker: BrokerConfigs.definitions
        }
    }

    func definition(_ name: String) -> ConfigDefinition? {
        switch self {
        case .topic: TopicConfigs.byName[name]
        case .broker: BrokerConfigs.byName[name]
        }
    }

    func resolve(_ definition: ConfigDefinition, _ cluster: Cluster) -> Cluster.ResolvedConfig? {
        switch self {
        case .topic(let topic): return cluster.resolve(definition, topic: topic)
        case .broker(let broker?): return cluster.resolve(definition, broker: broker)
        case .broker(nil):
            // Of the defaults only those that have been set are listed.
            guard let value = cluster.defaultBrokerConfigs[definition.name] else { return nil }
            return Cluster.ResolvedConfig(
                definition: definition,
                synonyms: [.init(name: definition.name, value: value, source: .defaultBroker)]
            )
        }
    }

    /// The overrides set on the resource itself.
    func overrides(_ cluster: Cluster) -> [String: String] {
        switch self {
        case .topic(let topic): topic.configs
        case .broker(let broker?): broker.configs
        case .broker(nil): cluster.defaultBrokerConfigs
        }
    }

    /// Replaces the overrides after checking them.
    func setOverrides(_ configs: [String: String], _ cluster: Cluster, validateOnly: Bool) throws(Cluster.AdminFailure)
    {
        let before = self.overrides(cluster)
        for (name, value) in configs.sorted(by: { $0.key < $1.key }) where before[name] != value {
            guard let definition = self.definition(name) else {
                if case .topic = self { throw .init(.invalidConfig, "Unknown topic config name: \(name)") }
                continue
            }
            if case .broker = self, definition.isReadOnly {
                throw .init(.invalidRequest, "Cannot update these configs dynamically: Set(\(name))")
            }
            if let complaint = definition.complaint(about: value) { throw .init(.invalidConfig, complaint) }
        }
        guard !validateOnly else { return }
        switch self {
        case .topic(let topic): cluster.setConfigs(configs, of: topic)
        case .broker(let broker?): broker.configs = configs
        case .broker(nil): cluster.defaultBrokerConfigs = configs
        }
        if case .broker = self { cluster.brokerConfigsChanged() }
    }
}
