import KafkaProtocol
import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import KafkaNetwork

@Suite("SASL on connections", .timeLimit(.minutes(1)))
struct SASLConnectionTests {
    private func configuration(
        _ mechanism: SASLMechanism,
        user: String = "alice",
        password: String = "se,cr=et"
    ) throws -> ClientConfiguration {
        try ClientConfiguration(
            properties: [
                "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism.rawValue,
                "request.timeout.ms": "10000",
                "sasl.jaas.config": "\(mechanism.loginModule) required username=\"\(user)\" password=\"\(password)\";",
            ],
            clusterName: "A",
            requiresBootstrap: false
        )
    }

    @Test("Every mechanism: right credentials, wrong password, unknown user", arguments: SASLMechanism.allCases)
    func mechanisms(_ mechanism: SASLMechanism) async throws {
        for (user, password, isRight) in [
            ("alice", "se,cr=et", true), ("alice", "guess", false), ("bob", "x1x2", false),
        ] {
            let sasl = SASLServer()
            try await RawServer.with(onRequest: sasl.handle) { server in
                let configuration = try configuration(mechanism, user: user, password: password)
                guard !isRight else {
                    let connection = try await KafkaConnection.connect(to: server.address, configuration)
                    _ = try await connection.send(HeartbeatRequest())
                    await connection.close()
                    return
                }
                let error = try #require(await connectionError(to: server.address, configuration))
                #expect(error.code == .authenticationFailed && !error.isRetriable)
                let text = error.description
                #expect(text.hasPrefix("cluster A, broker \(server.address), as user \(user) with \(mechanism): "))
                #expect(text.contains("Invalid username or password") && text.contains("sasl.jaas.config"))
                #expect(!text.contains(password))
            }
        }
    }

    @Test("A mechanism that the broker does not offer")
    func mechanismNotOffered() async throws {
        let script: @Sendable (RawServer.Peer, RawServer.Request) -> Void = { peer, request in
            if peer.answerVersions(request) { return }
            var response = SaslHandshakeResponse()
            response.errorCode = .unsupportedSaslMechanism
            response.mechanisms = ["GSSAPI"]
            try? peer.answer(request, SaslHandshakeRequest.self, response)
        }
        try await RawServer.with(onRequest: script) { server in
            let error = try #require(await connectionError(to: server.address, try configuration(.plain)))
            #expect(error.code == .authenticationFailed && error.message.contains("it offers GSSAPI"))
        }
    }

    @Test("The session is renewed on the live connection; a request under way and those that come meanwhile all arrive")
    func renewal() async throws {
        let sasl = SASLServer(lifetimeMs: 300)
        try await RawServer.with(onRequest: sasl.handle) { server in
            let connection = try await KafkaConnection.connect(to: server.address, try configuration(.scramSHA256))
            #expect(sasl.authentications >= 1)
            #expect(await eventually { sasl.authentications >= 3 })
            let peer = try #require(server.peers.withLockedValue { $0.first })
            // A long poll is under way when the renewal begins: its answer comes before that of the handshake.
            var slow = HeartbeatRequest()
            slow.groupID = "hold"
            let held = Task { [slow] in try await connection.send(slow) }
            #expect(await eventually { sasl.waitingRequests >= 2 })
            let before = sasl.authentications
            // One renewal is under way; the next shall not come before the end of the test.
            sasl.lifetimeMs = 3_600_000
            // The handshake waits in the server's queue now, so the machine is re-authenticating.
            let meanwhile = (0..<5).map { _ in Task { try await connection.send(HeartbeatRequest()) } }
            try await connection.eventLoop.submit { #expect(connection.inFlightCount == 2) }.get()
            sasl.release(peer)
            _ = try await held.value
            for task in meanwhile { _ = try await task.value }
            #expect(sasl.authentications == before + 1)
            _ = try await connection.send(HeartbeatRequest())
            #expect(server.peers.withLockedValue { $0.count } == 1)
            await connection.close()
        }
    }

    @Test("SASL over TLS")
    func overTLS() async throws {
        let pki = try await TestPKI.shared.value
        let sasl = SASLServer()
        try await RawServer.with(tls: try pki.server(), onRequest: sasl.handle) { server in
            let jaas = "X required username=\"alice\" password=\"se,cr=et\";"
            let configuration = try pki.client([
                "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "sasl.jaas.config": jaas,
            ])
            let connection = try await KafkaConnection.connect(to: server.address, configuration)
            _ = try await connection.send(HeartbeatRequest())
            await connection.close()
        }
    }
}
