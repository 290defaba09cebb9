import KafkaProtocol
import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import KafkaNetwork

@Suite("Names with several addresses, and name services that do not answer", .timeLimit(.minutes(1)))
struct SeveralAddressesTests {
    private struct ScriptedResolver: HostResolver {
        var resolving: @Sendable () async throws -> [SocketAddress]
        func resolve(_ address: BrokerAddress) async throws -> [SocketAddress] { try await self.resolving() }
        func canonicalNames(of host: String) async throws -> [String] {
            _ = try await self.resolving()
            return []
        }
    }

    private static let name = BrokerAddress(host: "kafka.example", port: 1)

    /// A configuration under which the name has the addresses of these servers, in order.
    private func configuration(
        _ servers: [RawServer],
        _ change: (inout ClientConfiguration) -> Void = { _ in }
    ) throws -> ClientConfiguration {
        let addresses = try servers.map { try SocketAddress(ipAddress: "127.0.0.1", port: $0.address.port) }
        return ClientConfiguration.test {
            $0.connectionSetupTimeout = .milliseconds(200)
            $0.resolver = ScriptedResolver { addresses }
            change(&$0)
        }
    }

    private func connections(_ server: RawServer) -> Int { server.peers.withLockedValue { $0.count } }

    @Test("an address that takes the connection and says nothing does not hide the next, and comes last then")
    func silent() async throws {
        let silent = try await RawServer.start()
        let live = try await RawServer.start(onRequest: { $0.answerVersions($1) })
        let configuration = try configuration([silent, live])
        for _ in 0..<3 {
            let connection = try await KafkaConnection.connect(to: Self.name, configuration)
            #expect(connection.isActive)
            await connection.close()
        }
        #expect(connections(silent) == 1 && connections(live) == 3)
        await silent.stop()
        await live.stop()
    }

    @Test(
        "an address that closes, or is no Kafka, does not hide the next",
        arguments: ["", "HTTP/1.1 400 Bad Request"]
    )
    func useless(greeting: String) async throws {
        let useless = try await RawServer.start(onConnect: { peer in
            if greeting.isEmpty { peer.close() } else { peer.write(greeting) }
        })
        let live = try await RawServer.start(onRequest: { $0.answerVersions($1) })
        let connection = try await KafkaConnection.connect(to: Self.name, try configuration([useless, live]))
        await connection.close()
        #expect(connections(useless) == 1)
        await useless.stop()
        await live.stop()
    }

    @Test("when none works each is named with its reason")
    func none() async throws {
        let silent = try await RawServer.start()
        let gone = try await RawServer.start()
        await gone.stop()
        let error = try #require(await connectionError(to: Self.name, try configuration([gone, silent])))
        #expect(error.code == .timedOut && error.isRetriable)
        let text = error.description
        #expect(text.hasPrefix("cluster A, broker kafka.example:1: none of the name's 2 addresses works: "), "\(text)")
        #expect(text.contains("127.0.0.1: Connection refused; 127.0.0.1: the peer took the connection"), "\(text)")
        #expect(text.contains("security.protocol"), "\(text)")
        await silent.stop()
    }

    @Test("credentials that one address refuses are not tried at the next")
    func refusedCredentials() async throws {
        let first = try await RawServer.start(onRequest: { peer, request in
            if peer.answerVersions(request) { return }
            if request.apiKey == .saslHandshake {
                try? peer.answer(request, SaslHandshakeRequest.self, SaslHandshakeResponse())
            } else {
                let refusal = SaslAuthenticateResponse.with { $0.errorCode = .saslAuthenticationFailed }
                try? peer.answer(request, SaslAuthenticateRequest.self, refusal)
            }
        })
        let second = try await RawServer.start(onRequest: { $0.answerVersions($1) })
        let configuration = try configuration([first, second]) {
            $0.securityProtocol = .saslPlaintext
            $0.sasl = SASLSettings(mechanism: .plain, username: "alice", password: "wrong")
        }
        let error = try #require(await connectionError(to: Self.name, configuration))
        #expect(error.code == .authenticationFailed && error.description.contains("as user alice"), "\(error)")
        #expect(connections(second) == 0)
        await first.stop()
        await second.stop()
    }

    @Test("a name service that does not answer costs no more than the time to connect")
    func silentNameService() async throws {
        let never = ClientConfiguration.test {
            $0.connectionSetupTimeout = .milliseconds(100)
            $0.dnsLookup = .resolveCanonicalBootstrapServersOnly
            $0.bootstrapServers = [Self.name]
            $0.resolver = ScriptedResolver {
                try await Task.sleep(for: .seconds(3_600))
                return []
            }
        }
        let begin = ContinuousClock.now
        let error = try #require(await connectionError(to: Self.name, never))
        #expect(error.code == .unknownHost && error.isRetriable)
        #expect(error.message.contains("kafka.example cannot be resolved: the name service gave no answer within"))
        do {
            _ = try await never.resolvedBootstrapServers()
            Issue.record("names came from nowhere")
        } catch {
            #expect(error.message.contains("the name service gave no answer within"), "\(error)")
        }
        #expect(ContinuousClock.now - begin < .seconds(20))
    }

    @Test("cancelling ends the wait for a name")
    func cancelled() async throws {
        let never = ClientConfiguration.test {
            $0.connectionSetupTimeout = .seconds(50)
            $0.connectionSetupTimeoutMax = .seconds(50)
            $0.resolver = ScriptedResolver {
                try await Task.sleep(for: .seconds(3_600))
                return []
            }
        }
        let task = Task { await connectionError(to: Self.name, never) }
        let begin = ContinuousClock.now
        task.cancel()
        let error = try #require(await task.value)
        #expect(error.code == .cancelled, "\(error)")
        #expect(ContinuousClock.now - begin < .seconds(20))
    }

    @Test("a port that is none is an error", arguments: [0, -1, 65_536, Int(Int32.max), Int(Int32.min)])
    func ports(port: Int) async throws {
        for host in ["127.0.0.1", "::1", "localhost"] {
            let error = try #require(await connectionError(to: BrokerAddress(host: host, port: port)))
            #expect(error.code == .unknownHost && error.message.contains("\(port) is not a port"), "\(error)")
        }
    }

    @Test("addresses that failed come last, the oldest failure first; success clears it")
    func memory() throws {
        let addresses = try (1...4).map { try SocketAddress(ipAddress: "10.0.0.\($0)", port: 9_092) }
        let memory = AddressMemory()
        #expect(memory.sorted(addresses) == addresses)
        memory.failed(addresses[0])
        memory.failed(addresses[2])
        #expect(memory.sorted(addresses) == [addresses[1], addresses[3], addresses[0], addresses[2]])
        memory.failed(addresses[0])
        #expect(memory.sorted(addresses) == [addresses[1], addresses[3], addresses[2], addresses[0]])
        memory.worked(addresses[2])
        #expect(memory.sorted(addresses) == [addresses[1], addresses[2], addresses[3], addresses[0]])
    }
}
