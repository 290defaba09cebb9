/// The three parts of a flow that MirrorMaker 2 runs as connectors.
package enum ConnectorKind: String, Sendable, CaseIterable {
    case source = "MirrorSourceConnector"
    case heartbeat = "MirrorHeartbeatConnector"
    case checkpoint = "MirrorCheckpointConnector"

    /// The Java class whose place this part takes.
    package var className: String { "org.apache.kafka.connect.mirror.\(rawValue)" }

    /// All keys of this part.
    package var keys: [ConfigKey] {
        switch self {
        case .source: ConfigKey.common + ConfigKey.source
        case .heartbeat: ConfigKey.common + ConfigKey.heartbeat
        case .checkpoint: ConfigKey.common + ConfigKey.checkpoint
        }
    }
}

extension ConfigKey {
    /// Names of all keys of the three parts.
    package static let connectorNames = Set(ConnectorKind.allCases.flatMap(\.keys).map(\.name))

    /// Keys of parts that this version does not have: the synchronisation of topic settings and access lists.
    static let withoutEffectYet: Set<String> = [
        "sync.topic.configs.enabled", "sync.topic.configs.interval.seconds", "sync.topic.acls.enabled",
        "sync.topic.acls.interval.seconds", "use.incremental.alter.configs",
    ]

    static let mirrorPackage = "org.apache.kafka.connect.mirror."
    private static let byteArrayConverter = Rule.builtInClass([
        "org.apache.kafka.connect.converters.ByteArrayConverter"
    ])

    /// Keys of all three parts.
    static let common: [ConfigKey] =
        [
            ConfigKey("name", .string, nil, .identifier),
            ConfigKey("connector.class", .string),
            ConfigKey("tasks.max", .int, "1", .atLeast(1), note: "work is spread over all threads without it"),
            ConfigKey("tasks.max.enforce", .boolean, "true"),
            ConfigKey("key.converter", .pluginClass, nil, byteArrayConverter),
            ConfigKey("value.converter", .pluginClass, nil, byteArrayConverter),
            ConfigKey("header.converter", .pluginClass, nil, byteArrayConverter),
            ConfigKey("transforms", .list, "", .empty("remove it: records are copied unchanged")),
            ConfigKey("predicates", .list, "", .empty("remove it: there are no transforms to guard")),
            ConfigKey("config.action.reload", .string, "restart", .oneOf(["none", "restart"])),
            ConfigKey("errors.retry.timeout", .long, "0"),
            ConfigKey("errors.retry.delay.max.ms", .long, "60000"),
            ConfigKey("errors.tolerance", .string, "none", .oneOf(["none", "all"])),
            ConfigKey("errors.log.enable", .boolean, "false"),
            ConfigKey("errors.log.include.messages", .boolean, "false"),
            ConfigKey("enabled", .boolean, "true"),
            ConfigKey("source.cluster.alias", .string),
            ConfigKey("target.cluster.alias", .string, "target"),
            ConfigKey(
                "replication.policy.class",
                .pluginClass,
                mirrorPackage + "DefaultReplicationPolicy",
                .builtInClass([
                    mirrorPackage + "DefaultReplicationPolicy", mirrorPackage + "IdentityReplicationPolicy",
                ])
            ),
            ConfigKey("replication.policy.separator", .string, "."),
            ConfigKey("replication.policy.internal.topic.separator.enabled", .boolean, "true"),
            ConfigKey("admin.timeout.ms", .long, "60000"),
            ConfigKey(
                "forwarding.admin.class",
                .pluginClass,
                "org.apache.kafka.clients.admin.ForwardingAdmin",
                .builtInClass(["org.apache.kafka.clients.admin.ForwardingAdmin"])
            ),
            ConfigKey("metric.reporters", .list, nil, .any, note: "there is no JMX here"),
            ConfigKey("auto.include.jmx.reporter", .boolean, "true", .any, note: "there is no JMX here"),
            ConfigKey("security.protocol", .string, "PLAINTEXT", .oneOfIgnoringCase(securityProtocols)),
        ] + tls + sasl

