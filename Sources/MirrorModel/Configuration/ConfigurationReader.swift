/// Collects the flows of a file and everything that is wrong with it.
struct ConfigurationReader {
    let properties: PropertiesFile
    private(set) var clusters: [String] = []
    private(set) var flows: [FlowConfiguration] = []
    private(set) var threads: Int?
    var warnings: [ConfigurationDiagnostic] = []
    private(set) var errors: [ConfigurationDiagnostic] = []

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

    mutating func read(
        _ resolution: PropertyResolution,
        targets: [String]?
    ) throws(ConfigProviders.LookupError) {
        checkClusters(resolution, targets: targets)
        checkProviders(resolution)
        guard errors.isEmpty else { return }
        try checkReferences(resolution)
        checkSwitches(resolution)
        checkDriver(resolution)
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

    mutating func read(
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
        check(source.properties, ConfigKey.connect)
        check(worker.properties, ConfigKey.connect.filter { $0.name.hasBytePrefix("transaction.boundary") })
        checkAliases(source)
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
            let isCreationRule = name.hasBytePrefix("topic.creation.") && name != entry.key
            guard ConfigKey.withoutEffectYet.contains(name) || isCreationRule, seen.insert(entry.key).inserted else {
                return nil
            }
            return name.hasByteSuffix(".enabled") && entry.value.trimmedAsJava.lowercased() == "false" ? nil : entry.key
        }
    }

    // MARK: Reports

    mutating func report(_ problem: ConfigKey.InvalidValue, _ origin: String) {
        report(
            .error,
            origin,
            value: properties.values[origin],
            reason: problem.reason,
            nextStep: problem.nextStep
        )
    }

    mutating func report(
        _ severity: ConfigurationDiagnostic.Severity,
        _ key: String?,
        value: String? = nil,
        reason: String,
        nextStep: String
    ) {
        let isSecret = key.map(Self.isSecret) ?? false
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

    /// Whether the value of `key` must not be shown.
    static func isSecret(_ key: String) -> Bool {
        ["password", "sasl.jaas.config", "keystore.key"].contains(where: key.hasByteSuffix)
    }
}
