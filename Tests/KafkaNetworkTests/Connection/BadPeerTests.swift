import KafkaProtocol
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import KafkaNetwork

@Suite("Peers that misbehave", .timeLimit(.minutes(1)))
struct BadPeerTests {
    private typealias Script = @Sendable (RawServer.Peer, RawServer.Request) -> Void

    /// Connects to a server that follows `script` and returns the error.
    private func setupError(
        onConnect: @escaping @Sendable (RawServer.Peer) -> Void = { _ in },
        _ script: @escaping Script = { _, _ in },
        _ change: (inout ClientConfiguration) -> Void = { _ in }
    ) async throws -> KafkaConnectionError {
        let server = try await RawServer.start(onConnect: onConnect, onRequest: script)
        let error = await connectionError(to: server.address, .test(change))
        await server.stop()
        return try #require(error)
    }

    /// Connects, lets `script` answer everything but version negotiation, and runs `body`.
    private func connected(
        _ change: (inout ClientConfiguration) -> Void = { _ in },
        script: @escaping Script,
        run body: (KafkaConnection, RawServer) async throws -> Void
    ) async throws {
        let server = try await RawServer.start(onRequest: { peer, request in
            if !peer.answerVersions(request) { script(peer, request) }
        })
        do {
            let connection = try await KafkaConnection.connect(to: server.address, .test(change))
            try await body(connection, server)
            await connection.close()
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
    }

    @Test("ApiVersions answered with 35 and a body that cannot be read: asked again in version 0")
    func malformedDowngrade() async throws {
        let server = try await RawServer.start(onRequest: { peer, request in
            guard request.version > 0 else {
                peer.answerVersions(request)
                return
            }
            // Error 35 and then a compact array, as librdkafka's mock cluster writes it.
            peer.answer(request.correlationID, ByteBuffer(bytes: [0, 35, 2, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0]))
        })
        let connection = try await KafkaConnection.connect(to: server.address)
        #expect(connection.apiVersions.range(for: .heartbeat) == 0...4)
        #expect(server.peers.withLockedValue { $0.first }?.requests.withLockedValue { $0 }.map(\.version) == [3, 0])
        await connection.close()
        await server.stop()
    }

    @Test("Garbage, HTTP, TLS, SSH, wrong correlation id, cut-off answer, closing at once")
    func notKafka() async throws {
        let http = try await setupError(onConnect: { $0.write("HTTP/1.1 400 Bad Request\r\n\r\n") })
        #expect(http.code == .protocolViolation && http.message.contains("HTTP"))
        let tls = try await setupError({ peer, _ in peer.write(ByteBuffer(bytes: [0x15, 3, 3, 0, 2, 2, 70])) })
        #expect(try #require(tls.nextStep).contains("security.protocol to SSL"))
        let garbage = try await setupError({ peer, _ in peer.write("\u{1}\u{2}garbage everywhere") })
        #expect(garbage.code == .protocolViolation && garbage.message.contains("not Kafka"))
        let stranger = try await setupError({ peer, request in
            peer.answer(request.correlationID &+ 41, ByteBuffer(bytes: [0, 0]))
        })
        #expect(stranger.code == .protocolViolation && stranger.message.contains("answer 42 while answer 1 was due"))
        let short = try await setupError({ peer, _ in peer.write(ByteBuffer(bytes: [0, 0, 0, 2, 9, 9])) })
        #expect(short.code == .protocolViolation)
        let nonsense = try await setupError({ peer, request in
            peer.answer(request.correlationID, ByteBuffer(bytes: [0, 0, 99, 99]))
        })
        #expect(nonsense.code == .protocolViolation && nonsense.message.contains("version list"))
        let closes = try await setupError({ peer, _ in peer.close() })
        #expect(closes.code == .closed && closes.message.contains("version negotiation"))
        let unsupported = try await setupError({ peer, request in
            peer.answer(request.correlationID, ByteBuffer(bytes: [0, 35, 0, 0, 0, 0]))
        })
        #expect(unsupported.code == .unsupportedVersion)
    }

    @Test("A frame beyond the limit")
    func tooLong() async throws {
        let error = try await setupError(
            { peer, _ in peer.write(ByteBuffer(integer: Int32(5_000_000))) },
            { $0.maximumFrameBytes = 500_000 }
        )
        #expect(error.message.contains("5000000 bytes (the limit is 500000)"))
    }

    @Test("A peer that accepts and never answers ends with a time-out")
    func halfOpen() async throws {
        let error = try await setupError({ _, _ in }, { $0.requestTimeout = .milliseconds(120) })
        #expect(error.code == .timedOut && error.isRetriable)
        #expect(error.message.contains("no answer to ApiVersions within"))
        #expect(error.description.contains("cluster A, broker 127.0.0.1:"))
    }

    @Test("One late request fails with its name; the others may be retried; the connection is gone")
    func timeout() async throws {
        try await connected(
            { $0.requestTimeout = .seconds(30) },
            script: { _, _ in },
            run: { connection, _ in
                async let patient = failure { _ = try await connection.send(HeartbeatRequest()) }
                let late = try #require(
                    await failure { _ = try await connection.send(MetadataRequest(), timeout: .milliseconds(100)) }
                )
                #expect(late.code == .timedOut && late.message.contains("no answer to Metadata within "))
                let other = try #require(await patient)
                #expect(other.code == .closed && other.isRetriable && other.message.contains("Metadata"))
                try await connection.closeFuture.get()
                #expect(!connection.isActive)
            }
        )
    }

