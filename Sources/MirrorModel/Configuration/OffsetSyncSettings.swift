package import KafkaProtocol

/// Whether, where and how often offset syncs are written.
package struct OffsetSyncSettings: Sendable {
    package let isEnabled: Bool
    /// At the target, or at the source as is MirrorMaker's default.
    package let isAtTarget: Bool
    package let topic: TopicName
    package let topicReplicationFactor: FlowConfiguration.ReplicationFactor
    /// How far the target's offsets go on without a sync.
    package let offsetLagMax: Int64
    /// Properties of the clients, as Java's clients would get them.
    package let producer: [String: String]
    package let admin: [String: String]

    init(_ settings: ConnectorSettings, pair: PropertyResolution.Pair) {
        self.isEnabled = settings.isEnabled && settings.flag("emit.offset-syncs.enabled")
        self.isAtTarget = settings.isOffsetSyncsTopicAtTarget
        self.topic = settings.policy.offsetSyncsTopic(
            of: settings.isOffsetSyncsTopicAtTarget ? pair.source : pair.target
        )
        self.topicReplicationFactor = settings.replicationFactor("offset-syncs.topic.replication.factor")
        self.offsetLagMax = settings.number("offset.lag.max") ?? 100
        self.producer = settings.client(.offsetSyncsProducer)
        self.admin = settings.client(.offsetSyncsAdmin)
    }
}
