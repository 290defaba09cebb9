/// Whether and how often a flow says at the target that it is alive.
package struct HeartbeatSettings: Sendable {
    package let isEnabled: Bool
    package let intervalMs: Int64
    package let topicReplicationFactor: FlowConfiguration.ReplicationFactor

    init(_ settings: ConnectorSettings) {
        let interval = settings.interval("emit.heartbeats")
        self.isEnabled = interval > 0
        self.intervalMs = max(interval, 1)
        self.topicReplicationFactor = settings.replicationFactor("heartbeats.topic.replication.factor")
    }
}

/// Which groups have their offsets translated, how often, and whether the target's groups get them.
package struct CheckpointSettings: Sendable {
    /// Whether checkpoints are written.
    package let isEnabled: Bool
    /// Milliseconds between two looks at the groups' offsets.
    package let intervalMs: Int64
    /// The file says nothing about the interval, so that many groups may make it longer.
    package let isIntervalFlexible: Bool
    /// Whether groups that appear after the start are found.
    package let refreshesGroups: Bool
    /// Milliseconds between two lists of groups.
    package let refreshIntervalMs: Int64
    package let groups: NameFilter
    /// Whether groups without members at the target get the translated offsets.
    package let syncsGroupOffsets: Bool
    package let syncIntervalMs: Int64
    /// Whether what a group has read in mirrored topics of the source counts for the originals at the target.
    package let translatesBack: Bool
    package let topicReplicationFactor: FlowConfiguration.ReplicationFactor

    /// MirrorMaker's minute is a default for its costly way of looking.
    private static let defaultIntervalMs: Int64 = 5000

    init(_ settings: ConnectorSettings, own: OwnSettings) throws(NamePattern.SyntaxError) {
        func interval(_ job: String) -> Int64 {
            let value = settings.interval(job)
            return value > 0 && settings.properties[job + ".interval.seconds"] == nil ? Self.defaultIntervalMs : value
        }
        let emission = interval("emit.checkpoints")
        let sync = interval("sync.group.offsets")
        let refresh = settings.interval("refresh.groups")
        self.isEnabled = settings.isEnabled && emission > 0
        self.intervalMs = max(emission, 1)
        self.isIntervalFlexible = settings.properties["emit.checkpoints.interval.seconds"] == nil
        self.refreshesGroups = refresh > 0
        // A list of groups costs little: without a word in the file it is as fresh as the offsets.
        self.refreshIntervalMs =
            settings.properties["refresh.groups.interval.seconds"] == nil
            ? min(max(refresh, 1), max(emission, 1)) : max(refresh, 1)
        self.groups = try NameFilter(include: settings.list("groups"), exclude: settings.list("groups.exclude"))
        self.syncsGroupOffsets = sync > 0
        self.syncIntervalMs = max(sync, 1)
        self.translatesBack = own.flag("kafka.mirror.reverse.checkpoints.enabled")
        self.topicReplicationFactor = settings.replicationFactor("checkpoints.topic.replication.factor")
    }
}

extension ConnectorSettings {
    func replicationFactor(_ key: String) -> FlowConfiguration.ReplicationFactor {
        FlowConfiguration.ReplicationFactor(
            value: Int16(clamping: number(key) ?? 3),
            isExplicit: properties[key] != nil
        )
    }
}
