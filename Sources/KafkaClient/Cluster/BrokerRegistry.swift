import KafkaNetwork

/// The connections of a client: which are open, which are being opened, which have to wait after failures.
///
/// Pure: it is told about events and answers with what has to be done. `Connection` and `Pending` are opaque, so
/// tests use plain values.
struct BrokerRegistry<Connection: Sendable, Pending: Sendable>: Sendable {
    /// One try to open a connection.
    struct Attempt: Sendable, Equatable {
        var number: UInt64
        var address: BrokerAddress
        /// The pause before it, because of earlier failures.
        var delay: Duration
        /// How many attempts in a row have failed.
        var failures: Int
    }

    enum Lookup {
        case use(Connection)
        /// Somebody else opens the connection already.
        case wait(Pending)
        /// Open a connection after a pause and report `connected` or `failed` with the attempt number.
        case connect(Attempt, pending: Pending, evicted: Connection?)
        case tooMany
    }

    private enum State: Sendable {
        case disconnected
        case connecting(attempt: UInt64, pending: Pending)
        case connected(attempt: UInt64, connection: Connection)
    }

    private struct Slot: Sendable {
        var address: BrokerAddress
        var state = State.disconnected
        var failures = 0
        /// Not before this; set by the last failure.
        var retryAt: ContinuousClock.Instant?
        var lastUsed: ContinuousClock.Instant

        var isDisconnected: Bool {
            if case .disconnected = state { true } else { false }
        }
    }

    private var slots: [ConnectionKey: Slot] = [:]
    private var lastAttempt: UInt64 = 0
    private let reconnect: BackoffPolicy
    private let limit: Int
    private let maximumIdleTime: Duration

    init(reconnect: BackoffPolicy, limit: Int, maximumIdleTime: Duration) {
        self.reconnect = reconnect
        self.limit = limit
        self.maximumIdleTime = maximumIdleTime
    }

    /// How many connections are open or being opened.
    var count: Int {
        slots.values.reduce(0) { $0 + ($1.isDisconnected ? 0 : 1) }
    }

    /// Finds a connection or says what has to be done for one.
    mutating func lookup(
        _ key: ConnectionKey,
        address: BrokerAddress,
        now: ContinuousClock.Instant,
        makePending: () -> Pending
    ) -> Lookup {
        var slot = slots[key] ?? Slot(address: address, lastUsed: now)
        slot.lastUsed = now
        switch slot.state {
        case .connected(_, let connection):
            slots[key] = slot
            return .use(connection)
        case .connecting(_, let pending):
            slots[key] = slot
            return .wait(pending)
        case .disconnected:
            var evicted: Connection?
            if count >= limit {
                guard let found = evict(now: now) else { return .tooMany }
                evicted = found
            }
            if slot.address != address {
                slot.address = address
                slot.failures = 0
                slot.retryAt = nil
            }
            lastAttempt += 1
            let pending = makePending()
            slot.state = .connecting(attempt: lastAttempt, pending: pending)
            slots[key] = slot
            let pause = slot.retryAt.map { max($0 - now, .zero) } ?? .zero
            return .connect(
                Attempt(number: lastAttempt, address: address, delay: pause, failures: slot.failures),
                pending: pending,
                evicted: evicted
            )
        }
    }

    /// The attempt succeeded; returns whom to tell, or nil when nobody wants the connection any more.
    mutating func connected(_ key: ConnectionKey, attempt: UInt64, connection: Connection) -> Pending? {
        guard case .connecting(attempt, let pending) = slots[key]?.state else { return nil }
        slots[key]?.state = .connected(attempt: attempt, connection: connection)
        slots[key]?.failures = 0
        slots[key]?.retryAt = nil
        return pending
    }

    /// The attempt failed; the next one waits.
    mutating func failed(
        _ key: ConnectionKey,
        attempt: UInt64,
        now: ContinuousClock.Instant,
        random: Double
    ) -> Pending? {
        guard var slot = slots[key], case .connecting(attempt, let pending) = slot.state else { return nil }
        slot.state = .disconnected
        slot.failures += 1
        slot.retryAt = now + reconnect.delay(failures: slot.failures - 1, random: random)
        slots[key] = slot
        return pending
    }

    /// An open connection was closed by either side.
    mutating func closed(_ key: ConnectionKey, attempt: UInt64) {
        guard case .connected(attempt, _) = slots[key]?.state else { return }
        slots[key]?.state = .disconnected
    }

    /// Whether the last attempt failed and its pause is not over.
    func isBackingOff(_ key: ConnectionKey, now: ContinuousClock.Instant) -> Bool {
        guard let retryAt = slots[key]?.retryAt else { return false }
        return retryAt > now
    }

    /// Whether a connection is open.
    func isConnected(_ key: ConnectionKey) -> Bool {
        if case .connected = slots[key]?.state { true } else { false }
    }

    /// Drops connections to brokers that are reached at another address now, or not at all; returns those to close.
    mutating func update(address: (Int32) -> BrokerAddress?) -> (close: [Connection], fail: [Pending]) {
        var close: [Connection] = []
        var fail: [Pending] = []
        for (key, slot) in slots {
            guard case .node(let nodeID) = key.target, address(nodeID) != slot.address else { continue }
            switch slot.state {
            case .connected(_, let connection): close.append(connection)
            case .connecting(_, let pending): fail.append(pending)
            case .disconnected: break
            }
            slots[key] = nil
        }
        return (close, fail)
    }

    /// Forgets brokers nobody asked for lately; open connections close by themselves when they are idle.
    mutating func reap(now: ContinuousClock.Instant) {
        slots = slots.filter { !$0.value.isDisconnected || $0.value.lastUsed + maximumIdleTime > now }
    }

    /// Drops everything.
    mutating func shutDown() -> (close: [Connection], fail: [Pending]) {
        var close: [Connection] = []
        var fail: [Pending] = []
        for slot in slots.values {
            switch slot.state {
            case .connected(_, let connection): close.append(connection)
            case .connecting(_, let pending): fail.append(pending)
            case .disconnected: break
            }
        }
        slots = [:]
        return (close, fail)
    }

    /// Frees the place of the control connection unused for longest; the data path's connections are never taken.
    private mutating func evict(now: ContinuousClock.Instant) -> Connection? {
        var oldest: (key: ConnectionKey, connection: Connection, lastUsed: ContinuousClock.Instant)?
        for (key, slot) in slots where key.purpose == .control {
            guard case .connected(_, let connection) = slot.state, slot.lastUsed + .seconds(1) <= now else { continue }
            if oldest.map({ slot.lastUsed < $0.lastUsed }) ?? true { oldest = (key, connection, slot.lastUsed) }
        }
        guard let oldest else { return nil }
        slots[oldest.key] = nil
        return oldest.connection
    }
}
