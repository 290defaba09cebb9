/// Distributes the keys of the file to clusters, flow processes and connectors, with MirrorMaker 2's precedence.
package struct PropertyResolution: Sendable {
    /// An ordered pair of cluster aliases.
    package struct Pair: Sendable, Hashable, CustomStringConvertible {
        package let source: String
        package let target: String

        package init(source: String, target: String) {
            self.source = source
            self.target = target
        }

        package var description: String { "\(source)->\(target)" }
    }

    /// The keys of the file as they are written.
    package let raw: PropertyMap
    /// The same with references to config providers resolved.
    package let resolved: PropertyMap
    package let providers: ConfigProviders

    package init(values: [String: String], environment: ConfigProviders.Environment)
        throws(ConfigProviders.LookupError)
    {
        var raw = PropertyMap()
        for (key, value) in values { raw.set(key, value, origin: key) }
        self.raw = raw
        self.providers = ConfigProviders(properties: values, environment: environment)
        var resolved = raw
        for key in raw.keys {
            do throws(ConfigProviders.LookupError) {
                resolved.set(key, try providers.resolve(raw[key] ?? ""), origin: key)
            } catch {
                throw ConfigProviders.LookupError(reason: error.reason, key: key)
            }
        }
        self.resolved = resolved
    }

    /// The aliases of the clusters in file order, each once.
    package var clusters: [String] {
        var seen: Set<String> = []
        return (resolved["clusters"] ?? "").configurationList.filter { seen.insert($0).inserted }
    }

    /// The flows that get a process: those that are on, and those that only send heartbeats.
    ///
    /// - Parameter targets: what `--clusters` lists; `nil` for all.
    package func pairs(targets: Set<String>? = nil) -> [Pair] {
        let clusters = clusters
        let heartbeatsByDefault = resolved["emit.heartbeats.enabled"].map(Self.isTrue) ?? true
        var pairs: [Pair] = []
        for source in clusters {
            for target in clusters where source != target && targets?.contains(target) ?? true {
                let pair = Pair(source: source, target: target)
                let isOn = resolved["\(pair).enabled"].map(Self.isTrue) ?? false
                let heartbeats = resolved["\(pair).emit.heartbeats.enabled"].map(Self.isTrue) ?? heartbeatsByDefault
                if isOn || heartbeats { pairs.append(pair) }
            }
        }
        return pairs
    }

    /// How the flow switches are read: not trimmed, and everything else is off.
    static func isTrue(_ text: String) -> Bool { text.lowercased() == "true" }

    /// Keys of cluster `alias`, with connection keys inherited by its clients and from the top level.
    package func cluster(_ alias: String) -> PropertyMap {
        var result = raw.stripped(of: alias + ".")
        func inherit(_ key: String, from property: PropertyMap.Property) {
            for client in ["producer.", "consumer.", "admin."] {
                result.setIfAbsent(client + key, property.value, origin: property.origin)
            }
        }
        for key in ConfigKey.connectionNames {
            if let property = result.properties[key] { inherit(key, from: property) }
        }
        for key in ConfigKey.connectionNames {
            guard let property = raw.properties[key] else { continue }
            inherit(key, from: property)
            result.setIfAbsent(key, property.value, origin: property.origin)
        }
        return result
    }

    /// Settings of the process that runs a flow.
    package func worker(_ pair: Pair) throws(ConfigProviders.LookupError) -> PropertyMap {
        var result = cluster(pair.target)
        for (key, property) in raw.properties where ConfigKey.workerFamilies.contains(where: key.hasBytePrefix) {
            result.set(key, property.value, origin: property.origin)
        }
        result = try result.mapValues(providers.resolve)
        result.overwrite(with: raw.filtered { $0.hasBytePrefix("config.providers") })
        result.setIfAbsent("client.id", pair.description)
        result.setIfAbsent("group.id", "\(pair.source)-mm2")
        result.setIfAbsent("offset.storage.topic", "mm2-offsets.\(pair.source).internal")
        result.setIfAbsent("status.storage.topic", "mm2-status.\(pair.source).internal")
        result.setIfAbsent("config.storage.topic", "mm2-configs.\(pair.source).internal")
        for converter in ["key.converter", "value.converter", "header.converter"] {
            result.setIfAbsent(converter, "org.apache.kafka.connect.converters.ByteArrayConverter")
        }
        return result
    }

    /// Settings of one part of a flow, references to config providers still in place.
    package func connector(_ pair: Pair, _ kind: ConnectorKind) -> PropertyMap {
        var result = raw.filtered {
            ConfigKey.connectorNames.contains($0) || $0.hasBytePrefix("config.providers")
                || $0.hasBytePrefix("replication.policy")
        }
        for (alias, side) in [(pair.source, "source."), (pair.target, "target.")] {
            for (key, property) in cluster(alias).properties {
                let isClientKey = ["consumer", "producer", "admin"].contains(where: key.hasBytePrefix)
                result.set(side + (isClientKey ? "" : "cluster.") + key, property.value, origin: property.origin)
            }
        }
        result.setIfAbsent("name", kind.rawValue)
        result.setIfAbsent("connector.class", kind.className)
        result.setIfAbsent("source.cluster.alias", pair.source)
        result.setIfAbsent("target.cluster.alias", pair.target)
        result.overwrite(with: raw.stripped(of: "\(pair)."))
        result.setIfAbsent("enabled", "false")
        return result
    }

    /// Settings of one part of a flow as it uses them.
    package func resolvedConnector(
        _ pair: Pair,
        _ kind: ConnectorKind
    ) throws(ConfigProviders.LookupError) -> ConnectorSettings {
        ConnectorSettings(
            pair: pair,
            kind: kind,
            properties: try connector(pair, kind).mapValues(providers.resolve)
        )
    }

    /// The connection settings of a cluster's clients, with defaults, as tools that know only the cluster use them.
    package func client(
        of alias: String,
        role: String
    ) throws(ConfigProviders.LookupError) -> [String: String] {
        var properties = raw
        properties.overwrite(with: cluster(alias))
        properties = try properties.mapValues(providers.resolve)
        var result: [String: String] = [:]
        for key in ConfigKey.connection {
            let value = properties[role + "." + key.name] ?? properties[key.name]
            if let value {
                result[key.name] = (try? key.canonical(value)) ?? value
            } else {
                result[key.name] = key.defaultValue
            }
        }
        return result
    }
}
