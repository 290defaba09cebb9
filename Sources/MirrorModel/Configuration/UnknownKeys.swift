/// Finds keys of the file that nothing reads, and says what they may have been meant to be.
struct UnknownKeys {
    struct Finding: Equatable {
        let reason: String
        let nextStep: String
    }

    private let clusters: [String]
    private let providers: Set<String>

    init(clusters: [String], providers: [String]) {
        // The longest first: `A.b.x` belongs to a cluster `A.b` before it is a key `b.x` of a cluster `A`.
        self.clusters = clusters.sorted { $0.utf8.count > $1.utf8.count }
        self.providers = Set(providers)
    }

    /// What is wrong with `key`; `nil` when it has an effect, or is known to need none here.
    func finding(_ key: String) -> Finding? {
        if Self.topLevel.contains(key) { return nil }
        if let rest = key.remainder(afterPrefix: "config.providers.") { return provider(rest) }
        if key.firstRange(of: "->") != nil { return flow(key) }
        for alias in clusters {
            if let rest = key.remainder(afterPrefix: alias + ".") { return cluster(alias, rest) }
        }
        if Self.isStorageTopicConfig(key) || key.hasBytePrefix("listeners.https.") { return nil }
        if let family = Self.converterFamilies.first(where: key.hasBytePrefix) {
            return Finding(reason: "has no effect: records are copied as bytes", nextStep: "remove it (\(family)*)")
        }
        for client in ["consumer.", "producer.", "admin."] {
            guard let rest = key.remainder(afterPrefix: client) else { continue }
            return Finding(
                reason: "has no effect at the top level",
                nextStep: "write CLUSTER.\(client)\(rest), with a name from `clusters`"
            )
        }
        if Self.workerNames.contains(key) {
            return Finding(reason: "has no effect at the top level", nextStep: "write TARGET.\(key)")
        }
        if Self.flowOnly(key) {
            return Finding(reason: "has no effect at the top level", nextStep: "write SOURCE->TARGET.\(key)")
        }
        return unknownTopLevel(key)
    }

    private func provider(_ rest: String) -> Finding? {
        let name = String(rest.prefix { $0 != "." })
        guard providers.contains(name) else {
            return unknown("names a provider that config.providers does not list", name, among: Array(providers))
        }
        let setting = String(rest.dropFirst(name.count + 1))
        if setting == "class" || setting.hasBytePrefix("param.") { return nil }
        return unknown("is not a setting of a provider", setting, among: ["class"])
    }

    private func flow(_ key: String) -> Finding? {
        for source in clusters {
            for target in clusters where source != target {
                let pair = "\(source)->\(target)"
                if let rest = key.remainder(afterPrefix: pair + ".") { return flow(rest, from: source, to: target) }
            }
        }
        guard let arrow = key.firstRange(of: "->") else { return nil }
        let source = String(key[..<arrow.lowerBound])
        let rest = key[arrow.upperBound...]
        let isSourceKnown = clusters.contains(source)
        let target = clusters.first { String(rest).hasBytePrefix($0 + ".") } ?? String(rest.prefix { $0 != "." })
        if isSourceKnown, source == target {
            return Finding(reason: "names a flow from a cluster to itself", nextStep: "correct one of the two names")
        }
        let wrong = isSourceKnown ? target : source
        return unknown(
            "names a cluster “\(wrong)” that `clusters` does not list",
            wrong,
            among: isSourceKnown ? clusters.filter { $0 != source } : clusters,
            prefix: isSourceKnown ? "\(source)->" : "",
            suffix: isSourceKnown ? String(rest.dropFirst(target.count)) : "->\(rest)"
        )
    }

    private func flow(_ rest: String, from source: String, to target: String) -> Finding? {
        let pair = "\(source)->\(target)."
        if Self.flowNames.contains(rest) { return nil }
        for prefix in ["transforms.", "predicates.", "topic.creation.", "config.providers"]
        where rest.hasBytePrefix(prefix) {
            return nil
        }
        for prefix in ["source.cluster.", "target.cluster."] {
            guard let name = rest.remainder(afterPrefix: prefix) else { continue }
            if ConfigKey.connectionNames.contains(name) || name == "alias" { return nil }
        }
        for (prefix, names) in Self.flowClientPrefixes {
            guard let name = rest.remainder(afterPrefix: prefix) else { continue }
            guard names.contains(name) else { return unknownKey(name, among: names, prefix: pair + prefix) }
            guard prefix == "producer." || prefix == "target.producer." else { return nil }
            return Finding(
                reason: "does not reach the producer of the mirrored records",
                nextStep: "write \(pair)producer.override.\(name) or \(target).producer.\(name)"
            )
        }
        if Self.workerNames.contains(rest) || Self.isStorageTopicConfig(rest) {
            return Finding(reason: "has no effect on a single flow", nextStep: "write \(target).\(rest)")
        }
        return unknownKey(rest, among: Self.flowNames, prefix: pair)
    }