    private func failure(_ body: () async throws -> Void) async -> KafkaConnectionError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? KafkaConnectionError
        }
    }

    @Test("The broker closes in the middle of an answer")
    func closeInTheMiddle() async throws {
        try await connected(
            script: { peer, _ in
                peer.write(ByteBuffer(bytes: [0, 0, 0, 99, 0, 0]))
                peer.close()
            },
            run: { connection, _ in
                let error = try #require(await failure { _ = try await connection.send(HeartbeatRequest()) })
                #expect(error.code == .closed && error.isRetriable)
                let reasons = NIOLockedValueBox<[String]>([])
                connection.onClose { reason in reasons.withLockedValue { $0.append(reason?.message ?? "") } }
                #expect(await eventually { reasons.withLockedValue { $0.count } == 1 })
                #expect(reasons.withLockedValue { $0 } == ["the broker closed the connection"])
            }
        )
    }

    @Test("Answers out of order end the connection")
    func outOfOrder() async throws {
        try await connected(
            script: { peer, request in
                if request.correlationID == 3 { peer.answer(3, ByteBuffer(repeating: 0, count: 32)) }
            },
            run: { connection, _ in
                async let first = failure { _ = try await connection.send(HeartbeatRequest()) }
                let second = await failure { _ = try await connection.send(HeartbeatRequest()) }
                let errors = [await first, second]
                #expect(
                    errors.allSatisfy { $0?.code == .closed && $0?.message.contains("answer 3 while answer 2") == true }
                )
            }
        )
    }

    @Test("An answer that cannot be read fails its request only")
    func unreadableAnswer() async throws {
        try await connected(
            script: { peer, request in
                if request.correlationID == 2 {
                    peer.answer(2, ByteBuffer(bytes: [0]))
                } else {
                    try? peer.answer(request, HeartbeatRequest.self, HeartbeatResponse())
                }
            },
            run: { connection, _ in
                let error = try #require(await failure { _ = try await connection.send(HeartbeatRequest()) })
                #expect(error.code == .protocolViolation && error.message.contains("answer to Heartbeat version 4"))
                _ = try await connection.send(HeartbeatRequest())
            }
        )
    }

    @Test("Produce with acks 0 completes at once, and an answer to it does no harm")
    func unexpectedProduceAnswer() async throws {
        try await connected(
            script: { peer, request in
                if request.apiKey == .produce {
                    try? peer.answer(request, ProduceRequest.self, ProduceResponse())
                } else {
                    try? peer.answer(request, HeartbeatRequest.self, HeartbeatResponse())
                }
            },
            run: { connection, _ in
                var request = ProduceRequest()
                request.acks = 0
                for _ in 0..<3 {
                    #expect(try await connection.send(request) == ProduceResponse())
                    _ = try await connection.send(HeartbeatRequest())
                }
                request.acks = 1
                #expect(try await connection.send(request) == ProduceResponse())
            }
        )
    }

    @Test("An API that the broker lacks, and a version that cannot be written")
    func unsupported() async throws {
        try await connected(
            script: { _, _ in },
            run: { connection, _ in
                let missing = try #require(await failure { _ = try await connection.send(EndTxnRequest()) })
                #expect(missing.code == .unsupportedVersion && missing.message.contains("has no EndTxn"))
                let wrong = try #require(
                    await failure { _ = try await connection.send(HeartbeatRequest(), version: 77) }
                )
                #expect(wrong.code == .invalidRequest)
                #expect(connection.isActive)
            }
        )
    }

    @Test("A cancelled wait ends at once and its answer is dropped")
    func cancellation() async throws {
        let held = NIOLockedValueBox<[(RawServer.Peer, RawServer.Request)]>([])
        try await connected(
            script: { peer, request in held.withLockedValue { $0.append((peer, request)) } },
            run: {
                connection,
                _ in
                let task = Task { try await connection.send(HeartbeatRequest()) }
                #expect(await eventually { held.withLockedValue { $0.count } == 1 })
                task.cancel()
                let result = await task.result
                #expect(throws: KafkaConnectionError.self) { try result.get() }
                let next = Task { try await connection.send(HeartbeatRequest()) }
                #expect(await eventually { held.withLockedValue { $0.count } == 2 })
                for (peer, request) in held.withLockedValue({ $0 }) {
                    try peer.answer(request, HeartbeatRequest.self, HeartbeatResponse())
                }
                _ = try await next.value
            }
        )
    }

    @Test("More requests than allowed are refused, not piled up")
    func overload() async throws {
        try await connected(
            { $0.maximumInFlightRequests = 2 },
            script: { _, _ in },
            run: { connection, _ in
                let codes = NIOLockedValueBox<[KafkaConnectionError.Code]>([])
                try await connection.eventLoop.submit {
                    for _ in 0..<3 {
                        connection.send(HeartbeatRequest()) { result in
                            if case .failure(let error) = result { codes.withLockedValue { $0.append(error.code) } }
                        }
                    }
                    #expect(connection.inFlightCount == 2)
                }.get()
                #expect(codes.withLockedValue { $0 } == [.overloaded])
            }
        )
    }

    private typealias Held = NIOLockedValueBox<(RawServer.Peer, RawServer.Request)?>

    /// A connection with a request that has reached the server; nil when it was idle for too long before.
    private func busyConnection(
        to address: BrokerAddress,
        _ configuration: ClientConfiguration,
        held: Held
    ) async throws -> (KafkaConnection, Task<HeartbeatResponse, any Error>)? {
        held.withLockedValue { $0 = nil }
        // A machine that is busy enough lets the connection idle away before it is handed out.
        guard let connection = try? await KafkaConnection.connect(to: address, configuration) else { return nil }
        let request = Task { try await connection.send(HeartbeatRequest()) }
        let isDecided = await eventually { held.withLockedValue { $0 != nil } || !connection.isActive }
        #expect(isDecided)
        return held.withLockedValue { $0 != nil } && connection.isActive ? (connection, request) : nil
    }

    @Test("An idle connection closes itself, a busy one does not")
    func idle() async throws {
        let idle = ClientConfiguration.test { $0.connectionMaxIdle = .milliseconds(150) }
        let held = Held(nil)
        let script: Script = { peer, request in
            if !peer.answerVersions(request) { held.withLockedValue { $0 = (peer, request) } }
        }
        try await RawServer.with(onRequest: script) { server in
            var attempt: (KafkaConnection, Task<HeartbeatResponse, any Error>)?
            for _ in 0..<50 where attempt == nil {
                attempt = try await busyConnection(to: server.address, idle, held: held)
            }
            let (connection, request) = try #require(attempt)
            let begin = ContinuousClock.now
            _ = await eventually { ContinuousClock.now - begin > .milliseconds(400) }
            #expect(connection.isActive)
            let (peer, question) = try #require(held.withLockedValue { $0 })
            let start = ContinuousClock.now
            try peer.answer(question, HeartbeatRequest.self, HeartbeatResponse())
            _ = try await request.value
            try await connection.closeFuture.get()
            #expect(ContinuousClock.now - start >= .milliseconds(140))
        }
    }

    @Test("Nobody listens; the first of two addresses is dead")
    func unreachable() async throws {
        let server = try await RawServer.start(onRequest: { peer, request in peer.answerVersions(request) })
        let gone = try await RawServer.start()
        await gone.stop()
        let error = try #require(await connectionError(to: gone.address))
        #expect(error.code == .unreachable && error.isRetriable && error.message.contains("refused"), "\(error)")
        let dead = try SocketAddress(ipAddress: "127.0.0.1", port: gone.address.port)
        let live = try SocketAddress(ipAddress: "127.0.0.1", port: server.address.port)
        let both = ClientConfiguration.test { $0.resolver = FixedResolver(addresses: [dead, live]) }
        let connection = try await KafkaConnection.connect(to: .init(host: "two.example", port: 1), both)
        await connection.close()
        let nobody = ClientConfiguration.test { $0.resolver = FixedResolver(addresses: []) }
        let unknown = try #require(await connectionError(to: .init(host: "none.example", port: 1), nobody))
        #expect(unknown.code == .unknownHost && unknown.message.contains("none.example"))
        await server.stop()
    }

    private struct FixedResolver: HostResolver {
        var addresses: [SocketAddress] = []
        var names: [String: [String]] = [:]
        func resolve(_ address: BrokerAddress) async throws -> [SocketAddress] { self.addresses }
        func canonicalNames(of host: String) async throws -> [String] {
            guard let names = self.names[host] else { throw HostNotFound(host: host, reason: "no such host") }
            return names
        }
    }

    @Test("Bootstrap names are replaced by canonical ones when that is wanted")
    func canonicalNames() async throws {
        var configuration = ClientConfiguration.test {
            $0.bootstrapServers = [.init(host: "a", port: 1), .init(host: "b", port: 2)]
            $0.resolver = FixedResolver(names: ["a": ["a1.example", "a2.example"]])
        }
        #expect(try await configuration.resolvedBootstrapServers() == configuration.bootstrapServers)
        configuration.dnsLookup = .resolveCanonicalBootstrapServersOnly
        let expected = ["a1.example", "a2.example"].map { BrokerAddress(host: $0, port: 1) }
        #expect(try await configuration.resolvedBootstrapServers() == expected)
        configuration.resolver = FixedResolver()
        let failing = configuration
        let error = try #require(await failure { _ = try await failing.resolvedBootstrapServers() })
        #expect(error.code == .unknownHost && error.message.contains("no such host"))
    }

    @Test("A listener that closes at the first request after version negotiation: it may want SASL")
    func closesAtFirstRequest() async throws {
        try await connected(
            script: { peer, _ in peer.close() },
            run: { connection, _ in
                let error = try #require(await failure { _ = try await connection.send(HeartbeatRequest()) })
                #expect(error.code == .closed && error.description.contains("may want SASL"), "\(error)")
            }
        )
    }

    @Test("Cancelling while TCP is under way ends at once")
    func cancelledConnect() async throws {
        // Nobody answers at an address that is reserved for documentation (RFC 5737).
        let silent = ClientConfiguration.test {
            $0.connectionSetupTimeout = .seconds(20)
            $0.connectionSetupTimeoutMax = .seconds(20)
        }
        let task = Task { await connectionError(to: .init(host: "192.0.2.1", port: 9), silent) }
        let start = ContinuousClock.now
        task.cancel()
        let error = try #require(await task.value)
        // Without any route the connection fails before it can be cancelled.
        #expect(error.code == .cancelled || error.code == .unreachable)
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test("IPv6")
    func ipv6() async throws {
        guard let server = try? await RawServer.start(host: "::1", onRequest: { $0.answerVersions($1) }) else {
            // Containers are often without IPv6; then the failure must at least be clear.
            let error = try #require(await connectionError(to: .init(host: "::1", port: 9)))
            #expect(error.code == .unreachable && error.description.contains("[::1]:9"))
            return
        }
        let connection = try await KafkaConnection.connect(to: .init(host: "::1", port: server.address.port))
        await connection.close()
        await server.stop()
    }
}
