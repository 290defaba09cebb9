/// The broker configs that clients look at, with their defaults.
package enum BrokerConfigs {
    /// Configs a broker has besides the defaults of topic configs.
    private static let own: [ConfigDefinition] = [
        ConfigDefinition("advertised.listeners", .string, nil, isReadOnly: true),
        ConfigDefinition("auto.create.topics.enable", .boolean, "true", isReadOnly: true),
        ConfigDefinition("auto.leader.rebalance.enable", .boolean, "true", isReadOnly: true),
        ConfigDefinition("background.threads", .int, "10", minimum: 1),
        ConfigDefinition("broker.id", .int, "-1", isReadOnly: true),
        ConfigDefinition("broker.rack", .string, nil, isReadOnly: true),
        ConfigDefinition("connections.max.idle.ms", .long, "600000", isReadOnly: true),
        ConfigDefinition("connections.max.reauth.ms", .long, "0", isReadOnly: true),
        ConfigDefinition("default.replication.factor", .int, "1", isReadOnly: true),
        ConfigDefinition("delete.topic.enable", .boolean, "true", isReadOnly: true),
        ConfigDefinition("fetch.max.bytes", .int, "57671680", isReadOnly: true),
        ConfigDefinition("group.initial.rebalance.delay.ms", .int, "3000", isReadOnly: true),
        ConfigDefinition("group.max.session.timeout.ms", .int, "1800000", isReadOnly: true),
        ConfigDefinition("group.min.session.timeout.ms", .int, "6000", isReadOnly: true),
        ConfigDefinition("inter.broker.protocol.version", .string, "3.9-IV0", isReadOnly: true),
        ConfigDefinition("listeners", .string, "PLAINTEXT://:9092"),
        ConfigDefinition("log.retention.hours", .int, "168", isReadOnly: true),
        ConfigDefinition("log.retention.minutes", .int, nil, isReadOnly: true),
        ConfigDefinition("max.connections", .int, "2147483647", minimum: 0),
        ConfigDefinition("node.id", .int, "-1", isReadOnly: true),
        ConfigDefinition("num.io.threads", .int, "8", minimum: 1),
        ConfigDefinition("num.network.threads", .int, "3", minimum: 1),
        ConfigDefinition("num.partitions", .int, "1", isReadOnly: true),
        ConfigDefinition("num.replica.fetchers", .int, "1", minimum: 1),
        ConfigDefinition("offsets.retention.minutes", .int, "10080", isReadOnly: true),
        ConfigDefinition("offsets.topic.num.partitions", .int, "50", isReadOnly: true),
        ConfigDefinition("offsets.topic.replication.factor", .short, "3", isReadOnly: true),
        ConfigDefinition("process.roles", .list, "", isReadOnly: true),
        ConfigDefinition("replica.lag.time.max.ms", .long, "30000", isReadOnly: true),
        ConfigDefinition("replica.selector.class", .string, nil, isReadOnly: true),
        ConfigDefinition("socket.request.max.bytes", .int, "104857600", isReadOnly: true),
        ConfigDefinition("ssl.keystore.password", .password, nil),
        ConfigDefinition("super.users", .string, nil, isReadOnly: true),
        ConfigDefinition("transaction.max.timeout.ms", .int, "900000", isReadOnly: true),
        ConfigDefinition("transactional.id.expiration.ms", .int, "604800000", isReadOnly: true),
    ]

    package static let definitions: [ConfigDefinition] =
        (own
        + TopicConfigs.definitions.compactMap { definition in
            definition.brokerName.map { name in
                var copy = definition
                copy.name = name
                copy.brokerName = nil
                return copy
            }
        }).sorted { $0.name < $1.name }

    package static let byName: [String: ConfigDefinition] = Dictionary(
        uniqueKeysWithValues: definitions.map { ($0.name, $0) }
    )
}
