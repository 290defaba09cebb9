import DequeModule
import KafkaProtocol
import NIOCore

/// The requests that wait for their answers on one connection, oldest first.
///
/// Kafka answers in order, so an answer must be the one to the oldest request. Time comes in as a parameter.
struct InFlightQueue<Payload> {
    struct Entry {
        let correlationID: Int32
        let apiKey: ApiKey
        let sentAt: NIODeadline
        let deadline: NIODeadline
        let byteCount: Int
        let payload: Payload
    }

    enum Match {
        case entry(Entry)
        /// An answer to a request that should have none (Produce with acks 0); some brokers send it.
        case unexpectedButHarmless
        /// An answer to something else than the oldest request; nil when none waits.
        case mismatch(expected: Int32?)
    }

    let maximumCount: Int
    let maximumBytes: Int
    private var entries: Deque<Entry> = []
    private var nextID: Int32 = 1
    /// Correlation ids of the last requests without an answer.
    private var unanswered: Deque<Int32> = []
    private(set) var byteCount = 0

    init(maximumCount: Int, maximumBytes: Int) {
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }

    var count: Int { self.entries.count }
    var isEmpty: Bool { self.entries.isEmpty }

    /// Whether one more request of this size may wait; a single request may be of any size.
    func admits(byteCount: Int) -> Bool {
        self.entries.isEmpty
            || (self.entries.count < self.maximumCount && self.byteCount + byteCount <= self.maximumBytes)
    }

    /// A correlation id that no waiting request has; never negative.
    mutating func makeCorrelationID() -> Int32 {
        defer { self.nextID = self.nextID == .max ? 1 : self.nextID + 1 }
        return self.nextID
    }

    mutating func append(_ entry: Entry) {
        self.entries.append(entry)
        self.byteCount += entry.byteCount
    }

    /// Remembers a request that gets no answer, for the case that one comes all the same.
    mutating func noteUnanswered(_ correlationID: Int32) {
        self.unanswered.append(correlationID)
        if self.unanswered.count > 1_024 { self.unanswered.removeFirst() }
    }

    mutating func match(_ correlationID: Int32) -> Match {
        if let first = self.entries.first, first.correlationID == correlationID {
            self.entries.removeFirst()
            self.byteCount -= first.byteCount
            return .entry(first)
        }
        if let index = self.unanswered.firstIndex(of: correlationID) {
            // Answers come in order: older ones will not come any more.
            self.unanswered.removeFirst(index + 1)
            return .unexpectedButHarmless
        }
        return .mismatch(expected: self.entries.first?.correlationID)
    }

    /// When the first of the waiting requests runs out of time.
    var earliestDeadline: NIODeadline? {
        self.entries.lazy.map(\.deadline).min()
    }

    /// Takes out the oldest request whose time is over.
    mutating func removeExpired(now: NIODeadline) -> Entry? {
        guard let index = self.entries.firstIndex(where: { $0.deadline <= now }) else { return nil }
        let entry = self.entries.remove(at: index)
        self.byteCount -= entry.byteCount
        return entry
    }

    /// Takes out everything, oldest first.
    mutating func removeAll() -> [Entry] {
        defer {
            self.entries.removeAll()
            self.byteCount = 0
        }
        return Array(self.entries)
    }
}
