import KafkaProtocol
import LocalKafka
import NIOCore
import Testing

/// Frames, versions and authentication.
@Suite struct ConnectionTests {
    @Test func unknownVersionsOfApiVersionsAreAnsweredInVersionZero() async throws {
        try await withTestCluster { cluster in
            try await RawClient.with(cluster.address()) { client async throws in
                try await client.postRaw(ApiVersionsRequest.self, version: 99, body: ByteBuffer(bytes: [1, 1, 0]))
                let (_, body) = try await client.receiveRaw(headerVersion: 0)
                #expect(body == ByteBuffer(bytes: [0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4]))
                // The connection is still good.
                let response = try await client.send(ApiVersionsRequest(), version: 4)
                #expect(response.errorCode == .none && response.apiKeys.count > 40)
            }
        }
    }

    @Test func oldBrokersCanBePlayed() async throws {
        func configure(_ configuration: inout LocalCluster.Configuration) {
            configuration.apiVersions = [.fetch: 0...10, .describeCluster: nil]
        }
        try await withTestCluster(configure) { cluster in
            try await RawClient.with(cluster.address()) { client async throws in
                let keys = try await client.send(ApiVersionsRequest(), version: 0).apiKeys
                let fetch = try #require(keys.first { $0.apiKey == ApiKey.fetch.rawValue })
                #expect(fetch.minVersion == 4 && fetch.maxVersion == 10)
                #expect(!keys.contains { $0.apiKey == ApiKey.describeCluster.rawValue })
                await #expect(throws: RawClient.Closed.self) {
                    _ = try await client.send(Batch.fetch("t", offset: 0), version: 11)
                }
            }
        }
    }

    @Test func frameLimitsAndGarbageCloseTheConnection() async throws {
        try await withTestCluster { cluster in
            for bytes: [UInt8] in [[0x7F, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0xFF, 0], [0, 0, 0, 2, 1, 2]] {
                try await RawClient.with(cluster.address()) { client async throws in
                    try await client.writeBytes(ByteBuffer(bytes: bytes))
                    #expect(try await client.nextFrame() == nil)
                }
            }
            #expect(try await cluster.connectionCount() == 0)
        }
    }

    @Test func framesMayComeInPieces() async throws {
        try await withTestCluster { cluster in
            try await RawClient.with(cluster.address()) { client async throws in
                // ApiVersions version 0, correlation id 7, no client id.
                let frame: [UInt8] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xFF, 0xFF]
                for byte in frame + frame {
                    try await client.writeBytes(ByteBuffer(bytes: [byte]))
                }
                for _ in 0..<2 {
                    var answer = try #require(try await client.nextFrame())
                    #expect(answer.readInteger(as: Int32.self) == 7)
                }
            }
        }
    }

    @Test func passwordsAreChecked() async throws {
        func configure(_ configuration: inout LocalCluster.Configuration) {
            configuration.listeners = [.sasl([.plain])]
            configuration.plainUsers = ["alice": "secret"]
            configuration.maxReauthenticationMs = 60_000
        }
        try await withTestCluster(configure) { cluster in
            try await RawClient.with(cluster.address()) { client async throws in
                let handshake = SaslHandshakeRequest.with { $0.mechanism = "PLAIN" }
                #expect(try await client.send(handshake, version: 1).errorCode == .none)
                let token = SaslAuthenticateRequest.with { $0.authBytes = ByteBuffer(string: "\0alice\0secret") }
                let response = try await client.send(token, version: 2)
                #expect(response.errorCode == .none && response.sessionLifetimeMs == 60_000)
                #expect(try await client.send(MetadataRequest(), version: 9).brokers.count == 1)
            }
            try await RawClient.with(cluster.address()) { client async throws in
                let unknown = try await client.send(
                    SaslHandshakeRequest.with { $0.mechanism = "GSSAPI" },
                    version: 1
                )
                #expect(unknown.errorCode == .unsupportedSaslMechanism && unknown.mechanisms == ["PLAIN"])
                _ = try await client.send(SaslHandshakeRequest.with { $0.mechanism = "PLAIN" }, version: 1)
                let token = SaslAuthenticateRequest.with { $0.authBytes = ByteBuffer(string: "\0alice\0wrong") }
                #expect(try await client.send(token, version: 2).errorCode == .saslAuthenticationFailed)
                #expect(try await client.nextFrame() == nil)
            }
            await #expect(throws: RawClient.Closed.self) {
                try await RawClient.with(cluster.address()) { client async throws in
                    _ = try await client.send(MetadataRequest(), version: 9)
                }
            }
        }
    }
}
