import Foundation
import LocalKafka
import TestSupport
import Testing

/// Other people's clients log in to the embedded cluster, over TLS and in plain text.
@Suite("Foreign clients on LocalKafka's TLS and SASL listeners", .serialized, .timeLimit(.minutes(3)))
struct SecureClientTests {
    private static let users = ["alice": "secret", "alice256": "secret", "alice512": "secret"]

    @Test("Apache Kafka's Java clients: SCRAM over TLS, and mTLS")
    func java() async throws {
        let certificates = try await Certificates.shared.value
        try await Self.withCluster { cluster in
            var scram = KafkaListener.login("SCRAM-SHA-512")
            scram["security.protocol"] = "SASL_SSL"
            scram.merge(certificates.trust("PKCS12")) { $1 }
            try await Self.exercise("4.3.0", cluster.bootstrapServers(listener: "SASL_SSL"), scram)

            var mutual = ["security.protocol": "SSL"]
            mutual.merge(certificates.trust("JKS")) { $1 }
            mutual.merge(certificates.key("PKCS12")) { $1 }
            try await Self.exercise("3.9.1", cluster.bootstrapServers(listener: "SSL"), mutual)
        }
    }

    @Test("librdkafka 2.16: every mechanism over TLS, mTLS, wrong passwords")
    func confluent() async throws {
        let certificates = try await Certificates.shared.value
        let authority = "ssl.ca.location=\(certificates.path("ca.pem"))"
        try await Self.withCluster { cluster in
            for (mechanism, user) in [("PLAIN", "alice"), ("SCRAM-SHA-256", "alice256"), ("SCRAM-SHA-512", "alice512")]
            {
                let login = ["sasl.mechanism=\(mechanism)", "sasl.username=\(user)", "sasl.password=secret"]
                let data = try await RealData(
                    at: cluster.bootstrapServers(listener: "SASL_SSL"),
                    prefix: "real-\(mechanism)",
                    perCodec: 500,
                    transactions: 3,
                    extra: (["security.protocol=SASL_SSL", authority] + login).flatMap { ["--config", $0] }
                )
                #expect(data.visible > 2_500)
            }
            let client = ["ssl.certificate.location=client.pem", "ssl.key.location=client.key"]
                .map { $0.replacing("=client", with: "=" + certificates.path("client")) }
            let data = try await RealData(
                at: cluster.bootstrapServers(listener: "SSL"),
                prefix: "real-mtls",
                perCodec: 500,
                extra: (["security.protocol=SSL", authority] + client).flatMap { ["--config", $0] }
            )
            #expect(data.visible == 2_500)
        }
    }

    @Test(
        "kcat on librdkafka 2.0.2: logs in, and is refused with a wrong password",
        arguments: ["PLAIN", "SCRAM-SHA-512"]
    )
    func kcat(mechanism: String) async throws {
        try await Self.withCluster { cluster in
            let login = [
                "-b", cluster.bootstrapServers(listener: "SASL_PLAINTEXT"), "-X", "security.protocol=SASL_PLAINTEXT",
                "-X", "sasl.mechanism=\(mechanism)", "-X", "sasl.username=alice", "-m", "3",
            ]
            let listing = try await Peers.kcat(["-L", "-X", "sasl.password=secret"] + login).success()
            #expect(listing.contains("3 brokers"))
            let refused = try Peers.kcat(["-L", "-X", "sasl.password=wrong"] + login)
            #expect(try await refused.exit(within: .seconds(20)) != 0)
            #expect(refused.output.contains("uthentication fail"), "\(refused.output)")
        }
    }

    private static func exercise(_ version: String, _ bootstrap: String, _ properties: [String: String]) async throws {
        let arguments = [bootstrap] + properties.map { "\($0.key)=\($0.value)" }
        let output = try await Peers.java("Exercise", version: version, arguments).success()
        #expect(output.contains("all checks passed with Java client \(version)"))
    }

    private static func withCluster(_ body: (LocalCluster) async throws -> Void) async throws {
        let certificates = try await Certificates.shared.value
        var tls = LocalCluster.ServerTLS(
            certificateChain: try certificates.text("server.crt"),
            privateKey: try certificates.text("server.key")
        )
        var configuration = LocalCluster.Configuration(brokers: 3)
        configuration.plainUsers = Self.users
        configuration.scramUsers = Self.users
        configuration.authorization = true
        configuration.superUsers = Set(Self.users.keys.map { "User:\($0)" } + ["User:CN=mirror,O=Test"])
        configuration.listeners = [.sasl(), .sasl(tls: tls)]
        tls.clientAuthorities = try certificates.text("ca.pem")
        tls.clientAuthentication = .required
        configuration.listeners.append(.tls(tls))
        try await withLocalCluster(configuration, body)
    }
}
