import DequeModule
public import KafkaProtocol
public import NIOCore

/// Decides everything a producer does: which batches go to which broker when, and what the answers mean.
///
/// # Responsibilities
/// 1. At most one batch per partition in a request, several partitions per request, several requests per connection.
/// 2. Exactly once, in order: a batch that must be sent again keeps its sequence number and its bytes; the next one waits
///    until all batches of the partition that are out have been answered. What was on a lost connection is sent again.
/// 3. A partition that fails pauses alone. A definite refusal drops its unacknowledged batches and stops it until its
///    owner resumes it, with the sequence number that comes next or under a new producer id of its own: no other
///    partition's sequence is touched.
/// 4. Leaders named in answers (KIP-951) are followed at once.
///
/// # Implementation
/// A value without clock, sockets or randomness. Batches are pulled from their owner while a request is built, so that
/// small ones that have come together by then can be joined and none is held twice. `PartitionProducer` (or a
/// simulation) calls one method per event, then `pump`, then carries out the actions of `takeActions()`.
public struct ProducerMachine: Sendable {
    let settings: ProduceSettings
    var entries: [ProducePartition?] = []
    private var freeSlots: [Int] = []
    /// Partitions that were open once and closed.
    private var partitionsBefore: Set<TopicPartition> = []
    var nextIdentity: UInt64 = 1
    /// The transactional id under which batches are sent; nil outside transactions.
    var transactionalID: KafkaString?
    /// The next sequence numbers of partitions that were closed under the present identity.
    var closedSequences: [TopicPartition: Int32] = [:]
    var nextRequest: UInt64 = 1
    var brokers = BrokerTable<BrokerProduceQueue>()
    var requests: [UInt64: SentRequest] = [:]
    var shared = SharedIdentity.none
    var sharedAttempts = 0
    var sleeping: Set<Int> = []
    var wakeForLinger: NIODeadline?
    var actions: [Action] = []
    var questions: [LeaderQuestion] = []
    var now = NIODeadline.distantPast

    enum SharedIdentity: Sendable {
        case none
        case requested
        case waiting(until: NIODeadline)
        case ready(ProducerIdentity)
    }

    struct SentRequest: Sendable {
        var node: Int32
        var sentAt: NIODeadline
        var parts: [Part]

        struct Part: Sendable {
            var slot: Int
            var identity: UInt64
            var partition: TopicPartition
        }
    }

    public init(settings: ProduceSettings) {
        self.settings = settings
        if !settings.isIdempotent { self.shared = .ready(.none) }
    }

    /// Everything decided since the last call, in order.
    public mutating func takeActions() -> [Action] {
        if !self.questions.isEmpty {
            self.actions.append(.locate(self.questions))
            self.questions.removeAll(keepingCapacity: true)
        }
        guard !self.actions.isEmpty else { return [] }
        let result = self.actions
        self.actions = []
        self.actions.reserveCapacity(result.count)
        return result
    }

    /// Batches of a slot that are not acknowledged.
    public func unacknowledged(_ slot: Int) -> Int { self.entry(slot)?.outstanding.count ?? 0 }

    /// Requests without an answer.
    public var requestsInFlight: Int { self.requests.count }

    // MARK: The owner's wishes

    /// Opens a partition; the slot returned names it from now on.
    ///
    /// - Parameter stamp: The identity to go on with, and the sequence number of the next record. The broker then
    ///   refuses what is not the next one: what another process with this identity has still on its way, or our batch
    ///   when that arrived first.
    public mutating func add(
        _ partition: TopicPartition,
        continuing stamp: ProducerStamp? = nil,
        now: NIODeadline
    ) -> Int {
        self.now = now
        var entry = ProducePartition(partition: partition, identity: self.nextIdentity)
        self.nextIdentity += 1
        // The broker remembers the sequences of the shared producer id: batches that begin at 0 again would be taken for
        // repetitions of the first ones and dropped.
        entry.needsOwnIdentity =
            self.settings.isIdempotent && !self.settings.isTransactional && self.partitionsBefore.contains(partition)
        if self.settings.isIdempotent, !self.settings.isTransactional, let stamp {
            entry.ids.begin(stamp.identity, at: stamp.sequence)
        }
        let slot: Int
        if let free = self.freeSlots.popLast() {
            slot = free
            self.entries[slot] = entry
        } else {
            slot = self.entries.count
            self.entries.append(entry)
        }
        self.prepare(slot, refresh: false)
        return slot
    }

