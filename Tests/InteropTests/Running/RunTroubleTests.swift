import KafkaProtocol
import LocalKafka
import NIOCore
import NIOPosix
import TestSupport
import Testing

/// Each trouble is told in one line that names cluster, address, principal or topic and the next step; others go on,
/// and what was in trouble goes on by itself once the cause is gone.
@Suite("kafka-mirror run: troubles", .serialized, .timeLimit(.minutes(5)))
struct RunTroubleTests {
    @Test("Unknown user, wrong password: told, and cured at the cluster")
    func credentials() async throws {
        let secure = { (configuration: inout LocalCluster.Configuration) in
            configuration.listeners = [.sasl([.scramSHA512])]
            configuration.scramUsers = ["mirror": "another"]
        }
        try await LocalCluster.running(secure) { source in
            try await LocalCluster.running { target in
                try await source.createTopic("t")
                try await source.put(["1"], in: "t")
                var properties = Self.flows(["known", "unknown"], to: target)
                for (alias, user) in [("known", "mirror"), ("unknown", "nobody-knows")] {
                    properties["\(alias).bootstrap.servers"] = source.bootstrapServers
                    properties["\(alias).security.protocol"] = "SASL_PLAINTEXT"
                    properties["\(alias).sasl.mechanism"] = "SCRAM-SHA-512"
                    properties["\(alias).sasl.jaas.config"] =
                        "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"\(user)\""
                        + " password=\"open-sesame\";"
                }
                let mirror = try MirrorProcess(properties: properties)
                for (alias, user) in [("known", "mirror"), ("unknown", "nobody-knows")] {
                    try await mirror.told(
                        "the flow waits",
                        "\(alias)->B",
                        "cluster \(alias)",
                        source.bootstrapServers,
                        "as user \(user)",
                        "sasl.jaas.config"
                    )
                }
                #expect(!mirror.process.output.contains("open-sesame"))
                try await source.setPassword("open-sesame", of: "mirror")
                try await target.holds(["1"], in: "known.t", mirror: mirror)
                try await source.setPassword("open-sesame", of: "nobody-knows")
                try await target.holds(["1"], in: "unknown.t", mirror: mirror)
                try await mirror.told("the flow has started", "unknown->B")
                try await mirror.stop()
            }
        }
    }

    @Test("Expired, foreign and unknown certificates are told; a healthy flow goes on")
    func certificates() async throws {
        let certificates = try await Certificates.shared.value
        func tls(_ name: String) -> (inout LocalCluster.Configuration) throws -> Void {
            { $0.listeners = [.tls(try certificates.server(name))] }
        }
        try await LocalCluster.running(tls("server")) { healthy in
            try await LocalCluster.running(tls("expired")) { expired in
                try await LocalCluster.running(tls("elsewhere")) { elsewhere in
                    try await LocalCluster.running { target in
                        let clusters = [
                            "healthy": healthy, "expired": expired, "elsewhere": elsewhere, "stranger": healthy,
                        ]
                        var properties = Self.flows(clusters.keys.sorted(), to: target)
                        for (alias, cluster) in clusters {
                            properties["\(alias).bootstrap.servers"] = cluster.bootstrapServers
                            properties["\(alias).security.protocol"] = "SSL"
                            properties["\(alias).ssl.truststore.type"] = "PEM"
                            properties["\(alias).ssl.truststore.location"] = certificates.path(
                                alias == "stranger" ? "stranger.pem" : "ca.pem"
                            )
                        }
                        try await healthy.createTopic("t")
                        try await healthy.put(["1"], in: "t")
                        let mirror = try MirrorProcess(properties: properties)
                        try await target.holds(["1"], in: "healthy.t", mirror: mirror)
                        let waits = "the flow waits"
                        for (alias, words) in [
                            ("expired", "expired on"), ("elsewhere", "elsewhere.example"),
                            ("stranger", "ssl.truststore"),
                        ] {
                            let address = try #require(clusters[alias]).bootstrapServers
                            try await mirror.told(waits, "\(alias)->B", "cluster \(alias)", address, words)
                        }
                        try await mirror.stop()
                    }
                }
            }
        }
    }

