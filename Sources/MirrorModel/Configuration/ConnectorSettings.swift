/// The settings of one part of a flow, typed, with defaults.
package struct ConnectorSettings: Sendable {
    package let pair: PropertyResolution.Pair
    package let kind: ConnectorKind
    /// What the file says for this part.
    package let properties: PropertyMap
    /// Every key of this part in canonical spelling; `nil` where nothing is set and there is no default.
    ///
    /// Values of a wrong type are missing here; what is wrong is in `problems`.
    package let values: [String: String?]
    package let problems: [(key: String, problem: ConfigKey.InvalidValue)]

    init(pair: PropertyResolution.Pair, kind: ConnectorKind, properties: PropertyMap) {
        self.pair = pair
        self.kind = kind
        self.properties = properties
        var values: [String: String?] = [:]
        var problems: [(key: String, problem: ConfigKey.InvalidValue)] = []
        let aliased = Self.withOldNames(properties)
        for key in kind.keys {
            guard let text = aliased[key.name] else {
                values[key.name] = .some(key.defaultValue)
                continue
            }
            do throws(ConfigKey.InvalidValue) {
                let value = try key.canonical(text)
                values[key.name] = .some(value)
                try key.check(value)
            } catch {
                problems.append((key.name, error))
            }
        }
        self.values = values
        self.problems = problems
    }

    /// Reads the old `*.blacklist` keys where the new ones are not set.
    private static func withOldNames(_ properties: PropertyMap) -> PropertyMap {
        var result = properties
        for prefix in ["topics.", "groups.", "config.properties."] {
            if let old = properties.properties[prefix + "blacklist"] {
                result.setIfAbsent(prefix + "exclude", old.value, origin: old.origin)
                result.remove(prefix + "blacklist")
            }
        }
        return result
    }

    package func text(_ key: String) -> String? { values[key] ?? nil }
    package func list(_ key: String) -> [String] { text(key)?.configurationList ?? [] }
    package func flag(_ key: String) -> Bool { text(key) == "true" }
    package func number(_ key: String) -> Int64? { text(key).flatMap { Int64($0) } }

    /// The milliseconds between two runs of a job, -1 when it is off.
    package func interval(_ job: String) -> Int64 {
        guard flag(job + ".enabled"), let seconds = number(job + ".interval.seconds"), seconds >= 0 else { return -1 }
        return seconds.multipliedReportingOverflow(by: 1000).overflow ? .max : seconds * 1000
    }

    package var isEnabled: Bool { flag("enabled") }

    /// How topics are named; the separator is taken untrimmed, as MirrorMaker's policies do.
    package var policy: ReplicationPolicy {
        let isIdentity = text("replication.policy.class") == ConfigKey.mirrorPackage + "IdentityReplicationPolicy"
        return ReplicationPolicy(
            kind: isIdentity ? .identity : .prefixing,
            separator: properties["replication.policy.separator"],
            internalSeparatorEnabled: PropertyResolution.isTrue(
                properties["replication.policy.internal.topic.separator.enabled"] ?? "true"
            ),
            sourceAlias: pair.source
        )
    }
}

/// The Kafka clients that the parts of a flow use.
package enum ClientRole: Sendable {
    /// Reads the records of the source.
    case sourceConsumer
    case sourceAdmin
    case targetAdmin
    case offsetSyncsProducer
    case offsetSyncsAdmin
    case offsetSyncsConsumer
}

extension ConnectorSettings {
    package var isOffsetSyncsTopicAtTarget: Bool { text("offset-syncs.topic.location") == "target" }

    /// Properties of one client, as they come together from the file.
    package func client(_ role: ClientRole) -> [String: String] { clientMap(role).values }

    /// The same, with the keys of the file they come from.
    func clientMap(_ role: ClientRole) -> PropertyMap {
        let offsetSyncsSide = isOffsetSyncsTopicAtTarget ? "target" : "source"
        switch role {
        case .sourceConsumer: return consumer(side: "source", role: "replication-consumer")
        case .offsetSyncsConsumer:
            return consumer(side: offsetSyncsSide, role: "offset-syncs-\(offsetSyncsSide)-consumer")
        case .sourceAdmin: return client(side: "source", kind: "admin", role: adminRole(side: "source"))
        case .targetAdmin: return client(side: "target", kind: "admin", role: adminRole(side: "target"))
        case .offsetSyncsAdmin:
            return client(side: offsetSyncsSide, kind: "admin", role: "offset-syncs-\(offsetSyncsSide)-admin")
        case .offsetSyncsProducer:
            return client(side: offsetSyncsSide, kind: "producer", role: "offset-syncs-\(offsetSyncsSide)-producer")
        }
    }

    private func adminRole(side: String) -> String {
        switch kind {
        case .source: "replication-\(side)-admin"
        case .checkpoint: "checkpoint-\(side)-admin"
        case .heartbeat: "heartbeats-\(side)-admin"
        }
    }

    private func consumer(side: String, role: String) -> PropertyMap {
        var result = client(side: side, kind: "consumer", role: role)
        result.set("enable.auto.commit", "false")
        result.setIfAbsent("auto.offset.reset", "earliest")
        return result
    }

    private func client(side: String, kind clientKind: String, role: String) -> PropertyMap {
        var result = properties.stripped(of: side + ".cluster.").filtered(ConfigKey.connectionNames.contains)
        result.overwrite(with: properties.stripped(of: clientKind + "."))
        result.overwrite(with: properties.stripped(of: "\(side).\(clientKind)."))
        let own = "\(pair)|\(properties["name"] ?? kind.rawValue)|\(role)"
        result.set(
            "client.id",
            result["client.id"].map { "\($0)|\(own)" } ?? own,
            origin: result.origin(of: "client.id")
        )
        return result
    }
}
