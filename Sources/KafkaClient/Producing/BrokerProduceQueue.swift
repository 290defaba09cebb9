import DequeModule
import NIOCore

/// What waits for one broker, and whether a request may go out to it now.
///
/// Pure. Partitions take turns: each request takes at most one batch of each, beginning with the partition that has
/// waited longest.
struct BrokerProduceQueue: Sendable, EditedInPlace {
    /// The connection.
    enum Link: Sendable, Equatable {
        case idle
        case connecting
        case ready(version: Int16)
        /// A pause after a failure.
        case waiting(until: NIODeadline)
    }

    /// Whether a request may go out.
    enum Permission: Sendable, Equatable {
        case send
        /// Small: wait for company until then, or until an answer comes.
        case linger(until: NIODeadline)
        /// Nothing to send, no connection, or enough requests out.
        case hold
    }

    private struct Waiting {
        var bytes: Int
        /// That of the partition's place in `turns`; places with another one are void.
        var ticket: UInt32
    }

    private struct Turn {
        var slot: Int
        var ticket: UInt32
    }

    var link = Link.idle
    /// When the connection was asked for.
    var connectingSince = NIODeadline.distantPast
    /// Requests without an answer.
    private(set) var inFlight: [UInt64: DeliveryRate.Mark] = [:]
    private var rate = DeliveryRate()
    /// Failures in a row.
    var failures = 0
    var throttledUntil = NIODeadline.distantPast
    var roundTrip = RoundTrip()
    private var turns: Deque<Turn> = []
    private var waiting: [Int: Waiting] = [:]
    private var nextTicket: UInt32 = 0
    private var waitingBytes = 0
    private var waitingSince: NIODeadline?

    /// Whether some partition waits for its turn.
    var hasWaiting: Bool { !self.waiting.isEmpty }

    /// A partition has something to send; `bytes` is a hint how much.
    mutating func enqueue(_ slot: Int, bytes: Int, now: NIODeadline) {
        if let before = self.waiting[slot] {
            self.waitingBytes -= before.bytes
            self.waiting[slot] = Waiting(bytes: bytes, ticket: before.ticket)
        } else {
            self.line(up: slot, bytes: bytes)
        }
        self.waitingBytes += bytes
        if self.waitingSince == nil { self.waitingSince = now }
    }

    /// A partition has nothing more, or belongs to another broker now.
    mutating func remove(_ slot: Int) {
        guard let entry = self.waiting.removeValue(forKey: slot) else { return }
        // Its place in the turns goes when it comes up: removing from the middle would cost a search each time.
        self.waitingBytes -= entry.bytes
        if self.waiting.isEmpty { self.waitingSince = nil }
    }

    /// The partitions in the order of their turns; each keeps its turn unless it is removed.
    mutating func takeTurns() -> [Int] {
        var order: [Int] = []
        order.reserveCapacity(self.waiting.count)
        while let turn = self.turns.popFirst() {
            if self.waiting[turn.slot]?.ticket == turn.ticket { order.append(turn.slot) }
        }
        return order
    }

    private mutating func line(up slot: Int, bytes: Int) {
        self.nextTicket &+= 1
        self.waiting[slot] = Waiting(bytes: bytes, ticket: self.nextTicket)
        self.turns.append(Turn(slot: slot, ticket: self.nextTicket))
    }

    /// Puts the partitions back: those that still wait, the ones that got nothing in this turn first.
    mutating func putBack(unserved: some Sequence<Int>, served: some Sequence<Int>, now: NIODeadline) {
        for slot in unserved { if let bytes = self.waiting[slot]?.bytes { self.line(up: slot, bytes: bytes) } }
        for slot in served { if let bytes = self.waiting[slot]?.bytes { self.line(up: slot, bytes: bytes) } }
        self.waitingSince = self.waiting.isEmpty ? nil : now
    }

    /// Batches of one partition that may be out.
    func batchLimit(_ settings: ProduceSettings) -> Int {
        self.isFar(settings) ? settings.maximumInFlightFarAway : settings.maximumInFlight
    }

    private func isFar(_ settings: ProduceSettings) -> Bool {
        settings.isIdempotent && !settings.isTransactional && self.roundTrip.isKnown
            && self.roundTrip.least >= settings.farAway
    }

    /// Whether another request fits on the way.
    private func hasRoom(_ settings: ProduceSettings) -> Bool {
        if self.inFlight.count < settings.maximumInFlight { return true }
        guard self.inFlight.count < settings.maximumInFlightFarAway, self.isFar(settings) else { return false }
        return self.rate.bytesOut < self.rate.allowance(roundTrip: self.roundTrip.least)
    }

    /// Whether a connection is wanted that nobody has asked for; it is asked for from now on.
    mutating func beginConnecting(now: NIODeadline) -> Bool {
        guard self.link == .idle, self.hasWaiting else { return false }
        self.link = .connecting
        self.connectingSince = now
        return true
    }

    func permission(settings: ProduceSettings, now: NIODeadline) -> Permission {
        guard case .ready = self.link, let since = self.waitingSince, self.hasRoom(settings) else { return .hold }
        if self.throttledUntil > now { return .linger(until: self.throttledUntil) }
        // Waiting helps only while the broker is busy with an earlier request anyway.
        guard !self.inFlight.isEmpty, self.waitingBytes < settings.lingerBytes else { return .send }
        let until = since + settings.linger
        return until <= now ? .send : .linger(until: until)
    }

    mutating func began(_ request: UInt64, bytes: Int, now: NIODeadline) {
        self.inFlight[request] = self.rate.sent(bytes, now: now)
    }

    mutating func answered(_ request: UInt64, sentAt: NIODeadline, throttle: TimeAmount, now: NIODeadline) {
        if let mark = self.inFlight.removeValue(forKey: request) {
            self.rate.answered(mark, bytes: mark.bytes, now: now)
        }
        self.roundTrip.add(now - sentAt)
        self.failures = 0
        self.throttledUntil = now + throttle
    }

    /// The connection is gone, and every request with it.
    mutating func lost() -> [UInt64] {
        let requests = self.inFlight.keys.sorted()
        self.inFlight.removeAll()
        self.rate.lost()
        return requests
    }
}

/// The least time a broker took to answer lately: the distance to it, without what busy times add.
struct RoundTrip: Sendable, Equatable {
    private static let window = 64

    private var current = TimeAmount.nanoseconds(.max)
    private var previous = TimeAmount.nanoseconds(.max)
    private var count = 0

    var isKnown: Bool { self.least != .zero || self.count > 0 }

    /// Zero until there was an answer.
    var least: TimeAmount {
        let least = min(self.current, self.previous)
        return least == .nanoseconds(.max) ? .zero : least
    }

    /// Notes one answer.
    ///
    /// Two windows, so that a distance that has grown is believed after a while.
    mutating func add(_ time: TimeAmount) {
        self.current = min(self.current, time)
        self.count += 1
        guard self.count == Self.window else { return }
        self.previous = self.current
        self.current = .nanoseconds(.max)
        self.count = 0
    }
}