    @Test("Peers that are silent, talk nonsense or hang up are told; what comes up in their place is mirrored")
    func peers() async throws {
        let silent = try await BadPeer { _ in }
        let http = try await BadPeer {
            $0.writeAndFlush(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n"), promise: nil)
        }
        let noise = try await BadPeer {
            $0.writeAndFlush(ByteBuffer(bytes: (0..<64).map { UInt8(truncatingIfNeeded: $0 * 37 &+ 11) }), promise: nil)
        }
        let rude = try await BadPeer { $0.close(promise: nil) }
        try await LocalCluster.running { target in
            let peers = ["silent": silent, "http": http, "noise": noise, "rude": rude]
            var properties = Self.flows(peers.keys.sorted(), to: target)
            for (alias, peer) in peers {
                properties["\(alias).bootstrap.servers"] = "127.0.0.1:\(peer.port)"
                properties["\(alias).request.timeout.ms"] = "2000"
            }
            let mirror = try MirrorProcess(properties: properties)
            for (alias, peer) in peers {
                try await mirror.told("the flow waits", "cluster \(alias)", "127.0.0.1:\(peer.port)")
            }
            for peer in peers.values { try await peer.close() }
            let revived = { (configuration: inout LocalCluster.Configuration) in
                configuration.listeners = [.plaintext(ports: [noise.port])]
            }
            try await LocalCluster.running(revived) { source in
                try await source.createTopic("t")
                try await source.put(["1"], in: "t")
                try await target.holds(["1"], in: "noise.t", mirror: mirror)
                try await mirror.stop()
            }
        }
    }

    @Test("A topic that is not there, one that may not be read, one that is too large: each waits alone")
    func topics() async throws {
        let protected = { (configuration: inout LocalCluster.Configuration) in
            configuration.listeners = [.sasl([.plain])]
            configuration.plainUsers = ["mirror": "secret"]
            configuration.authorization = true
        }
        try await LocalCluster.running(protected) { source in
            try await LocalCluster.running { target in
                for topic in ["open", "closed", "large"] as [TopicName] {
                    try await source.createTopic(topic)
                    try await source.put(["1"], in: topic)
                    try await source.allow("mirror", .describe, topic.description.kafka)
                    if topic != "closed" { try await source.allow("mirror", .read, topic.description.kafka) }
                }
                try await source.allow("mirror", .describe, "missing")
                try await source.allow("mirror", .read, "missing")
                try await target.createTopic("A.large", configs: ["max.message.bytes": "2000"])
                let letters = "abcdefghijklmnopqrstuvwxyz"
                try await source.put([String((0..<5_000).map { _ in letters.randomElement() ?? "a" })], in: "large")
                let mirror = try MirrorProcess(
                    from: source.bootstrapServers,
                    to: target.bootstrapServers,
                    topics: "open, closed, large, missing",
                    properties: [
                        "A.security.protocol": "SASL_PLAINTEXT", "A.sasl.mechanism": "PLAIN",
                        "A.sasl.jaas.config":
                            "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"mirror\""
                            + " password=\"secret\";",
                    ]
                )
                try await target.holds(["1"], in: "A.open", mirror: mirror)
                try await mirror.told("not found", "missing", "cluster A", "DESCRIBE")
                try await mirror.told("held up", "closed", "cluster A", "Allow User:mirror READ")
                try await mirror.told("large", "cluster B", "A.large at B", "max.message.bytes", "It is 2000 now")
                try await source.put(["2"], in: "open")
                try await target.holds(["1", "2"], in: "A.open", mirror: mirror, within: .seconds(10))
                try await source.createTopic("missing")
                try await source.put(["found"], in: "missing")
                try await target.holds(["found"], in: "A.missing", mirror: mirror, within: .seconds(10))
                try await source.allow("mirror", .read, "closed")
                try await target.holds(["1"], in: "A.closed", mirror: mirror)
                try await target.setTopicConfigs("A.large", ["max.message.bytes": "1000000"])
                try await poll(within: .seconds(90), mirror.process.output) {
                    try await target.values("A.large").count == 2
                }
                try await mirror.stop()
            }
        }
    }

    /// Flows from each of these clusters to B.
    private static func flows(_ aliases: [String], to target: LocalCluster) -> [String: String] {
        var properties = [
            "clusters": (aliases + ["B"]).joined(separator: ", "), "B.bootstrap.servers": target.bootstrapServers,
        ]
        for alias in aliases {
            properties["\(alias)->B.enabled"] = "true"
            properties["\(alias)->B.topics"] = "t"
        }
        return properties
    }
}

extension String {
    fileprivate var kafka: KafkaString { KafkaString(self) }
}

/// Accepts connections and does to each what it is told.
private struct BadPeer {
    let channel: any Channel
    let port: Int

    init(_ greet: @escaping @Sendable (any Channel) -> Void) async throws {
        self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.execute { greet(channel) }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.port = self.channel.localAddress?.port ?? 0
    }

    func close() async throws { try await self.channel.close() }
}
