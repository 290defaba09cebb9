import KafkaProtocol
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import KafkaNetwork

@Suite("TLS connections", .timeLimit(.minutes(2)))
struct TLSConnectionTests {
    /// Answers version negotiation.
    private static let negotiates: @Sendable (RawServer.Peer, RawServer.Request) -> Void = { peer, request in
        peer.answerVersions(request)
        if request.apiKey == .heartbeat { try? peer.answer(request, HeartbeatRequest.self, HeartbeatResponse()) }
    }

    private func attempt(
        _ server: NIOSSLContext?,
        _ configuration: ClientConfiguration,
        host: String = "localhost"
    ) async throws -> KafkaConnectionError? {
        try await RawServer.with(tls: server, onRequest: Self.negotiates) { server in
            do throws(KafkaConnectionError) {
                let address = BrokerAddress(host: host, port: server.address.port)
                let connection = try await KafkaConnection.connect(to: address, configuration)
                // A server that checks our certificate may complain only after the handshake.
                _ = try await connection.send(HeartbeatRequest())
                await connection.close()
                return nil
            } catch {
                return error
            }
        }
    }

    @Test("One way, by name and by address, TLS 1.2 and 1.3")
    func oneWay() async throws {
        let pki = try await TestPKI.shared.value
        for (host, limit) in [("localhost", TLSVersion?.none), ("127.0.0.1", nil), ("localhost", .tlsv12)] {
            #expect(try await attempt(pki.server(maximum: limit), pki.client(), host: host) == nil)
        }
        let only12 = try pki.client([
            "ssl.enabled.protocols": "TLSv1.2",
            "ssl.cipher.suites": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
        ])
        #expect(try await attempt(pki.server(), only12) == nil)
        let only13 = try pki.client(["ssl.enabled.protocols": "TLSv1.3"])
        let tooOld = try #require(try await attempt(pki.server(maximum: .tlsv12), only13))
        #expect(tooOld.code == .tlsFailed && tooOld.description.contains("ssl.enabled.protocols"))
    }

    @Test(
        "Both ways with every kind of key store",
        arguments: ["client-all.pem", "modern.p12", "legacy.p12", "key.p12", "key.jks"]
    )
    func bothWays(_ store: String) async throws {
        let pki = try await TestPKI.shared.value
        var properties = [
            "ssl.keystore.location": pki.path(store), "ssl.keystore.type": store.hasSuffix("pem") ? "PEM" : "PKCS12",
        ]
        if !store.hasSuffix("pem") { properties["ssl.keystore.password"] = "secret" }
        if store == "key.jks" { properties["ssl.key.password"] = "key-secret" }
        let server = try pki.server(asksForCertificate: true)
        #expect(try await attempt(server, pki.client(properties)) == nil)
    }

    @Test("A certificate for another host, and how to accept it")
    func wrongHost() async throws {
        let pki = try await TestPKI.shared.value
        let error = try #require(try await attempt(pki.server("elsewhere"), pki.client()))
        #expect(error.code == .tlsFailed && !error.isRetriable)
        #expect(error.message.contains("elsewhere.example, other.example") && error.message.contains("localhost"))
        #expect(try #require(error.nextStep).contains("ssl.endpoint.identification.algorithm"))
        #expect(error.description.hasPrefix("cluster A, broker localhost:"))
        let lenient = try pki.client(["ssl.endpoint.identification.algorithm": ""])
        #expect(try await attempt(pki.server("elsewhere"), lenient) == nil)
    }

    @Test("An expired certificate")
    func expired() async throws {
        let pki = try await TestPKI.shared.value
        let error = try #require(try await attempt(pki.server("expired"), pki.client()))
        #expect(
            error.code == .tlsFailed && error.message.contains("CN=broker") && error.message.contains("expired on 2")
        )
    }

    @Test("An issuer that nobody trusts")
    func unknownIssuer() async throws {
        let pki = try await TestPKI.shared.value
        for trusts in ["stranger.pem", nil] {
            let error = try #require(try await attempt(pki.server(), pki.client(trusts: trusts)))
            #expect(error.code == .tlsFailed && error.message.contains("Root of the tests"))
            #expect(try #require(error.nextStep).contains("ssl.truststore.location"))
        }
    }

    @Test("A trust store without the root, which Java would be content with, and one with it")
    func intermediate() async throws {
        let pki = try await TestPKI.shared.value
        let error = try #require(try await attempt(pki.server("below"), pki.client(trusts: "middle.pem")))
        #expect(error.code == .tlsFailed && error.message.contains("CN=Middle"))
        #expect(error.nextStep?.contains("the root's too: unlike Java") == true)
        #expect(try await attempt(pki.server("below"), pki.client(trusts: "both.pem")) == nil)
    }

    @Test("No client certificate, or one that the broker does not trust", arguments: [TLSVersion?.none, .tlsv12])
    func clientCertificate(_ version: TLSVersion?) async throws {
        let pki = try await TestPKI.shared.value
        let server = try pki.server(asksForCertificate: true, maximum: version)
        let missing = try #require(try await attempt(server, pki.client()))
        #expect(missing.code == .tlsFailed, "\(missing)")
        #expect(missing.description.contains("client certificate") && missing.description.contains("ssl.keystore"))
        let stranger = try pki.client([
            "ssl.keystore.type": "PEM", "ssl.keystore.key": try pki.text("intruder.key"),
            "ssl.keystore.certificate.chain": try pki.text("intruder.pem"),
        ])
        let refused = try #require(try await attempt(server, stranger))
        #expect(refused.code == .tlsFailed && refused.message.contains("client certificate"), "\(refused)")
        #expect(refused.description.contains("as user CN=intruder, O=Test: "))
    }

    @Test("TLS against a listener without it, and the other way round")
    func wrongListener() async throws {
        let pki = try await TestPKI.shared.value
        // A Kafka broker takes the ClientHello for a huge frame and closes.
        let configuration = try pki.client()
        let closing = try await RawServer.start(onConnect: { peer in peer.close() })
        let closes = await connectionError(to: closing.address, configuration)
        await closing.stop()
        #expect(try #require(closes).description.contains("TLS"))
        let web = try await RawServer.start(onConnect: { peer in peer.write("HTTP/1.1 400 Bad Request\r\n\r\n") })
        let talks = await connectionError(to: web.address, configuration)
        await web.stop()
        #expect(try #require(talks).message.contains("does not speak TLS"))
        let plain = try #require(try await attempt(pki.server(), .test()))
        #expect(plain.description.contains("security.protocol"), "\(plain)")
    }

    @Test("A TLS handshake that is never answered ends after the set-up time")
    func halfOpen() async throws {
        let pki = try await TestPKI.shared.value
        try await RawServer.with { server in
            var configuration = try pki.client()
            configuration.connectionSetupTimeout = .milliseconds(150)
            let error = try #require(await connectionError(to: server.address, configuration))
            #expect(error.code == .timedOut && error.message.contains("TLS handshake within 150 ms"))
        }
    }

    @Test("A wrong store ends the connection attempt with the property's name")
    func wrongStore() async throws {
        let pki = try await TestPKI.shared.value
        let configuration = try pki.client(["ssl.truststore.location": "/nowhere.pem"])
        let error = try #require(await connectionError(to: .init(host: "127.0.0.1", port: 9), configuration))
        #expect(error.code == .invalidConfiguration && error.message.contains("ssl.truststore.location"))
    }
}
