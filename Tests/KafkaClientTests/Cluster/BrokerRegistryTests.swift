import KafkaNetwork
import NIOCore
import Testing

@testable import KafkaClient

@Suite("Connections of a client")
struct BrokerRegistryTests {
    private typealias Registry = BrokerRegistry<String, Int>

    private let start = ContinuousClock.now
    private let address = BrokerAddress(host: "a", port: 9092)

    private final class Loop: Sendable {}
    private static let loop = Loop()

    private func key(_ node: Int32, _ purpose: ConnectionPurpose = .control, lane: Int = 0) -> ConnectionKey {
        ConnectionKey(target: .node(node), purpose: purpose, lane: lane, loop: ObjectIdentifier(Self.loop))
    }

    private func registry(limit: Int = 10) -> Registry {
        Registry(
            reconnect: BackoffPolicy(initial: .milliseconds(50), maximum: .seconds(1), jitter: 0),
            limit: limit,
            maximumIdleTime: .seconds(60)
        )
    }

    private func attempt(_ lookup: Registry.Lookup) -> Registry.Attempt? {
        if case .connect(let attempt, _, _) = lookup { attempt } else { nil }
    }

    @Test("One attempt serves all who ask, and then the connection does")
    func connect() throws {
        var registry = registry()
        let first = registry.lookup(key(1), address: address, now: start) { 7 }
        let attempt = try #require(self.attempt(first))
        #expect(attempt.delay == .zero)
        #expect(attempt.address == address)
        guard case .wait(7) = registry.lookup(key(1), address: address, now: start, makePending: { 8 }) else {
            Issue.record("the second caller waits for the first one's attempt")
            return
        }
        #expect(registry.connected(key(1), attempt: attempt.number, connection: "c") == 7)
        guard case .use("c") = registry.lookup(key(1), address: address, now: start, makePending: { 9 }) else {
            Issue.record("the third caller gets the connection")
            return
        }
        #expect(registry.count == 1)
        #expect(registry.isConnected(key(1)))
        #expect(!registry.isConnected(key(1, .fetch)))
    }

    @Test("Purposes and lanes have connections of their own")
    func separate() throws {
        var registry = registry()
        let keys = [key(1), key(1, .fetch), key(1, .fetch, lane: 1), key(2)]
        for key in keys {
            #expect(attempt(registry.lookup(key, address: address, now: start) { 0 }) != nil)
        }
        #expect(registry.count == 4)
    }

    @Test("Failures make the next attempt wait longer, success forgets them")
    func backoff() throws {
        var registry = registry()
        var now = start
        for (failures, pause) in [(0, 0), (1, 50), (2, 100), (3, 200)] {
            let next = try #require(attempt(registry.lookup(key(1), address: address, now: now) { 1 }))
            #expect(next.delay == .milliseconds(pause))
            #expect(next.failures == failures)
            now += next.delay
            #expect(registry.failed(key(1), attempt: next.number, now: now, random: 0.5) == 1)
            #expect(registry.isBackingOff(key(1), now: now))
        }
        let last = try #require(attempt(registry.lookup(key(1), address: address, now: now + .seconds(5)) { 1 }))
        #expect(last.delay == .zero)
        _ = registry.connected(key(1), attempt: last.number, connection: "c")
        registry.closed(key(1), attempt: last.number)
        let again = try #require(attempt(registry.lookup(key(1), address: address, now: now) { 1 }))
        #expect(again.delay == .zero)
        #expect(again.failures == 0)
    }

    @Test("News of an older attempt are ignored")
    func stale() throws {
        var registry = registry()
        let first = try #require(attempt(registry.lookup(key(1), address: address, now: start) { 1 }))
        _ = registry.connected(key(1), attempt: first.number, connection: "old")
        registry.closed(key(1), attempt: first.number)
        let second = try #require(attempt(registry.lookup(key(1), address: address, now: start) { 2 }))
        #expect(registry.connected(key(1), attempt: first.number, connection: "late") == nil)
        #expect(registry.failed(key(1), attempt: first.number, now: start, random: 0) == nil)
        registry.closed(key(1), attempt: first.number)
        #expect(registry.connected(key(1), attempt: second.number, connection: "new") == 2)
    }

    @Test("A broker at another address gets new connections")
    func moved() throws {
        var registry = registry()
        for node in [Int32(1), 2, 3] {
            let next = try #require(attempt(registry.lookup(key(node), address: address, now: start) { Int(node) }))
            if node < 3 { _ = registry.connected(key(node), attempt: next.number, connection: "c\(node)") }
        }
        let moved = BrokerAddress(host: "b", port: 9092)
        let (close, fail) = registry.update { $0 == 2 ? address : $0 == 1 ? moved : nil }
        #expect(close == ["c1"])
        #expect(fail == [3])
        #expect(registry.isConnected(key(2)))
        let next = try #require(attempt(registry.lookup(key(1), address: moved, now: start) { 1 }))
        #expect(next.address == moved)
    }

    @Test("At the limit the control connection unused for longest gives way")
    func limit() throws {
        var registry = registry(limit: 3)
        for (index, key) in [key(1), key(2), key(3, .fetch)].enumerated() {
            let now = start + .seconds(index)
            let next = try #require(attempt(registry.lookup(key, address: address, now: now) { 0 }))
            _ = registry.connected(key, attempt: next.number, connection: "c\(index)")
        }
        guard
            case .connect(let next, _, evicted: "c0") = registry.lookup(
                key(4),
                address: address,
                now: start + .seconds(10),
                makePending: { 0 }
            )
        else {
            Issue.record("the oldest is evicted")
            return
        }
        _ = registry.connected(key(4), attempt: next.number, connection: "c4")
        _ = registry.lookup(key(2), address: address, now: start + .seconds(10)) { 0 }
        guard
            case .tooMany = registry.lookup(key(5), address: address, now: start + .seconds(10), makePending: { 0 })
        else {
            Issue.record("connections in use stay")
            return
        }
    }

    @Test("Closing hands back everything open and everyone who waits")
    func shutDown() throws {
        var registry = registry()
        let next = try #require(attempt(registry.lookup(key(1), address: address, now: start) { 1 }))
        _ = registry.connected(key(1), attempt: next.number, connection: "c")
        _ = registry.lookup(key(2), address: address, now: start) { 2 }
        let (close, fail) = registry.shutDown()
        #expect(close == ["c"])
        #expect(fail == [2])
        #expect(registry.count == 0)
    }
}
