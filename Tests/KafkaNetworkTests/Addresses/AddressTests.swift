import NIOCore
import Testing

@testable import KafkaNetwork

@Suite("Addresses and waiting")
struct AddressTests {
    @Test("Bootstrap lists")
    func lists() throws {
        let list = try BrokerAddress.parseList(" a:1, ,[fe80::1%eth0]:2 ,PLAINTEXT://c.example:3,a:1,")
        #expect(
            list == [
                .init(host: "a", port: 1), .init(host: "fe80::1%eth0", port: 2), .init(host: "c.example", port: 3),
            ]
        )
        #expect(list[1].description == "[fe80::1%eth0]:2")
        #expect(list.sorted().first?.host == "a")
    }

    @Test(
        "Wrong entries are named",
        arguments: [
            ("a", "port is missing"), ("a:", "not a port"), ("a:0", "not a port"), ("a:65536", "not a port"),
            ("a:+1", "not a port"), (":9092", "host is missing"), ("::1:9092", "needs brackets"),
            ("[::1:9092", "not closed"), ("[::1]", "port is missing"), ("[host]:1", "no IPv6"), ("a b:1", "character"),
            ("user@host:1", "character"),
        ]
    )
    func wrong(_ entry: String, _ reason: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try BrokerAddress.parseList("good:1,\(entry)") }
        let found = try #require(error)
        #expect(found.reason.contains("'\(entry)'") && found.reason.contains(reason), "\(found)")
    }

    @Test("An empty list", arguments: ["", " , ,"])
    func empty(_ text: String) {
        #expect(throws: ConfigurationError.self) { try BrokerAddress.parseList(text) }
    }

    @Test("Back-off doubles up to the limit, with a fifth of jitter")
    func backoff() {
        let policy = BackoffPolicy(initial: .milliseconds(100), maximum: .milliseconds(1_000))
        #expect(
            (0..<6).map { policy.delay(failures: $0, random: 0.5).inMilliseconds } == [
                100, 200, 400, 800, 1_000, 1_000,
            ]
        )
        #expect(policy.delay(failures: 0, random: 0).inMilliseconds == 80)
        #expect(policy.delay(failures: 1, random: 0.999_999).inMilliseconds == 239)
        #expect(policy.delay(failures: 3, random: 0.999_999).inMilliseconds == 959)
        // As in Kafka: below the limit jitter goes both ways, above it only down.
        #expect(policy.delay(failures: 60, random: 0).inMilliseconds == 800)
        #expect(policy.delay(failures: .max, random: 0.999_999).inMilliseconds == 1_000)
        let constant = BackoffPolicy(initial: .seconds(2), maximum: .seconds(1))
        #expect(constant.delay(failures: 9, random: 0) == .seconds(2))
        #expect(BackoffPolicy(initial: .zero, maximum: .seconds(1)).delay(failures: 5) == .zero)
    }

    @Test("The system's resolver: literals, localhost, and a name that cannot exist")
    func resolver() async throws {
        let resolver = SystemResolver()
        let four = try await resolver.resolve(.init(host: "127.0.0.1", port: 7))
        #expect(four == [try SocketAddress(ipAddress: "127.0.0.1", port: 7)])
        let six = try await resolver.resolve(.init(host: "::1", port: 7))
        #expect(six == [try SocketAddress(ipAddress: "::1", port: 7)])
        let local = try await resolver.resolve(.init(host: "localhost", port: 7))
        #expect(local.contains { $0.ipAddress == "127.0.0.1" || $0.ipAddress == "::1" })
        #expect(local.allSatisfy { $0.port == 7 })
        await #expect(throws: HostNotFound.self) { try await resolver.resolve(.init(host: "no.such.invalid", port: 7)) }
    }
}
