/// What a properties file asks for: the flows to run and what each is told.
package struct MirrorConfiguration: Sendable {
    /// Name of the file in messages.
    package let file: String
    package let clusters: [String]
    /// All flows that are on or send heartbeats, in file order of their clusters.
    package let flows: [FlowConfiguration]
    /// Threads that move records; `nil` for one per core.
    package let threads: Int?
    package let warnings: [ConfigurationDiagnostic]
    /// Keys of the file that ask for something this version does not do, in file order.
    package let keysWithoutEffect: [String]
    private let lines: [String: Int]

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - file: its name in messages.
    ///   - targets: what `--clusters` lists: only flows into these; `nil` or empty for all.
    package init(
        file: String,
        bytes: some Sequence<UInt8>,
        targets: [String]? = nil,
        environment: ConfigProviders.Environment = ConfigProviders.Environment()
    ) throws(ConfigurationError) {
        let properties: PropertiesFile
        do throws(PropertiesFile.SyntaxError) {
            properties = try PropertiesFile(name: file, bytes: bytes)
        } catch {
            throw ConfigurationError(errors: [
                ConfigurationDiagnostic(
                    .error,
                    file: file,
                    line: error.line,
                    reason: error.reason,
                    nextStep: "write it as a Java properties file"
                )
            ])
        }
        var reader = ConfigurationReader(properties: properties)
        try reader.read(targets: targets.flatMap { $0.isEmpty ? nil : $0 }, environment: environment)
        self.file = file
        self.clusters = reader.clusters
        self.flows = reader.flows
        self.threads = reader.threads
        self.warnings = reader.warnings
        self.keysWithoutEffect = reader.keysWithoutEffect
        self.lines = Dictionary(properties.entries.map { ($0.key, $0.line) }, uniquingKeysWith: { _, last in last })
    }

    /// The line of a key of the file.
    package func line(of key: String) -> Int? { lines[key] }
}

/// Collects the flows of a file and everything that is wrong with it.
private struct ConfigurationReader {
    let properties: PropertiesFile
    private(set) var clusters: [String] = []
    private(set) var flows: [FlowConfiguration] = []
    private(set) var threads: Int?
    private(set) var warnings: [ConfigurationDiagnostic] = []
    private var errors: [ConfigurationDiagnostic] = []

    init(properties: PropertiesFile) {
        self.properties = properties
    }

    mutating func read(targets: [String]?, environment: ConfigProviders.Environment) throws(ConfigurationError) {
        do throws(ConfigProviders.LookupError) {
            let resolution = try PropertyResolution(values: properties.values, environment: environment)
            clusters = resolution.clusters
            warnOfUnknownKeys(resolution)
            try read(resolution, targets: targets)
        } catch {
            report(.error, error.key, reason: error.reason, nextStep: "correct the reference or what it refers to")
        }
        guard errors.isEmpty else { throw ConfigurationError(errors: errors, warnings: warnings) }
    }

    private mutating func read(
        _ resolution: PropertyResolution,
        targets: [String]?
    ) throws(ConfigProviders.LookupError) {
        checkClusters(resolution, targets: targets)
        checkProviders(resolution)
        guard errors.isEmpty else { return }
        checkSwitches(resolution)
        let pairs = resolution.pairs(targets: targets.map(Set.init))
        checkBootstrap(resolution, pairs: pairs)
        for pair in pairs { try read(pair, resolution) }
        let isOn = flows.contains { $0.isEnabled || ($0.heartbeats.isEnabled && asksForHeartbeats($0.pair)) }
        if errors.isEmpty, !isOn {
            let example = clusters.count > 1 ? "\(clusters[0])->\(clusters[1])" : "A->B"
            report(
                .error,
                nil,
                reason: targets == nil
                    ? "no flow is switched on"
                    : "no flow into \(targets?.joined(separator: ", ") ?? "") is switched on",
                nextStep: "write \(example).enabled = true"
            )
        }
    }

    private mutating func read(
        _ pair: PropertyResolution.Pair,
        _ resolution: PropertyResolution
    ) throws(ConfigProviders.LookupError) {
        let source = try resolution.resolvedConnector(pair, .source)
        let checkpoint = try resolution.resolvedConnector(pair, .checkpoint)
        let heartbeat = try resolution.resolvedConnector(pair, .heartbeat)
        let worker = WorkerSettings(properties: try resolution.worker(pair))
        let own = OwnSettings(resolution: resolution, pair: pair)
        if let value = own.number("kafka.mirror.threads") { threads = Int(clamping: value) }
        for (_, origin, problem) in own.problems { report(problem, origin) }
        defer {
            // Wrong expressions have been reported with their place.
            if let flow = try? FlowConfiguration(
                pair: pair,
                source: source,
                checkpoint: checkpoint,
                heartbeat: heartbeat,
                worker: worker,
                own: own
            ) {
                flows.append(flow)
            }
        }
        // A flow that is off has its keys read all the same by MirrorMaker, but only heartbeats depend on them.
        let isOn = source.isEnabled || source.problems.contains { $0.key == "enabled" }
        for settings in [source, heartbeat, checkpoint] {
            for (key, problem) in settings.problems
            where isOn || ConfigKey.heartbeat.contains(where: { $0.name == key }) {
                report(problem, settings.properties.origin(of: key) ?? "\(pair).\(key)")
            }
        }
        guard isOn else { return }
        for (key, problem) in worker.problems {
            report(problem, worker.properties.origin(of: key) ?? "\(pair.target).\(key)")
        }
        checkAcrossKeys(source, worker)
        checkGroups(checkpoint)
        checkClients(source, worker)
    }

