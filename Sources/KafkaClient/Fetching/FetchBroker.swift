import KafkaProtocol
import NIOCore

/// What a fetcher knows of one broker.
struct FetchBroker: Sendable {
    /// The connection.
    enum Link: Sendable, Equatable {
        case idle
        case connecting
        case ready(version: Int16)
        /// A pause after a failure.
        case waiting(until: NIODeadline)
    }

    struct Request: Sendable {
        var sentAt: NIODeadline
        var reserved: Int
        var wait: TimeAmount
    }

    /// What a broker close by is asked for at a time.
    static let nearAnswer = 1 << 20

    struct TopicIDPartition: Hashable, Sendable {
        var id: KafkaUUID
        var index: Int32
    }

    var link = Link.idle
    var ahead = FetchAhead()
    /// How long the broker takes to answer when it has something.
    var distance = RoundTrip()
    var session = FetchSessionState()
    var inFlight: Request?
    /// When the connection was asked for.
    var connectingSince = NIODeadline.distantPast
    /// Bytes per second of the last answer, the way there and back included.
    var answerRate = 0.0
    /// The size of answer asked for; follows the distance to the broker.
    var answerBytes = FetchBroker.nearAnswer
    /// Failures in a row.
    var failures = 0
    /// Empty answers in a row that came sooner than asked for.
    var quickAnswers = 0
    var idleUntil = NIODeadline.distantPast
    var throttledUntil = NIODeadline.distantPast
    /// Partitions read from this broker.
    var members: Set<Int> = []
    /// Members that are read here although another broker leads them.
    var followers: Set<Int> = []
    /// Members left out of the session until their owner gives bytes back.
    var starved: Set<Int> = []
    var partitionLimit: Int32 = 1 << 20
    /// Sizes of batches that did not fit any limit.
    var largeBatches: [Int: Int32] = [:]
    var slotsByID: [TopicIDPartition: Int] = [:]
    private var withoutID: Set<Int> = []
    private var idsBySlot: [Int: TopicIDPartition] = [:]

    /// Whether some member can be named only by name.
    var lacksTopicID: Bool { !self.withoutID.isEmpty }

    /// The largest batch that waits for a larger answer; 0 when there is none.
    var largestBatch: Int32 { self.largeBatches.values.max() ?? 0 }

    /// Whether a request may go out now.
    func canSend(now: NIODeadline) -> Bool {
        self.inFlight == nil && self.session.wantedCount > 0 && self.idleUntil <= now && self.throttledUntil <= now
    }

    /// When something has to be done for it in any case.
    func considerWakes(now: NIODeadline, _ consider: (NIODeadline) -> Void) {
        switch self.link {
        case .waiting(let until): if !self.members.isEmpty { consider(until) }
        case .ready:
            if self.inFlight == nil, self.session.wantedCount > 0 {
                let open = max(self.idleUntil, self.throttledUntil)
                if open > now { consider(open) }
            }
        case .idle, .connecting: break
        }
        if !self.ahead.streaming.isEmpty, self.throttledUntil > now { consider(self.throttledUntil) }
    }

    static func rate(_ bytes: Int, in time: TimeAmount) -> Double {
        Double(bytes) * 1e9 / Double(max(1, time.nanoseconds))
    }

    mutating func join(_ slot: Int, _ cursor: PartitionCursor) {
        self.members.insert(slot)
        guard cursor.topicID != .zero else {
            self.withoutID.insert(slot)
            return
        }
        let key = TopicIDPartition(id: cursor.topicID, index: cursor.partition.partition)
        self.slotsByID[key] = slot
        self.idsBySlot[slot] = key
    }

    mutating func leave(_ slot: Int) {
        self.members.remove(slot)
        self.followers.remove(slot)
        self.starved.remove(slot)
        self.withoutID.remove(slot)
        self.largeBatches[slot] = nil
        self.session.forget(slot)
        if let key = self.idsBySlot.removeValue(forKey: slot), self.slotsByID[key] == slot { self.slotsByID[key] = nil }
    }
}
