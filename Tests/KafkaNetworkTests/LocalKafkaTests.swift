import KafkaNetwork
import KafkaProtocol
import LocalKafka
import Testing

/// The embedded broker shares no network code with the client, so both sides check each other.
@Suite("Connections to the embedded broker", .timeLimit(.minutes(1)))
struct LocalKafkaTests {
    private func metadata(_ properties: [String: String], _ bootstrap: String) async throws -> MetadataResponse {
        var properties = properties
        properties["bootstrap.servers"] = bootstrap
        let configuration = try ClientConfiguration(properties: properties, clusterName: "A")
        let server = try #require(configuration.bootstrapServers.first)
        let connection = try await KafkaConnection.connect(to: server, configuration)
        let response = try await connection.send(MetadataRequest())
        await connection.close()
        return response
    }

    @Test("Plaintext, TLS with client certificates, SASL with and without TLS, all mechanisms")
    func everyListener() async throws {
        let pki = try await TestPKI.shared.value
        let tls = LocalCluster.ServerTLS(
            certificateChain: try pki.text("server.pem"),
            privateKey: try pki.text("server.key"),
            clientAuthorities: try pki.text("ca.pem"),
            clientAuthentication: .required
        )
        var open = tls
        open.clientAuthentication = .none
        var configuration = LocalCluster.Configuration(brokers: 1)
        configuration.listeners = [.plaintext(), .tls(tls), .sasl(), .sasl(tls: open)]
        configuration.plainUsers = ["alice": "se=cr,et"]
        configuration.scramUsers = ["alice": "se=cr,et"]
        let cluster = LocalCluster(configuration: configuration)
        try await cluster.start()
        do {
            let trust = [
                "ssl.truststore.location": pki.path("trust.p12"), "ssl.truststore.password": "secret",
                "ssl.keystore.location": pki.path("key.p12"), "ssl.keystore.password": "secret",
            ]
            for name in ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] {
                for mechanism in name.hasPrefix("SASL") ? ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] : [""] {
                    var properties = trust
                    properties["security.protocol"] = name
                    if !mechanism.isEmpty { properties["sasl.mechanism"] = mechanism }
                    properties["sasl.jaas.config"] = "X required username=\"alice\" password=\"se=cr,et\";"
                    let response = try await metadata(properties, cluster.bootstrapServers(listener: name))
                    #expect(response.brokers.count == 1, "\(name) \(mechanism)")
                }
            }
        } catch {
            await cluster.stop()
            throw error
        }
        await cluster.stop()
    }
}