    /// Whether the file itself switches heartbeats on; a file in which no flow is on is a mistake otherwise.
    private func asksForHeartbeats(_ pair: PropertyResolution.Pair) -> Bool {
        ["\(pair).emit.heartbeats.enabled", "emit.heartbeats.enabled"].contains { key in
            properties.values[key].map { $0.trimmedAsJava.lowercased() == "true" } ?? false
        }
    }

    private mutating func checkGroups(_ checkpoint: ConnectorSettings) {
        guard checkpoint.text("emit.checkpoints.enabled") == "false", checkpoint.flag("sync.group.offsets.enabled")
        else { return }
        report(
            .error,
            checkpoint.properties.origin(of: "sync.group.offsets.enabled"),
            reason: "asks for translated offsets at the target, but emit.checkpoints.enabled is false",
            nextStep: "remove one of the two"
        )
    }

    /// Keys of parts that are still missing.
    ///
    /// A switch that is off asks for nothing.
    var keysWithoutEffect: [String] {
        var seen: Set<String> = []
        return properties.entries.compactMap { entry in
            var name = entry.key
            if let arrow = name.firstRange(of: "->") {
                let target = name[arrow.upperBound...]
                let alias = clusters.filter { String(target).hasBytePrefix($0 + ".") }.max { $0.count < $1.count }
                guard let alias else { return nil }
                name = String(target.dropFirst(alias.count + 1))
            }
            guard ConfigKey.withoutEffectYet.contains(name), seen.insert(entry.key).inserted else { return nil }
            return name.hasByteSuffix(".enabled") && entry.value.trimmedAsJava.lowercased() == "false" ? nil : entry.key
        }
    }

    // MARK: Checks

    private mutating func checkClusters(_ resolution: PropertyResolution, targets: [String]?) {
        if clusters.isEmpty {
            let closest = ClosestName.closest(to: "clusters", among: properties.entries.map(\.key))
            report(
                .error,
                resolution.resolved["clusters"] == nil ? nil : "clusters",
                reason: "no clusters are named",
                nextStep: closest.map { "did you mean clusters where you write \($0)?" }
                    ?? "write clusters = A, B and A.bootstrap.servers, B.bootstrap.servers"
            )
        } else if clusters.count == 1 {
            report(.error, "clusters", reason: "names one cluster only", nextStep: "name a source and a target")
        }
        for alias in clusters where alias.isEmpty || alias.firstRange(of: "->") != nil {
            report(
                .error,
                "clusters",
                reason: alias.isEmpty ? "has an empty name" : "has a name with an arrow",
                nextStep: "give each cluster a plain name"
            )
        }
        for target in targets ?? [] where !clusters.contains(target) {
            let closest =
                clusters.first { $0.lowercased() == target.lowercased() }
                ?? ClosestName.closest(to: target, among: clusters)
            report(
                .error,
                nil,
                reason: "--clusters names “\(target)”, which `clusters` does not list",
                nextStep: closest.map { "did you mean \($0)?" } ?? "name one of \(clusters.joined(separator: ", "))"
            )
        }
    }

    private mutating func checkProviders(_ resolution: PropertyResolution) {
        for name in (resolution.raw["config.providers"] ?? "").configurationList {
            let key = "config.providers.\(name).class"
            guard let className = resolution.raw[key] else {
                report(
                    .error,
                    "config.providers",
                    reason: "lists “\(name)”, which has no class",
                    nextStep: "write \(key) = \(ConfigProviders.classes[0])"
                )
                continue
            }
            guard resolution.providers.providers[name] == nil else { continue }
            let simpleName = className.split(separator: ".").last.map(String.init) ?? ""
            let closest = ConfigProviders.classes.first { $0.hasByteSuffix("." + simpleName) }
            report(
                .error,
                key,
                value: className,
                reason: "is not a provider that can run here",
                nextStep: "use \(closest ?? ConfigProviders.classes.joined(separator: ", "))"
            )
        }
    }

    private mutating func checkSwitches(_ resolution: PropertyResolution) {
        for source in clusters {
            for target in clusters where source != target {
                for name in ["enabled", "emit.heartbeats.enabled"] {
                    let key = "\(source)->\(target).\(name)"
                    guard let value = resolution.resolved[key] else { continue }
                    let lowered = value.lowercased()
                    guard lowered != "true", lowered != "false" else { continue }
                    let hasBlanks = ["true", "false"].contains(value.trimmedAsJava.lowercased())
                    report(
                        hasBlanks ? .warning : .error,
                        key,
                        value: value,
                        reason: hasBlanks
                            ? "has blanks at its end and counts as false" : "is neither true nor false",
                        nextStep: hasBlanks ? "remove the blanks" : "write true or false"
                    )
                }
            }
        }
    }

