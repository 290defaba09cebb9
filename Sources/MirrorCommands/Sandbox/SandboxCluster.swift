import KafkaProtocol
import LocalKafka
import ServiceLifecycle

/// One embedded cluster with the alias that flows know it by.
struct SandboxCluster: Service {
    let alias: String
    let cluster: LocalCluster

    /// Name of the second listener of each broker, whose advertised ports are those of proxies.
    static let proxiedListener = "PROXIED"

    /// - Parameters:
    ///   - ports: One per broker; empty: free ones.
    ///   - isProxied: Whether each broker opens a second listener for proxies in front of it.
    init(alias: String, brokers: Int, ports: [Int] = [], autoCreateTopics: Bool = true, isProxied: Bool = false) {
        self.alias = alias
        var configuration = LocalCluster.Configuration(brokers: brokers)
        configuration.autoCreateTopics = autoCreateTopics
        configuration.defaultReplicationFactor = Int16(min(brokers, 3))
        configuration.listeners = [.plaintext(ports: ports)]
        if isProxied {
            var proxied = LocalCluster.Listener.plaintext()
            proxied.name = Self.proxiedListener
            configuration.listeners.append(proxied)
        }
        self.cluster = LocalCluster(configuration: configuration)
    }

    var brokers: Int { self.cluster.configuration.brokers }

    var bootstrapServers: String { self.cluster.bootstrapServers }

    func start(topics: [(name: String, partitions: Int32)] = []) async throws {
        try await self.cluster.start()
        for topic in topics {
            try await self.cluster.createTopic(TopicName(topic.name), partitions: topic.partitions)
        }
    }

    func run() async throws {
        try await gracefulShutdown()
        await self.cluster.stop()
    }
}

/// The properties file that mirrors sandbox clusters to each other.
enum SandboxProperties {
    static func text(_ clusters: [SandboxCluster]) -> String {
        var lines = [
            "# Written by kafka-mirror sandbox.", "clusters = " + clusters.map(\.alias).joined(separator: ", "),
        ]
        lines += clusters.map { "\($0.alias).bootstrap.servers = \($0.bootstrapServers)" }
        for source in clusters {
            for target in clusters where target.alias != source.alias {
                lines.append("\(source.alias)->\(target.alias).enabled = true")
            }
        }
        let replication = min(clusters.map(\.brokers).min() ?? 1, 3)
        for key in [
            "replication.factor", "offset-syncs.topic.replication.factor", "checkpoints.topic.replication.factor",
            "heartbeats.topic.replication.factor", "offset.storage.replication.factor",
            "status.storage.replication.factor", "config.storage.replication.factor",
        ] {
            lines.append("\(key) = \(replication)")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
