package import KafkaProtocol

/// Everything that one flow of records from a cluster to another is told by the file.
package struct FlowConfiguration: Sendable {
    /// Where a partition without progress begins.
    package enum StartOffset: String, Sendable {
        case earliest, latest, none
    }

    /// A number of replicas, and whether the file asks for it or it is only the default.
    package struct ReplicationFactor: Sendable, Equatable {
        package let value: Int16
        package let isExplicit: Bool

        /// What to ask a cluster for that has `brokers`: a default gives way to what is possible, a setting does not.
        package func effective(brokers: Int) -> Int16 {
            isExplicit || value < 1 ? value : min(value, Int16(clamping: max(1, brokers)))
        }
    }

    /// The topic that keeps progress at the target.
    package struct ProgressTopic: Sendable, Equatable {
        package let name: TopicName
        package let partitions: Int32
        package let replicationFactor: ReplicationFactor
        /// Further topic configs (`offset.storage.*`); never a cleanup policy.
        package let configs: [String: String]
    }

    /// The Kafka clients of a flow.
    package enum Client: Sendable, CaseIterable {
        case sourceConsumer, sourceAdmin, targetProducer, targetAdmin, offsetSyncsProducer, offsetSyncsAdmin
    }

    package let pair: PropertyResolution.Pair
    /// Whether records are mirrored; a flow that is off may still send heartbeats.
    package let isEnabled: Bool
    package let selection: TopicSelection
    package let configFilter: ConfigPropertyFilter
    /// Name of the connector in the keys of progress records.
    package let connectorName: String

    /// Whether new topics are looked for after the start.
    package let refreshesTopics: Bool
    /// Milliseconds between two looks for new topics and partitions.
    package let discoveryIntervalMs: Int64
    package let topicReplicationFactor: ReplicationFactor
    package let progressTopic: ProgressTopic
    /// Milliseconds between two writes of progress.
    package let progressIntervalMs: Int64
    package let startOffset: StartOffset
    package let isReadCommitted: Bool
    /// Set when records and progress are written in transactions.
    package let exactlyOnce: ExactlyOnceSettings?
    /// Milliseconds that an open transaction of the source may hold a partition up before it is told.
    package let openTransactionPatienceMs: Int64
    /// Bytes of records that may be under way between the clusters.
    package let memoryBytes: Int
    package let heartbeats: HeartbeatSettings
    package let checkpoints: CheckpointSettings
    package let offsetSyncs: OffsetSyncSettings
    /// What happens when a copy turns out to differ from its source.
    package let integrity: IntegrityPolicies
    /// Replicas of the topics that keep gaps and stopped partitions.
    package let ledgerReplicationFactor: ReplicationFactor

    /// Properties of the clients, as Java's clients would get them.
    package let sourceConsumer: [String: String]
    package let sourceAdmin: [String: String]
    package let targetAdmin: [String: String]
    /// Only what the file sets: the defaults of MirrorMaker's producer do not hold for ours.
    package let targetProducer: [String: String]
    private let origins: [Client: [String: String]]

    package func properties(of client: Client) -> [String: String] {
        switch client {
        case .sourceConsumer: sourceConsumer
        case .sourceAdmin: sourceAdmin
        case .targetProducer: targetProducer
        case .targetAdmin: targetAdmin
        case .offsetSyncsProducer: offsetSyncs.producer
        case .offsetSyncsAdmin: offsetSyncs.admin
        }
    }

    /// The key of the file that a client's property comes from.
    package func origin(of property: String, in client: Client) -> String? { origins[client]?[property] }

    /// The cluster that a client talks to.
    package func alias(of client: Client) -> String {
        switch client {
        case .sourceConsumer, .sourceAdmin: sourceAlias
        case .targetProducer, .targetAdmin: targetAlias
        case .offsetSyncsProducer, .offsetSyncsAdmin: offsetSyncs.isAtTarget ? targetAlias : sourceAlias
        }
    }

    package var name: String { pair.description }
    /// Whether heartbeats go to the target; a cluster without an address, which no flow needs, gets none.
    package var sendsHeartbeats: Bool {
        heartbeats.isEnabled && !(targetProducer["bootstrap.servers"] ?? "").isEmpty
    }
    package var sourceAlias: String { pair.source }
    package var targetAlias: String { pair.target }
    package var policy: ReplicationPolicy { selection.policy }
}