    private func cluster(_ alias: String, _ rest: String) -> Finding? {
        if Self.clusterNames.contains(rest) || Self.isStorageTopicConfig(rest) { return nil }
        if ConfigKey.workerFamilies.contains(where: rest.hasBytePrefix), !Self.flowNames.contains(rest) {
            return unknownKey(rest, among: Self.clusterNames, prefix: alias + ".")
        }
        for (prefix, names) in Self.clientPrefixes {
            guard let name = rest.remainder(afterPrefix: prefix) else { continue }
            return names.contains(name) ? nil : unknownKey(name, among: names, prefix: "\(alias).\(prefix)")
        }
        if Self.flowNames.contains(rest) {
            return Finding(reason: "has no effect on a cluster", nextStep: "write SOURCE->TARGET.\(rest)")
        }
        return unknownKey(rest, among: Self.clusterNames, prefix: alias + ".")
    }

    private func unknownTopLevel(_ key: String) -> Finding {
        // `WRONG.bootstrap.servers`: what follows a dot is a cluster's key, so what comes before was to be a cluster.
        for index in key.indices where key[index] == "." {
            let rest = String(key[key.index(after: index)...])
            let isClientKey = Self.clientPrefixes.contains { prefix, _ in rest.hasBytePrefix(prefix) }
            guard Self.clusterNames.contains(rest) || isClientKey else { continue }
            let alias = String(key[..<index])
            return unknown(
                "names a cluster “\(alias)” that `clusters` does not list",
                alias,
                among: clusters,
                suffix: "." + rest
            )
        }
        if clusters.contains(key) {
            return Finding(
                reason: "is the name of a cluster, and a key ends at the first blank",
                nextStep: "write \(key)->TARGET.KEY = VALUE without blanks around the arrow"
            )
        }
        for (client, names) in [("SOURCE.consumer.", ClientKeys.consumer), ("TARGET.producer.", ClientKeys.producer)]
        where names.contains(key) {
            return Finding(reason: "has no effect at the top level", nextStep: "write \(client)\(key)")
        }
        if let closest = ClosestName.closest(to: key, among: Self.topLevel) {
            return Finding(reason: "is not a known key", nextStep: "did you mean \(closest)?")
        }
        return Finding(reason: "is not a known key", nextStep: "remove it or correct it")
    }

    /// - Parameter prefix: What stands before the name, so that the suggestion can be copied as it is.
    private func unknownKey(_ name: String, among names: Set<String>, prefix: String) -> Finding {
        unknown("is not a known key", name, among: Array(names), prefix: prefix)
    }

    private func unknown(
        _ reason: String,
        _ name: String,
        among names: [String],
        prefix: String = "",
        suffix: String = ""
    ) -> Finding {
        // Aliases are short, so that a third of their length may be nothing: a different case is always close.
        let sameLetters = names.sorted().first { $0 != name && $0.lowercased() == name.lowercased() }
        if let closest = sameLetters ?? ClosestName.closest(to: name, among: names) {
            return Finding(reason: reason, nextStep: "did you mean \(prefix)\(closest)\(suffix)?")
        }
        return Finding(reason: reason, nextStep: "remove it or correct it")
    }

    // MARK: What is known where

    private static let workerNames = Set(ConfigKey.worker.map(\.name)).subtracting(ConfigKey.connectorNames)
    private static let topLevel = ConfigKey.connectorNames.union(ConfigKey.connectionNames)
        .union((ConfigKey.driver + ConfigKey.own).map(\.name))
        .union(workerNames.filter { name in ConfigKey.workerFamilies.contains(where: name.hasBytePrefix) })
    private static let flowNames = ConfigKey.connectorNames
        .union((ConfigKey.connect + ConfigKey.own).map(\.name)).subtracting(["kafka.mirror.threads"])
    private static let clusterNames = ConfigKey.connectionNames.union(ConfigKey.worker.map(\.name))
        .union(ClientKeys.common).union(["transaction.boundary", "transaction.boundary.interval.ms"])

    private static let clientPrefixes: [(String, Set<String>)] = [
        ("consumer.", Set(ClientKeys.consumer)), ("producer.", Set(ClientKeys.producer)),
        ("admin.", Set(ClientKeys.admin)),
    ]

    private static let flowClientPrefixes: [(String, Set<String>)] =
        clientPrefixes.map { ($0.0 + "override.", $0.1) }
        + ["source.", "target.", ""].flatMap { side in clientPrefixes.map { (side + $0.0, $0.1) } }

    private static let converterFamilies = ["key.converter.", "value.converter.", "header.converter."]

    private static func flowOnly(_ key: String) -> Bool {
        ConfigKey.connect.contains { $0.name == key }
            || ["transforms.", "predicates.", "topic.creation."].contains(where: key.hasBytePrefix)
    }

    private static func isStorageTopicConfig(_ key: String) -> Bool {
        ["offset.storage.", "status.storage.", "config.storage."].contains { prefix in
            guard let rest = key.remainder(afterPrefix: prefix) else { return false }
            return topicConfigs.contains(rest)
        }
    }

    private static let topicConfigs: Set<String> = [
        "cleanup.policy", "compression.type", "delete.retention.ms", "file.delete.delay.ms", "flush.messages",
        "flush.ms", "index.interval.bytes", "max.compaction.lag.ms", "max.message.bytes",
        "message.timestamp.after.max.ms", "message.timestamp.before.max.ms", "message.timestamp.type",
        "min.cleanable.dirty.ratio", "min.compaction.lag.ms", "min.insync.replicas", "preallocate",
        "retention.bytes", "retention.ms", "segment.bytes", "segment.index.bytes", "segment.jitter.ms", "segment.ms",
        "unclean.leader.election.enable",
    ]
}