    /// Forgets a partition; batches that are out may still be written.
    public mutating func remove(_ slot: Int, now: NIODeadline) {
        self.now = now
        guard let node = self.entries[slot]?.node else {
            if self.entry(slot) != nil { self.free(slot) }
            return
        }
        self.brokers[node]?.remove(slot)
        self.free(slot)
    }

    /// The owner has batches waiting; `bytes` is a hint how much.
    public mutating func ready(_ slot: Int, bytes: Int, now: NIODeadline) {
        self.now = now
        guard self.entry(slot) != nil else { return }
        self.entries[slot]?.waitingBytes = max(1, bytes)
        self.queue(slot)
    }

    /// Begins again after a refusal.
    ///
    /// - Parameter stamp: The identity to go on with, and the sequence number of the next record: what may have been
    ///   written without our knowing is then not written twice. Nil begins under a new producer id.
    public mutating func resume(_ slot: Int, continuing stamp: ProducerStamp? = nil, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot), entry.phase == .stopped else { return }
        // In a transaction the numbers go on where the batches refused began.
        if self.settings.isIdempotent, !self.settings.isTransactional, let stamp {
            self.entries[slot]?.ids.begin(stamp.identity, at: stamp.sequence)
        } else if !self.settings.isTransactional {
            self.entries[slot]?.needsOwnIdentity = self.settings.isIdempotent
            self.entries[slot]?.ids.invalidate()
        }
        self.entries[slot]?.attempts = 0
        self.prepare(slot, refresh: true)
    }

    // MARK: Connections

    /// Time has passed.
    public mutating func tick(now: NIODeadline) {
        self.now = now
        self.wakeForLinger = nil
        for slot in self.sleeping.sorted() {
            guard case .waiting(let until)? = self.entry(slot)?.phase, until <= now else { continue }
            self.sleeping.remove(slot)
            self.prepare(slot, refresh: self.entries[slot]?.wantsRefresh ?? true)
        }
        for node in self.brokers.nodes {
            if case .waiting(let until)? = self.brokers[node]?.link, until <= now { self.brokers[node]?.link = .idle }
        }
        if case .waiting(let until) = self.shared, until <= now { self.requestShared() }
    }

    /// `nextWake` for an owner that is a class: it would copy the whole machine to ask a method that is not mutating.
    mutating func askNextWake() -> NIODeadline? { self.nextWake }

    /// When `tick` must be called next; nil when only other events matter.
    public var nextWake: NIODeadline? {
        var wake = self.wakeForLinger
        func consider(_ deadline: NIODeadline) {
            if wake.map({ deadline < $0 }) ?? true { wake = deadline }
        }
        for slot in self.sleeping {
            if case .waiting(let until)? = self.entry(slot)?.phase { consider(until) }
        }
        for node in self.brokers.nodes {
            if case .waiting(let until)? = self.brokers[node]?.link, self.brokers[node]?.hasWaiting == true {
                consider(until)
            }
        }
        if case .waiting(let until) = self.shared { consider(until) }
        return wake
    }

    // MARK: Partitions

    func entry(_ slot: Int) -> ProducePartition? {
        self.entries.indices.contains(slot) ? self.entries[slot] : nil
    }

    private mutating func free(_ slot: Int) {
        self.sleeping.remove(slot)
        if let entry = self.entries[slot] {
            self.partitionsBefore.insert(entry.partition)
            self.keepSequence(of: entry)
        }
        self.entries[slot] = nil
        self.freeSlots.append(slot)
    }
}