    /// Keys of the part that copies records.
    static let source: [ConfigKey] = [
        ConfigKey("topics", .list, ".*", .regexes),
        ConfigKey("topics.exclude", .list, ".*[\\-\\.]internal,.*\\.replica,__.*", .regexes),
        ConfigKey("topics.blacklist", .list, nil, .regexes, note: "write topics.exclude"),
        topicFilterClass,
        ConfigKey(
            "config.properties.exclude",
            .list,
            ConfigPropertyFilter.defaultExclude.joined(separator: ","),
            .regexes
        ),
        ConfigKey("config.properties.blacklist", .list, nil, .regexes, note: "write config.properties.exclude"),
        ConfigKey(
            "config.property.filter.class",
            .pluginClass,
            mirrorPackage + "DefaultConfigPropertyFilter",
            .builtInClass([mirrorPackage + "DefaultConfigPropertyFilter"])
        ),
        ConfigKey("consumer.poll.timeout.ms", .long, "1000"),
        ConfigKey("refresh.topics.enabled", .boolean, "true"),
        ConfigKey("refresh.topics.interval.seconds", .long, "600", .interval),
        ConfigKey("sync.topic.configs.enabled", .boolean, "true"),
        ConfigKey("sync.topic.configs.interval.seconds", .long, "600", .interval),
        ConfigKey("sync.topic.acls.enabled", .boolean, "true"),
        ConfigKey("sync.topic.acls.interval.seconds", .long, "600", .interval),
        ConfigKey("use.incremental.alter.configs", .string, "requested", .oneOf(["requested", "required", "never"])),
        ConfigKey("replication.factor", .int, "2", .countOrBrokerDefault),
        ConfigKey("offset-syncs.topic.replication.factor", .short, "3", .countOrBrokerDefault),
        offsetSyncsTopicLocation,
        ConfigKey("offset.lag.max", .long, "100"),
        ConfigKey("emit.offset-syncs.enabled", .boolean, "true"),
        ConfigKey("add.source.alias.to.metrics", .boolean, "false"),
    ]

    /// Keys of the part that copies consumer group offsets.
    static let checkpoint: [ConfigKey] = [
        ConfigKey("groups", .list, ".*", .regexes),
        ConfigKey("groups.exclude", .list, "console-consumer-.*,connect-.*,__.*", .regexes),
        ConfigKey("groups.blacklist", .list, nil, .regexes, note: "write groups.exclude"),
        ConfigKey(
            "group.filter.class",
            .pluginClass,
            mirrorPackage + "DefaultGroupFilter",
            .builtInClass([mirrorPackage + "DefaultGroupFilter"])
        ),
        topicFilterClass,
        ConfigKey("refresh.groups.enabled", .boolean, "true"),
        ConfigKey("refresh.groups.interval.seconds", .long, "600", .interval),
        ConfigKey("emit.checkpoints.enabled", .boolean, "true"),
        ConfigKey("emit.checkpoints.interval.seconds", .long, "60", .interval),
        ConfigKey("sync.group.offsets.enabled", .boolean, "false"),
        ConfigKey("sync.group.offsets.interval.seconds", .long, "60", .interval),
        ConfigKey("checkpoints.topic.replication.factor", .short, "3", .countOrBrokerDefault),
        offsetSyncsTopicLocation,
        ConfigKey("consumer.poll.timeout.ms", .long, "1000"),
    ]

    /// Keys of the part that writes heartbeats.
    static let heartbeat: [ConfigKey] = [
        ConfigKey("emit.heartbeats.enabled", .boolean, "true"),
        ConfigKey("emit.heartbeats.interval.seconds", .long, "1", .interval),
        ConfigKey("heartbeats.topic.replication.factor", .short, "3", .countOrBrokerDefault),
    ]

    private static let topicFilterClass = ConfigKey(
        "topic.filter.class",
        .pluginClass,
        mirrorPackage + "DefaultTopicFilter",
        .builtInClass([mirrorPackage + "DefaultTopicFilter"])
    )

    private static let offsetSyncsTopicLocation = ConfigKey(
        "offset-syncs.topic.location",
        .string,
        "source",
        .oneOf(["source", "target"])
    )
}