    private mutating func checkBootstrap(_ resolution: PropertyResolution, pairs: [PropertyResolution.Pair]) {
        var used: [String] = []
        for pair in pairs {
            guard let source = try? resolution.resolvedConnector(pair, .source), source.isEnabled else { continue }
            for alias in [pair.source, pair.target] where !used.contains(alias) { used.append(alias) }
        }
        for alias in used {
            let key = "\(alias).bootstrap.servers"
            let properties = resolution.cluster(alias)
            guard let raw = properties["bootstrap.servers"], let text = try? resolution.providers.resolve(raw),
                !text.configurationList.isEmpty
            else {
                report(
                    .error,
                    properties.origin(of: "bootstrap.servers"),
                    reason: "cluster \(alias) has no address",
                    nextStep: "write \(key) = HOST:9092"
                )
                continue
            }
            for address in text.configurationList where !Self.isAddress(address) {
                report(
                    .error,
                    properties.origin(of: "bootstrap.servers") ?? key,
                    value: address,
                    reason: "is not an address",
                    nextStep: "write HOST:PORT, several separated by commas"
                )
            }
        }
    }

    private static func isAddress(_ text: String) -> Bool {
        guard let colon = text.lastIndex(of: ":") else { return false }
        var host = text[..<colon]
        if let scheme = host.firstRange(of: "://") { host = host[scheme.upperBound...] }
        guard let port = Int(text[text.index(after: colon)...]), (1...65535).contains(port) else { return false }
        return !host.isEmpty && !host.contains { $0.isWhitespace || $0 == "/" }
    }

    private mutating func checkAcrossKeys(_ source: ConnectorSettings, _ worker: WorkerSettings) {
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

    private mutating func checkTransactions(_ source: ConnectorSettings, _ worker: WorkerSettings) {
        let pair = source.pair
        let support = ExactlyOnceSettings.support(source: source, worker: worker)
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

    /// Checks the client properties whose meaning decides what is copied.
    private mutating func checkClients(_ source: ConnectorSettings, _ worker: WorkerSettings) {
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

    private mutating func check(_ properties: PropertyMap, _ keys: [ConfigKey]) {
        for key in keys {
            guard let text = properties[key.name], let origin = properties.origin(of: key.name) else { continue }
            do throws(ConfigKey.InvalidValue) {
                try key.check(try key.canonical(text))
            } catch {
                report(error, origin)
            }
        }
    }

    private mutating func warnOfUnknownKeys(_ resolution: PropertyResolution) {
        let providers = (resolution.raw["config.providers"] ?? "").configurationList
        let unknownKeys = UnknownKeys(clusters: clusters, providers: providers)
        var seen: [String: Int] = [:]
        for entry in properties.entries {
            if let first = seen.updateValue(entry.line, forKey: entry.key) {
                warnings.append(
                    ConfigurationDiagnostic(
                        .warning,
                        file: properties.name,
                        line: first,
                        key: entry.key,
                        reason: "is set again in line \(entry.line), which counts",
                        nextStep: "remove one of the two"
                    )
                )
            }
            guard !clusters.isEmpty, properties.line(of: entry.key) == entry.line else { continue }
            if let finding = unknownKeys.finding(entry.key) {
                report(.warning, entry.key, reason: finding.reason, nextStep: finding.nextStep)
            } else if entry.key.hasByteSuffix(".blacklist"),
                let prefix = entry.key.split(separator: ".").dropLast().last
            {
                report(
                    .warning,
                    entry.key,
                    reason: "is the old name of a key",
                    nextStep: "write \(prefix == "properties" ? "config.properties" : prefix).exclude"
                )
            }
        }
    }

    // MARK: Reports

    private mutating func report(_ problem: ConfigKey.InvalidValue, _ origin: String) {
        report(
            .error,
            origin,
            value: properties.values[origin],
            reason: problem.reason,
            nextStep: problem.nextStep
        )
    }

    private mutating func report(
        _ severity: ConfigurationDiagnostic.Severity,
        _ key: String?,
        value: String? = nil,
        reason: String,
        nextStep: String
    ) {
        let isSecret =
            key.map {
                $0.hasByteSuffix("password") || $0.hasByteSuffix("sasl.jaas.config")
                    || $0.hasByteSuffix("keystore.key")
            } ?? false
        let diagnostic = ConfigurationDiagnostic(
            severity,
            file: properties.name,
            line: key.flatMap(properties.line(of:)),
            key: key,
            value: value.map { isSecret ? "[hidden]" : $0 },
            reason: reason,
            nextStep: nextStep
        )
        switch severity {
        case .warning: if !warnings.contains(diagnostic) { warnings.append(diagnostic) }
        case .error: if !errors.contains(diagnostic) { errors.append(diagnostic) }
        }
    }
}
