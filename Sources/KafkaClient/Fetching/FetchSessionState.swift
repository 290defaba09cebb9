public import KafkaProtocol

/// One fetch session with one broker (KIP-227): what we want from the broker, what the broker's session already holds,
/// and which requests bring the second in line with the first.
///
/// Responsibilities:
/// 1. The first request, and every one to a broker that keeps no sessions, names all partitions ("full"); later ones
///    name only what changed, was added or must be forgotten ("incremental").
/// 2. Session errors, lost connections and a change between topic names (up to version 12) and topic ids (from 13)
///    start again with a full request.
/// 3. Full requests start at another partition each time: a broker fills an answer in the order of the request, and
///    without a session nobody else would rotate it.
///
/// Partitions are addressed by the owner's slot numbers. A request must be answered (or fail) before the next is made.
public struct FetchSessionState: Sendable {
    /// What one partition is asked for.
    public struct Partition: Sendable, Equatable {
        public var topic: TopicName
        public var topicID: KafkaUUID
        public var index: Int32
        public var fetchOffset: Int64
        public var leaderEpoch: Int32
        public var lastFetchedEpoch: Int32
        public var maxBytes: Int32

        public init(
            topic: TopicName,
            topicID: KafkaUUID = .zero,
            index: Int32,
            fetchOffset: Int64,
            leaderEpoch: Int32 = -1,
            lastFetchedEpoch: Int32 = -1,
            maxBytes: Int32 = 1 << 20
        ) {
            self.topic = topic
            self.topicID = topicID
            self.index = index
            self.fetchOffset = fetchOffset
            self.leaderEpoch = leaderEpoch
            self.lastFetchedEpoch = lastFetchedEpoch
            self.maxBytes = maxBytes
        }
    }

    /// The session part of a Fetch request.
    public struct Plan: Sendable, Equatable {
        public var sessionID: Int32 = 0
        public var sessionEpoch: Int32 = 0
        public var topics: [FetchRequest.FetchTopic] = []
        public var forgotten: [FetchRequest.ForgottenTopic] = []
        /// Whether the request names everything that is wanted.
        public var isFull = true
    }

    /// What a top-level answer means for the session.
    public enum Outcome: Sendable, Equatable {
        /// The partitions of the answer count.
        case accepted
        /// The broker forgot or refuses the session: the next request starts a new one; no partition was answered.
        case restarted
        /// An error that has nothing to do with sessions; no partition was answered.
        case failed(ErrorCode)
    }

    /// Identity of the session at the broker; 0 while there is none.
    public private(set) var sessionID: Int32 = 0
    private var epoch: Int32 = 0
    private var usesTopicIDs = false
    private var wanted: [Int: Partition] = [:]
    private var held: [Int: Partition] = [:]
    private var changed: Set<Int> = []
    private var rotation = 0
    private var first: Int?

    public init() {}

    /// Slots that are wanted now.
    public var wantedCount: Int { self.wanted.count }

    /// What the broker was last asked for a slot, whether or not it has answered.
    public func sent(_ slot: Int) -> Partition? { self.held[slot] }

    /// Wants a partition, or something else of it than before.
    public mutating func want(_ slot: Int, _ partition: Partition) {
        guard self.wanted[slot] != partition else { return }
        self.wanted[slot] = partition
        self.changed.insert(slot)
    }

    /// No longer wants a partition.
    public mutating func forget(_ slot: Int) {
        guard self.wanted.removeValue(forKey: slot) != nil else { return }
        self.changed.insert(slot)
    }

    /// Puts one partition at the head of the next full request, because its first batch did not fit the last answer.
    public mutating func favour(_ slot: Int) {
        self.first = slot
    }

    /// Starts again: the connection is new, or the broker lost the session.
    public mutating func reset() {
        self.sessionID = 0
        self.epoch = 0
        // `held` stays until the full request replaces it: an answer that ends the session is still matched with it.
    }