extension FlowConfiguration {
    /// Takes the settings of a flow; values that are wrong have been reported and count as defaults here.
    init(
        pair: PropertyResolution.Pair,
        source: ConnectorSettings,
        checkpoint: ConnectorSettings,
        heartbeat: ConnectorSettings,
        worker: WorkerSettings,
        own: OwnSettings
    ) throws(NamePattern.SyntaxError) {
        self.pair = pair
        self.isEnabled = source.isEnabled
        self.selection = TopicSelection(
            sourceAlias: pair.source,
            targetAlias: pair.target,
            policy: source.policy,
            filter: try NameFilter(include: source.list("topics"), exclude: source.list("topics.exclude")),
            alwaysMirrorsHeartbeats: source.properties["heartbeats.replication.enabled"]
                .map { $0.trimmedAsJava.lowercased() != "false" } ?? true
        )
        self.configFilter = ConfigPropertyFilter(
            exclude: try NamePattern(source.list("config.properties.exclude")),
            defaultsFrom: source.properties["use.defaults.from"] ?? "target"
        )
        self.connectorName = source.text("name") ?? ConnectorKind.source.rawValue

        let refreshInterval = source.interval("refresh.topics")
        self.refreshesTopics = refreshInterval > 0
        // MirrorMaker's ten minutes are a default for its costly way of looking; a shorter wish is granted.
        let ownInterval = own.number("kafka.mirror.discovery.interval.ms") ?? 2000
        self.discoveryIntervalMs = refreshInterval > 0 ? min(ownInterval, refreshInterval) : ownInterval
        self.topicReplicationFactor = ReplicationFactor(
            value: Int16(clamping: source.number("replication.factor") ?? 2),
            isExplicit: source.properties["replication.factor"] != nil
        )
        self.progressTopic = worker.progressTopic
        self.progressIntervalMs = worker.number("offset.flush.interval.ms") ?? 1000
        self.memoryBytes = Int(clamping: own.number("kafka.mirror.memory.bytes") ?? 67_108_864)
        self.heartbeats = HeartbeatSettings(heartbeat)
        self.checkpoints = try CheckpointSettings(checkpoint, own: own)
        self.offsetSyncs = OffsetSyncSettings(source, pair: pair)
        self.integrity = IntegrityPolicies(own: own)
        self.ledgerReplicationFactor = worker.progressTopic.replicationFactor

        let consumer = source.clientMap(.sourceConsumer)
        let sourceAdmin = source.clientMap(.sourceAdmin)
        let targetAdmin = source.clientMap(.targetAdmin)
        self.startOffset = StartOffset(rawValue: consumer["auto.offset.reset"] ?? "") ?? .earliest
        self.isReadCommitted = consumer["isolation.level"] != "read_uncommitted"
        self.exactlyOnce = ExactlyOnceSettings(source: source, worker: worker, connectorName: connectorName)
        self.openTransactionPatienceMs = own.number("kafka.mirror.open.transaction.warning.ms") ?? 60_000
        self.sourceConsumer = consumer.values
        self.sourceAdmin = sourceAdmin.values
        self.targetAdmin = targetAdmin.values

        var producer = worker.properties.stripped(of: "producer.")
        producer.overwrite(with: source.properties.stripped(of: "producer.override."))
        producer.setIfAbsent("bootstrap.servers", worker.properties["bootstrap.servers"] ?? "")
        producer.setIfAbsent("client.id", "connector-producer-\(connectorName)-0")
        self.targetProducer = producer.values
        self.origins = [
            .sourceConsumer: consumer.origins, .sourceAdmin: sourceAdmin.origins, .targetProducer: producer.origins,
            .targetAdmin: targetAdmin.origins, .offsetSyncsProducer: source.clientMap(.offsetSyncsProducer).origins,
            .offsetSyncsAdmin: source.clientMap(.offsetSyncsAdmin).origins,
        ]
    }
}

/// The settings of the process that runs a flow, typed, with defaults.
struct WorkerSettings {
    let properties: PropertyMap
    let problems: [(key: String, problem: ConfigKey.InvalidValue)]
    private let values: [String: String]

    init(properties: PropertyMap) {
        self.properties = properties
        var values: [String: String] = [:]
        var problems: [(key: String, problem: ConfigKey.InvalidValue)] = []
        for key in ConfigKey.worker {
            guard let text = properties[key.name] else {
                values[key.name] = key.defaultValue
                continue
            }
            do throws(ConfigKey.InvalidValue) {
                let value = try key.canonical(text)
                values[key.name] = value
                try key.check(value)
            } catch {
                problems.append((key.name, error))
            }
        }
        self.values = values
        self.problems = problems
    }

    func text(_ key: String) -> String? { values[key] }
    func number(_ key: String) -> Int64? { values[key].flatMap { Int64($0) } }

    var progressTopic: FlowConfiguration.ProgressTopic {
        let known = ["topic", "partitions", "replication.factor", "cleanup.policy"]
        return FlowConfiguration.ProgressTopic(
            name: TopicName(text("offset.storage.topic") ?? ""),
            partitions: Int32(clamping: number("offset.storage.partitions") ?? 25),
            replicationFactor: FlowConfiguration.ReplicationFactor(
                value: Int16(clamping: number("offset.storage.replication.factor") ?? 3),
                isExplicit: properties["offset.storage.replication.factor"] != nil
            ),
            configs: properties.stripped(of: "offset.storage.").filtered { !known.contains($0) }.values
        )
    }
}

/// Our own keys, as one flow sees them: its own setting before the one at the top level.
struct OwnSettings {
    let problems: [(key: String, origin: String, problem: ConfigKey.InvalidValue)]
    private let values: [String: String]

    init(resolution: PropertyResolution, pair: PropertyResolution.Pair) {
        var values: [String: String] = [:]
        var problems: [(key: String, origin: String, problem: ConfigKey.InvalidValue)] = []
        for key in ConfigKey.own {
            values[key.name] = key.defaultValue
            for origin in ["\(pair).\(key.name)", key.name] {
                guard let text = resolution.resolved[origin] else { continue }
                do throws(ConfigKey.InvalidValue) {
                    let value = try key.canonical(text)
                    try key.check(value)
                    values[key.name] = value
                } catch {
                    problems.append((key.name, origin, error))
                }
                break
            }
        }
        self.values = values
        self.problems = problems
    }

    func number(_ key: String) -> Int64? { values[key].flatMap { Int64($0) } }
    func flag(_ key: String) -> Bool { values[key] == "true" }
    func text(_ key: String) -> String? { values[key] }
}
