/// Checks of what concerns one flow.
extension ConfigurationReader {
    /// MirrorMaker lets a flow call its clusters otherwise than the file does; names of topics and of progress would
    /// be others then.
    mutating func checkAliases(_ source: ConnectorSettings) {
        for (key, alias) in [
            ("source.cluster.alias", source.pair.source), ("target.cluster.alias", source.pair.target),
        ] {
            guard let value = source.properties[key]?.trimmedAsJava, !value.utf8.elementsEqual(alias.utf8) else {
                continue
            }
            report(
                .error,
                source.properties.origin(of: key),
                value: value,
                reason: "gives cluster \(alias) another name than `clusters` does",
                nextStep: "remove it, or use that name in `clusters`"
            )
        }
    }

    mutating func checkAcrossKeys(_ source: ConnectorSettings, _ worker: WorkerSettings) {
        let pair = source.pair
        if source.text("emit.offset-syncs.enabled") == "false" {
            for key in source.properties.keys.sorted() where key.hasBytePrefix("offset-syncs") {
                report(
                    .error,
                    source.properties.origin(of: key) ?? "\(pair).\(key)",
                    reason: "says where offset syncs go, but emit.offset-syncs.enabled is false",
                    nextStep: "remove one of the two"
                )
            }
        }
        checkTransactions(source, worker)
        for client in ["consumer.", "producer.", "admin."] where pair.source.hasBytePrefix(client) {
            report(
                .warning,
                "clusters",
                reason: "has a name that begins as keys of clients do",
                nextStep: "choose another name"
            )
        }
    }

    mutating func checkTransactions(_ source: ConnectorSettings, _ worker: WorkerSettings) {
        let pair = source.pair
        let support = ExactlyOnceSettings.support(worker)
        var consumer = source.properties.stripped(of: "consumer.")
        consumer.overwrite(with: source.properties.stripped(of: "source.consumer."))
        let isUncommitted = consumer["isolation.level"]?.trimmedAsJava == "read_uncommitted"
        if source.properties["exactly.once.support"]?.trimmedAsJava.lowercased() == "required" {
            if support != "enabled" {
                report(
                    .error,
                    source.properties.origin(of: "exactly.once.support"),
                    value: "required",
                    reason: "asks for transactions, which \(pair.target).exactly.once.source.support does not enable",
                    nextStep: "write \(pair.target).exactly.once.source.support = enabled"
                )
            } else if isUncommitted {
                report(
                    .error,
                    consumer.origin(of: "isolation.level"),
                    value: "read_uncommitted",
                    reason: "has aborted records mirrored, but exactly.once.support is required",
                    nextStep: "write isolation.level = read_committed, or leave it out"
                )
            }
        }
        for (key, properties) in [
            ("transaction.boundary", source.properties), ("transaction.boundary", worker.properties),
        ]
        where properties[key]?.trimmedAsJava.lowercased() == "connector" {
            report(
                .error,
                properties.origin(of: key),
                value: "connector",
                reason: "leaves the transactions to a connector, which MirrorMaker's cannot define",
                nextStep: "write poll or interval"
            )
        }
        if support == "preparing" {
            report(
                .warning,
                worker.properties.origin(of: "exactly.once.source.support"),
                value: support,
                reason: "writes no transactions yet, as with MirrorMaker",
                nextStep: "write enabled: nothing has to be prepared here"
            )
        }
    }

    mutating func checkGroups(_ checkpoint: ConnectorSettings) {
        guard checkpoint.text("emit.checkpoints.enabled") == "false", checkpoint.flag("sync.group.offsets.enabled")
        else { return }
        report(
            .error,
            checkpoint.properties.origin(of: "sync.group.offsets.enabled"),
            reason: "asks for translated offsets at the target, but emit.checkpoints.enabled is false",
            nextStep: "remove one of the two"
        )
    }

    /// Checks the client properties whose meaning decides what is copied.
    mutating func checkClients(_ source: ConnectorSettings, _ worker: WorkerSettings) {
        let keys = [
            ConfigKey("isolation.level", .string, nil, .oneOf(["read_uncommitted", "read_committed"])),
            ConfigKey("auto.offset.reset", .string, nil, .oneOf(["earliest", "latest", "none"])),
            ConfigKey("fetch.min.bytes", .int, nil, .atLeast(0)),
            ConfigKey("fetch.max.bytes", .int, nil, .atLeast(0)),
            ConfigKey("fetch.max.wait.ms", .int, nil, .atLeast(0)),
            ConfigKey("max.partition.fetch.bytes", .int, nil, .atLeast(0)),
            ConfigKey("check.crcs", .boolean),
        ]
        var consumer = source.properties.stripped(of: "consumer.")
        consumer.overwrite(with: source.properties.stripped(of: "source.consumer."))
        check(consumer, keys + ConfigKey.connection)
        check(
            source.properties.stripped(of: "source.cluster.").filtered(ConfigKey.connectionNames.contains),
            ConfigKey.connection
        )
        var producer = worker.properties.stripped(of: "producer.")
        producer.overwrite(with: source.properties.stripped(of: "producer.override."))
        check(
            producer,
            [
                ConfigKey("max.request.size", .int, nil, .atLeast(0)),
                ConfigKey("acks", .string, nil, .oneOf(["all", "-1", "0", "1"])),
                ConfigKey("enable.idempotence", .boolean),
                ConfigKey("linger.ms", .long, nil, .atLeast(0)),
                ConfigKey("batch.size", .int, nil, .atLeast(0)),
                ConfigKey("max.in.flight.requests.per.connection", .int, nil, .atLeast(1)),
                ConfigKey(
                    "compression.type",
                    .string,
                    nil,
                    .oneOf(["none", "gzip", "snappy", "lz4", "zstd"])
                ),
            ] + ConfigKey.connection
        )
        for finding in ProducerAdvice(properties: producer).findings {
            guard let origin = producer.origin(of: finding.key) else { continue }
            report(
                .warning,
                origin,
                value: properties.values[origin],
                reason: finding.reason,
                nextStep: finding.nextStep
            )
        }
        for side in ["source.admin.", "target.admin."] {
            check(source.properties.stripped(of: side), ConfigKey.connection)
        }
    }

    mutating func check(_ properties: PropertyMap, _ keys: [ConfigKey]) {
        for key in keys {
            guard let text = properties[key.name], let origin = properties.origin(of: key.name) else { continue }
            do throws(ConfigKey.InvalidValue) {
                try key.check(try key.canonical(text))
            } catch {
                report(error, origin)
            }
        }
    }
}