    /// The next request, or nil when nothing is wanted and the broker holds nothing either.
    ///
    /// - Parameter topicIDs: Whether the request names topics by id. A change starts a new session, since a broker does
    ///   not mix the two within one.
    public mutating func nextRequest(topicIDs: Bool) -> Plan? {
        if topicIDs != self.usesTopicIDs {
            self.usesTopicIDs = topicIDs
            // The old session is named with epoch 0, which closes it in the same step.
            self.epoch = 0
        }
        guard !self.wanted.isEmpty else { return nil }
        return self.epoch == 0 ? self.fullRequest() : self.incrementalRequest()
    }

    private mutating func fullRequest() -> Plan {
        var plan = Plan()
        plan.sessionID = self.sessionID
        var slots = self.wanted.keys.sorted()
        self.rotation = (self.rotation + 1) % max(1, slots.count)
        var start = self.rotation
        if let first = self.first, let position = slots.firstIndex(of: first) { start = position }
        self.first = nil
        slots = Array(slots[start...] + slots[..<start])
        var builder = TopicGroups()
        for slot in slots {
            guard let partition = self.wanted[slot] else { continue }
            builder.add(partition)
        }
        plan.topics = builder.topics
        self.held = self.wanted
        self.changed.removeAll(keepingCapacity: true)
        return plan
    }

    private mutating func incrementalRequest() -> Plan {
        var plan = Plan()
        plan.sessionID = self.sessionID
        plan.sessionEpoch = self.epoch
        plan.isFull = false
        var added = TopicGroups()
        var removed = TopicGroups()
        for slot in self.changed.sorted() {
            let before = self.held[slot]
            let after = self.wanted[slot]
            if let before, after.map({ !$0.isSamePartition(as: before) }) ?? true { removed.add(before) }
            if let after, after != before { added.add(after) }
            self.held[slot] = after
        }
        self.changed.removeAll(keepingCapacity: true)
        plan.topics = added.topics
        plan.forgotten = removed.topics.map { topic in
            var forgotten = FetchRequest.ForgottenTopic()
            forgotten.topic = topic.topic
            forgotten.topicID = topic.topicID
            forgotten.partitions = topic.partitions.map(\.partition)
            return forgotten
        }
        return plan
    }

    /// Takes the top level of an answer.
    public mutating func answered(error: ErrorCode, sessionID: Int32) -> Outcome {
        switch error {
        case .none:
            if sessionID == 0 {
                // No session: the broker keeps none, or its cache is full. Ask for one again with the next request.
                self.reset()
            } else if self.epoch == 0 || sessionID != self.sessionID {
                self.sessionID = sessionID
                self.epoch = 1
            } else {
                self.epoch = self.epoch == Int32.max ? 1 : self.epoch + 1
            }
            return .accepted
        case .fetchSessionIDNotFound:
            self.reset()
            return .restarted
        case .invalidFetchSessionEpoch, .fetchSessionTopicIDError:
            // The broker may still hold the old session; the next request names it and so closes it.
            let id = self.sessionID
            self.reset()
            self.sessionID = id
            return .restarted
        default:
            let id = self.sessionID
            self.reset()
            self.sessionID = id
            return .failed(error)
        }
    }
}

extension FetchSessionState.Partition {
    fileprivate func isSamePartition(as other: Self) -> Bool {
        self.topic == other.topic && self.topicID == other.topicID && self.index == other.index
    }
}

/// Groups partitions by topic, in the order of their first appearance.
private struct TopicGroups {
    private struct Key: Hashable {
        var name: TopicName
        var id: KafkaUUID
    }

    private(set) var topics: [FetchRequest.FetchTopic] = []
    private var positions: [Key: Int] = [:]

    mutating func add(_ partition: FetchSessionState.Partition) {
        var entry = FetchRequest.FetchPartition()
        entry.partition = partition.index
        entry.currentLeaderEpoch = partition.leaderEpoch
        entry.fetchOffset = partition.fetchOffset
        entry.lastFetchedEpoch = partition.lastFetchedEpoch
        entry.partitionMaxBytes = partition.maxBytes
        let key = Key(name: partition.topic, id: partition.topicID)
        if let position = self.positions[key] {
            self.topics[position].partitions.append(entry)
            return
        }
        var topic = FetchRequest.FetchTopic()
        topic.topic = partition.topic
        topic.topicID = partition.topicID
        topic.partitions = [entry]
        self.positions[key] = self.topics.count
        self.topics.append(topic)
    }
}
