import DequeModule
import NIOCore

/// Reading ahead of one partition: several requests are out, each for the offset at which the one before it should end.
struct FetchStream: Sendable, Equatable {
    /// Tells the requests of this stream from those of earlier ones.
    var id: UInt64
    /// Where the next request begins.
    var guess: Int64
    /// Behind the last record that can be read, as far as known.
    var end: Int64
    /// Requests that are out.
    var inFlight = 0
    /// How much the last answers held, in offsets; the next one is expected to hold the least of that.
    private var spans: Deque<Int64> = []
    /// The widest batch of late: an answer begins with the batch that holds the offset asked for, so up to so much of it
    /// comes twice.
    private var widest: Int64 = 1
    /// What is left out of an expectation: reading a little twice costs less than a gap.
    private var margin = 0.002

    init(id: UInt64, next: Int64, end: Int64) {
        self.id = id
        self.guess = next
        self.end = end
    }

    /// Whether another request could bring something: the second goes out when the first has shown how far one reaches.
    var wantsMore: Bool { self.guess < self.end && (self.inFlight == 0 || !self.spans.isEmpty) }

    /// A request goes out for `guess`.
    mutating func sent() {
        self.inFlight += 1
        guard let least = self.spans.min() else { return }
        self.guess += max(1, Int64(Double(least) * (1 - self.margin)) - self.widest + 1)
    }

    /// An answer ended before `next`; its batches cover `span` offsets, the widest of them `widest`.
    ///
    /// `isLast` when there was no more to send.
    mutating func reached(_ next: Int64, span: Int64, widest: Int64, isLast: Bool) {
        if self.inFlight == 0 { self.guess = next }
        guard !isLast, span > 0 else { return }
        self.spans.append(span)
        if self.spans.count > 4 { self.spans.removeFirst() }
        self.widest = max(widest, self.widest - self.widest / 8)
        self.margin = max(0.002, self.margin * 0.95)
    }

    /// An answer began behind the end of the one before it: begins again where that one ended.
    mutating func restart(id: UInt64, next: Int64) {
        self.id = id
        self.guess = next
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
