import DequeModule
import NIOCore

/// What one answer held.
struct FetchReach: Sendable, Equatable {
    /// Offsets from its first batch to the end of its last one.
    var span: Int64
    /// Bytes that it was allowed to hold.
    var bytes: Int
    /// The fewest and the most offsets that one of its batches takes.
    var narrowest: Int64
    var widest: Int64

    /// What an answer of another size would hold, rather less.
    func scaled(to bytes: Int) -> Int64 {
        guard bytes != self.bytes, self.bytes > 0 else { return self.span }
        return Int64(min(Double(self.span) * Double(bytes) / Double(self.bytes), FetchStream.furthest)) - self.widest
    }
}

/// Reading ahead of one partition: several requests are out, each for the offset at which the one before it should end.
///
/// An answer begins with the batch that holds the offset asked for, so a guess inside of a batch brings it twice. Where
/// all batches are equally wide guesses are put between them; elsewhere they begin earlier by the widest batch, and by more
/// the more answers differ.
struct FetchStream: Sendable, Equatable {
    /// Answers whose extent counts.
    private static let memory = 16
    /// As far as a guess may reach: offsets are what the broker says, and sums of them must not overflow.
    static let furthest = 0x1p61
    private static let leastMargin = 0.002
    /// The margin while few answers are known.
    private static let firstMargin = 0.02

    /// Tells the requests of this stream from those of earlier ones.
    var id: UInt64
    /// Where the next request begins.
    private(set) var guess: Int64
    /// Behind the last record that can be read, as far as known.
    var end: Int64
    /// Requests that are out.
    var inFlight = 0
    /// The next answer is expected to hold the least of what the last ones held.
    private var reaches: Deque<FetchReach> = []
    /// A place between two batches.
    private var boundary: Int64
    /// What is left out of an expectation beside that: reading a little twice costs less than a gap.
    private var margin = 0.0

    /// - Parameter reach: What an answer held that ended at `next`.
    init(id: UInt64, next: Int64, end: Int64, after reach: FetchReach) {
        self.id = id
        self.guess = next
        self.end = end
        self.boundary = next
        self.reaches.append(reach)
    }

    /// Whether another request could bring something.
    var wantsMore: Bool { self.guess < self.end }

    /// A request for so many bytes goes out for `guess`.
    mutating func sent(_ bytes: Int) {
        self.inFlight += 1
        let spans = self.reaches.map { Double($0.scaled(to: bytes)) }
        let least = spans.min() ?? 0
        let widest = self.reaches.reduce(1) { max($0, $1.widest) }
        let narrowest = self.reaches.reduce(widest) { min($0, $1.narrowest) }
        let advance: Int64
        if widest == narrowest, self.guess >= self.boundary {
            let past = self.guess - self.boundary
            let expected = min(Double(past) + least * (1 - self.margin), Self.furthest)
            advance = Int64(expected) / widest * widest - past
        } else {
            // A gap costs all that is on its way, so it has to be rare.
            let mean = spans.reduce(0, +) / Double(spans.count)
            let variance = spans.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(spans.count)
            let margin = max(self.margin, spans.count < Self.memory / 2 ? Self.firstMargin : Self.leastMargin)
            let expected = min(least, mean - 3 * variance.squareRoot()) * (1 - margin)
            advance = Int64(max(0, min(expected, Self.furthest))) - widest + 1
        }
        let (next, overflow) = self.guess.addingReportingOverflow(max(1, advance))
        self.guess = overflow ? .max : next
    }

    /// An answer ended before `next`.
    ///
    /// - Parameter isLast: Whether there was no more to send.
    mutating func reached(_ next: Int64, _ reach: FetchReach, isLast: Bool) {
        if self.inFlight == 0 { self.guess = next }
        self.boundary = next
        guard !isLast, reach.span > 0 else { return }
        self.reaches.append(reach)
        if self.reaches.count > Self.memory { self.reaches.removeFirst() }
        self.margin *= 0.95
        if self.margin < Self.leastMargin { self.margin = 0 }
    }

    /// An answer began behind the end of the one before it: begins again where that one ended.
    mutating func restart(id: UInt64, next: Int64) {
        self.id = id
        self.guess = next
        self.boundary = next
        self.inFlight = 0
        self.margin = min(0.3, self.margin * 2 + 0.01)
    }
}

/// A second connection to a distant broker, on which partitions are read ahead.
struct FetchAhead: Sendable {
    struct Request: Sendable {
        var slot: Int
        var stream: UInt64
        var offset: Int64
        var reserved: Int
        var mark: DeliveryRate.Mark
    }

    var link = FetchBroker.Link.idle
    /// In the order of their answers.
    var requests: Deque<Request> = []
    /// Partitions that are read here and not in the session.
    var streaming: [Int] = []
    var rate = DeliveryRate()
    var failures = 0
}
