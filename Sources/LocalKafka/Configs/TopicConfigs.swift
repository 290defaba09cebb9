/// The topic configs of Kafka 3.9 with their defaults.
package enum TopicConfigs {
    package static let definitions: [ConfigDefinition] = [
        ConfigDefinition(
            "cleanup.policy",
            .list,
            "delete",
            broker: "log.cleanup.policy",
            allowed: ["compact", "delete"]
        ),
        ConfigDefinition("compression.gzip.level", .int, "-1", broker: "compression.gzip.level"),
        ConfigDefinition("compression.lz4.level", .int, "9", broker: "compression.lz4.level"),
        ConfigDefinition(
            "compression.type",
            .string,
            "producer",
            broker: "compression.type",
            allowed: ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]
        ),
        ConfigDefinition("compression.zstd.level", .int, "3", broker: "compression.zstd.level"),
        ConfigDefinition(
            "delete.retention.ms",
            .long,
            "86400000",
            broker: "log.cleaner.delete.retention.ms",
            minimum: 0
        ),
        ConfigDefinition("file.delete.delay.ms", .long, "60000", broker: "log.segment.delete.delay.ms", minimum: 0),
        ConfigDefinition(
            "flush.messages",
            .long,
            "9223372036854775807",
            broker: "log.flush.interval.messages",
            minimum: 1
        ),
        ConfigDefinition("flush.ms", .long, "9223372036854775807", broker: "log.flush.interval.ms", minimum: 0),
        ConfigDefinition("follower.replication.throttled.replicas", .list, ""),
        ConfigDefinition("index.interval.bytes", .int, "4096", broker: "log.index.interval.bytes", minimum: 0),
        ConfigDefinition("leader.replication.throttled.replicas", .list, ""),
        ConfigDefinition("local.retention.bytes", .long, "-2", broker: "log.local.retention.bytes", minimum: -2),
        ConfigDefinition("local.retention.ms", .long, "-2", broker: "log.local.retention.ms", minimum: -2),
        ConfigDefinition(
            "max.compaction.lag.ms",
            .long,
            "9223372036854775807",
            broker: "log.cleaner.max.compaction.lag.ms",
            minimum: 1
        ),
        ConfigDefinition("max.message.bytes", .int, "1048588", broker: "message.max.bytes", minimum: 0),
        ConfigDefinition(
            "message.downconversion.enable",
            .boolean,
            "true",
            broker: "log.message.downconversion.enable"
        ),
        ConfigDefinition("message.format.version", .string, "3.0-IV1", broker: "log.message.format.version"),
        ConfigDefinition(
            "message.timestamp.after.max.ms",
            .long,
            "9223372036854775807",
            broker: "log.message.timestamp.after.max.ms",
            minimum: 0
        ),
        ConfigDefinition(
            "message.timestamp.before.max.ms",
            .long,
            "9223372036854775807",
            broker: "log.message.timestamp.before.max.ms",
            minimum: 0
        ),
        ConfigDefinition(
            "message.timestamp.difference.max.ms",
            .long,
            "9223372036854775807",
            broker: "log.message.timestamp.difference.max.ms",
            minimum: 0
        ),
        ConfigDefinition(
            "message.timestamp.type",
            .string,
            "CreateTime",
            broker: "log.message.timestamp.type",
            allowed: ["CreateTime", "LogAppendTime"]
        ),
        ConfigDefinition("min.cleanable.dirty.ratio", .double, "0.5", broker: "log.cleaner.min.cleanable.ratio"),
        ConfigDefinition("min.compaction.lag.ms", .long, "0", broker: "log.cleaner.min.compaction.lag.ms", minimum: 0),
        ConfigDefinition("min.insync.replicas", .int, "1", broker: "min.insync.replicas", minimum: 1),
        ConfigDefinition("preallocate", .boolean, "false", broker: "log.preallocate"),
        ConfigDefinition("remote.log.copy.disable", .boolean, "false"),
        ConfigDefinition("remote.log.delete.on.disable", .boolean, "false"),
        ConfigDefinition("remote.storage.enable", .boolean, "false"),
        ConfigDefinition("retention.bytes", .long, "-1", broker: "log.retention.bytes"),
        ConfigDefinition("retention.ms", .long, "604800000", broker: "log.retention.ms", minimum: -1),
        ConfigDefinition("segment.bytes", .int, "1073741824", broker: "log.segment.bytes", minimum: 14),
        ConfigDefinition("segment.index.bytes", .int, "10485760", broker: "log.index.size.max.bytes", minimum: 4),
        ConfigDefinition("segment.jitter.ms", .long, "0", broker: "log.roll.jitter.ms", minimum: 0),
        ConfigDefinition("segment.ms", .long, "604800000", broker: "log.roll.ms", minimum: 1),
        ConfigDefinition(
            "unclean.leader.election.enable",
            .boolean,
            "false",
            broker: "unclean.leader.election.enable"
        ),
    ]

    package static let byName: [String: ConfigDefinition] = Dictionary(
        uniqueKeysWithValues: definitions.map { ($0.name, $0) }
    )

    /// What is wrong with a set of overrides; `nil` when nothing is.
    package static func complaint(about configs: [String: String]) -> String? {
        for (name, value) in configs.sorted(by: { $0.key < $1.key }) {
            guard let definition = self.byName[name] else { return "Unknown topic config name: \(name)" }
            if let complaint = definition.complaint(about: value) { return complaint }
        }
        return nil
    }
}
