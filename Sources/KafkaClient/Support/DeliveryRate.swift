import NIOCore

/// How fast bytes get through to a broker, from what its answers confirm; decides how many may be on their way.
///
/// The rate between sending a request and its answer is a sample; the best of the last windows counts, since a
/// connection that had nothing to carry says little about the link. Twice the bytes that fit between here and there
/// keep it full while the estimate is too low, and double it with every round trip until it is right.
struct DeliveryRate: Sendable, Equatable {
    /// What has to be remembered with each request.
    struct Mark: Sendable, Equatable {
        fileprivate var delivered: Int
        fileprivate var deliveredAt: NIODeadline
        var bytes: Int
    }

    private static let window = 32

    private(set) var bytesOut = 0
    private var delivered = 0
    private var deliveredAt = NIODeadline.distantPast
    private var current = 0.0
    private var previous = 0.0
    private var samples = 0

    /// Bytes per second.
    var best: Double { max(self.current, self.previous) }

    /// A request goes out that carries, or asks for, this many bytes.
    mutating func sent(_ bytes: Int, now: NIODeadline) -> Mark {
        // After a rest the time before it must not count.
        if self.bytesOut == 0 { self.deliveredAt = now }
        self.bytesOut += bytes
        return Mark(delivered: self.delivered, deliveredAt: self.deliveredAt, bytes: bytes)
    }

    /// Its answer came; `bytes` is what really got through.
    mutating func answered(_ mark: Mark, bytes: Int, now: NIODeadline) {
        self.bytesOut -= mark.bytes
        self.delivered += bytes
        self.deliveredAt = now
        let time = now - mark.deliveredAt
        guard time > .zero else { return }
        self.current = max(self.current, Double(self.delivered - mark.delivered) * 1e9 / Double(time.nanoseconds))
        self.samples += 1
        guard self.samples == Self.window else { return }
        self.previous = self.current
        self.current = 0
        self.samples = 0
    }

    /// Every request that was out is gone.
    mutating func lost() {
        self.bytesOut = 0
    }

    /// The bytes that may be on their way over a distance.
    func allowance(roundTrip: TimeAmount) -> Int {
        Int(min(2 * self.best * Double(roundTrip.nanoseconds) / 1e9, 1e9))
    }
}
