/// Checks of what concerns the whole file.
extension ConfigurationReader {
    mutating func warnOfUnknownKeys(_ resolution: PropertyResolution) {
        // Whatever file this is, its author does not want to read about each of its lines.
        guard !clusters.isEmpty else { return }
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
            guard properties.line(of: entry.key) == entry.line else { continue }
            if Self.holdsComment(entry.value), !Self.isSecret(entry.key), entry.key != "clusters" {
                report(
                    .warning,
                    entry.key,
                    value: entry.value,
                    reason: "counts as a whole, with what looks like a comment",
                    nextStep: Self.commentAdvice
                )
            }
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

    /// What is behind a value on its line belongs to it.
    static func holdsComment(_ value: String) -> Bool {
        value.firstRange(of: " #") != nil || value.firstRange(of: "\t#") != nil
    }

    static let commentAdvice = "give the comment a line of its own"

    mutating func checkClusters(_ resolution: PropertyResolution, targets: [String]?) {
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
        for alias in clusters where alias.isEmpty || alias.firstRange(of: "->") != nil || Self.holdsComment(alias) {
            report(
                .error,
                "clusters",
                value: alias.isEmpty ? nil : alias,
                reason: alias.isEmpty
                    ? "has an empty name"
                    : Self.holdsComment(alias) ? "is a name with a comment in it" : "is a name with an arrow",
                nextStep: Self.holdsComment(alias) ? Self.commentAdvice : "give each cluster a plain name"
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

    mutating func checkProviders(_ resolution: PropertyResolution) {
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

    /// A reference that leads nowhere stays in the value, as with MirrorMaker, where a password would be expected.
    mutating func checkReferences(_ resolution: PropertyResolution) throws(ConfigProviders.LookupError) {
        for entry in properties.entries where properties.line(of: entry.key) == entry.line {
            for found in try resolution.providers.unresolved(in: entry.value) {
                // What names no provider may be a part of a password.
                let isShown = found.namesProvider || !Self.isSecret(entry.key)
                report(
                    .warning,
                    entry.key,
                    reason: isShown
                        ? "\(found.reference) \(found.reason), so the text stays as it is"
                        : "holds something like a reference, but to no provider that config.providers lists",
                    nextStep: "correct the reference or what it refers to"
                )
            }
        }
    }

    mutating func checkDriver(_ resolution: PropertyResolution) {
        check(resolution.resolved, ConfigKey.driver)
    }

    mutating func checkSwitches(_ resolution: PropertyResolution) {
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

    mutating func checkBootstrap(_ resolution: PropertyResolution, pairs: [PropertyResolution.Pair]) {
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
}
