import Foundation
import KafkaProtocol
import LocalKafka
import TestSupport

/// An embedded broker behind Apache Kafka's own listener: its TLS and SASL code, and this broker's logs.
struct KafkaListener: Sendable {
    let cluster: LocalCluster
    let proxy: PeerProcess
    let port: Int

    /// Where clients have to authenticate.
    var bootstrapServers: String { "127.0.0.1:\(self.port)" }

    /// A way around the listener, for checks.
    var directServers: String { self.cluster.bootstrapServers(listener: "DIRECT") }

    /// Runs a listener with one of Kafka's security protocols for as long as `body` does.
    static func with(
        _ securityProtocol: String,
        _ options: [String] = [],
        _ body: (KafkaListener) async throws -> Void
    ) async throws {
        var configuration = LocalCluster.Configuration()
        var direct = LocalCluster.Listener.plaintext()
        direct.name = "DIRECT"
        configuration.listeners = [.plaintext(), direct]
        try await withLocalCluster(configuration) { cluster in
            let back = cluster.bootstrapServers.split(separator: ":").last.map(String.init) ?? ""
            var arguments = [securityProtocol, "0", back] + options
            if securityProtocol.hasSuffix("SSL") {
                let certificates = try await Certificates.shared.value
                arguments += [
                    "keystore=\(certificates.path("server.pem"))", "truststore=\(certificates.path("ca.pem"))",
                ]
            }
            let proxy = try Peers.java("AuthProxy", version: "3.9.1", arguments)
            let port = try await proxy.line { line in
                line.hasPrefix("ready ") ? Int(line.dropFirst(6)) : nil
            }
            try await cluster.advertise(ports: [port])
            try await body(KafkaListener(cluster: cluster, proxy: proxy, port: port))
            proxy.signal(SIGKILL)
        }
    }

    /// Client properties for one of the users that the listener knows.
    static func login(_ mechanism: String, user: String? = nil, password: String = "secret") -> [String: String] {
        let module = mechanism == "PLAIN" ? "plain.PlainLoginModule" : "scram.ScramLoginModule"
        let known = ["SCRAM-SHA-256": "alice256", "SCRAM-SHA-512": "alice512"][mechanism] ?? "alice"
        return [
            "sasl.mechanism": mechanism,
            "sasl.jaas.config": "org.apache.kafka.common.security.\(module) required username=\"\(user ?? known)\" "
                + "password=\"\(password)\";",
        ]
    }
}
