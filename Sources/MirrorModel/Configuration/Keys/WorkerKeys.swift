extension ConfigKey {
    /// Keys of the process that runs a flow: `TARGET.key`, or at the top level for the families below.
    package static let worker: [ConfigKey] = [
        ConfigKey("group.id", .string),
        ConfigKey("client.id", .string),
        ConfigKey("offset.flush.interval.ms", .long, "1000", .atLeast(1), note: "1 s instead of MirrorMaker's 60 s"),
        ConfigKey("offset.flush.timeout.ms", .long, "5000"),
        ConfigKey("offset.storage.topic", .string, nil, .identifier),
        ConfigKey("offset.storage.partitions", .int, "25", .countOrBrokerDefault),
        ConfigKey("offset.storage.replication.factor", .short, "3", .countOrBrokerDefault),
        ConfigKey("config.storage.topic", .string, nil, .identifier),
        ConfigKey("config.storage.replication.factor", .short, "3", .countOrBrokerDefault),
        ConfigKey("status.storage.topic", .string, nil, .identifier),
        ConfigKey("status.storage.partitions", .int, "5", .countOrBrokerDefault),
        ConfigKey("status.storage.replication.factor", .short, "3", .countOrBrokerDefault),
        ConfigKey(
            "exactly.once.source.support",
            .string,
            "disabled",
            .oneOfIgnoringCase(["disabled", "preparing", "enabled"]),
            note: "one owner of the whole flow per process; no REST server is needed"
        ),
        ConfigKey("session.timeout.ms", .int, "10000"),
        ConfigKey("heartbeat.interval.ms", .int, "3000"),
        ConfigKey("rebalance.timeout.ms", .int, "60000"),
        ConfigKey("scheduled.rebalance.max.delay.ms", .int, "300000"),
        ConfigKey("worker.sync.timeout.ms", .int, "3000"),
        ConfigKey("worker.unsync.backoff.ms", .int, "300000"),
        ConfigKey("task.shutdown.graceful.timeout.ms", .long, "5000"),
        ConfigKey("connect.protocol", .string, "sessioned", .oneOf(["eager", "compatible", "sessioned"])),
        ConfigKey("inter.worker.key.ttl.ms", .int, "3600000"),
        ConfigKey("inter.worker.key.size", .int),
        ConfigKey("inter.worker.key.generation.algorithm", .string, "HmacSHA256"),
        ConfigKey("inter.worker.signature.algorithm", .string, "HmacSHA256"),
        ConfigKey("inter.worker.verification.algorithms", .list, "HmacSHA256"),
        ConfigKey("topic.creation.enable", .boolean, "true"),
        ConfigKey("topic.tracking.enable", .boolean, "true"),
        ConfigKey("topic.tracking.allow.reset", .boolean, "true"),
        ConfigKey("metrics.num.samples", .int, "2"),
        ConfigKey("metrics.recording.level", .string, "INFO"),
        ConfigKey("metrics.sample.window.ms", .long, "30000"),
        ConfigKey("request.timeout.ms", .int, "40000"),
        ConfigKey("retry.backoff.ms", .long, "100"),
        ConfigKey("retry.backoff.max.ms", .long, "1000"),
        ConfigKey("reconnect.backoff.ms", .long, "50"),
        ConfigKey("reconnect.backoff.max.ms", .long, "1000"),
        ConfigKey("metadata.max.age.ms", .long, "300000"),
        ConfigKey("client.dns.lookup", .string, "use_all_dns_ips"),
        ConfigKey("connections.max.idle.ms", .long, "540000"),
        ConfigKey("send.buffer.bytes", .int, "131072"),
        ConfigKey("receive.buffer.bytes", .int, "32768"),
        ConfigKey("plugin.path", .list),
        ConfigKey("plugin.discovery", .string),
        ConfigKey("key.converter", .pluginClass),
        ConfigKey("value.converter", .pluginClass),
        ConfigKey("header.converter", .pluginClass),
    ]

    /// Beginnings of keys that a flow's process takes from the top level, even over `TARGET.key`.
    package static let workerFamilies = [
        "offset.storage", "config.storage", "status.storage", "key.converter", "value.converter", "header.converter",
        "task", "worker", "replication.policy",
    ]

    /// Keys that the whole process reads at the top level.
    package static let driver: [ConfigKey] = [
        ConfigKey("clusters", .list),
        ConfigKey("config.providers", .list, ""),
        ConfigKey("dedicated.mode.enable.internal.rest", .boolean, "false", note: "nodes need no connection here"),
        ConfigKey("listeners", .list, nil, note: "there is no internal REST server here"),
        ConfigKey("rest.advertised.host.name", .string),
        ConfigKey("rest.advertised.port", .int),
        ConfigKey("rest.advertised.listener", .string),
        ConfigKey("admin.listeners", .list),
        ConfigKey("access.control.allow.origin", .string),
        ConfigKey("access.control.allow.methods", .string),
        ConfigKey("response.http.headers.config", .string),
        ConfigKey("ssl.client.auth", .string, "none", .oneOf(["required", "requested", "none"])),
    ]

    /// Keys of a flow that Kafka Connect knows without their being in a connector's list.
    package static let connect: [ConfigKey] = [
        ConfigKey("use.defaults.from", .string, "target"),
        ConfigKey("exactly.once.support", .string, "requested", .oneOfIgnoringCase(["requested", "required"])),
        ConfigKey("transaction.boundary", .string, "poll", .oneOfIgnoringCase(["poll", "interval", "connector"])),
        ConfigKey("transaction.boundary.interval.ms", .long, nil, .atLeast(0)),
        ConfigKey(
            "offsets.storage.topic",
            .string,
            nil,
            .empty("write TARGET.offset.storage.topic, which names the topic of progress for all flows into TARGET")
        ),
        ConfigKey("topic.creation.groups", .list),
        ConfigKey("heartbeats.replication.enabled", .boolean, "true"),
    ]

    /// Our own keys, at the top level or, but for threads, as `SOURCE->TARGET.key`.
    package static let own: [ConfigKey] =
        [
            ConfigKey(
                "kafka.mirror.threads",
                .int,
                nil,
                .between(1, 256),
                note: "threads that move records; one for two cores"
            ),
            ConfigKey(
                "kafka.mirror.memory.bytes",
                .long,
                "67108864",
                .atLeast(4_194_304),
                note: "records a flow may hold between its clusters"
            ),
            ConfigKey(
                "kafka.mirror.discovery.interval.ms",
                .long,
                "2000",
                .atLeast(100),
                note: "pause between looks for new topics and partitions"
            ),
            ConfigKey(
                "kafka.mirror.reverse.checkpoints.enabled",
                .boolean,
                "false",
                note: "what groups of the source have read in mirrored topics counts for the originals at the target"
            ),
            ConfigKey(
                "kafka.mirror.open.transaction.warning.ms",
                .long,
                "60000",
                .atLeast(100),
                note: "an open transaction of the source that holds a partition up for longer is told"
            ),
        ] + integrity

    /// What to do when a copy turns out to differ, one key for each kind of finding.
    private static let integrity = GapKind.allCases.compactMap { kind in
        kind.key.map {
            ConfigKey(
                $0,
                .string,
                kind.defaultPolicy.rawValue,
                .integrity,
                note: "continue, pause or fail, and for some topics another: continue; orders\\..* = pause"
            )
        }
    }
}
