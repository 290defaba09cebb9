import DequeModule
public import KafkaProtocol
public import NIOCore

/// Decides everything a fetcher does: which broker is asked for which partitions and when, and what its answers mean.
///
/// # Responsibilities
/// 1. One session and at most one request per broker; partitions follow their leader (or the preferred replica).
/// 2. A partition that fails leaves its broker's session for a pause, so that it holds up no other.
/// 3. Bytes: an answer is reserved in the budget before it is asked for. A partition whose owner holds more than its
///    share is left out until bytes come back.
/// 4. A broker that answers empty at once, instead of waiting as asked, is asked again more and more slowly.
/// 5. A partition that lags far behind at a distant broker is read ahead on a connection of its own.
/// 6. A batch larger than every limit is asked for again with its own size as the limit.
///
/// # Implementation
/// A value without clock, sockets or randomness: `PartitionFetcher` (or a simulation) calls one method per event and
/// then carries out the actions from `takeActions()`, in order.
public struct FetcherMachine: Sendable {
    struct Entry: Sendable {
        var cursor: PartitionCursor
        /// Tells this use of the slot from earlier ones.
        let identity: UInt64
        /// Changes with each seek, so that late answers to earlier questions are told apart.
        var generation: UInt64
        /// The broker whose member it is.
        var node: Int32?
        /// Set while it is read ahead, outside of its broker's session.
        var stream: FetchStream?
        /// `failing` was reported.
        var isReportedFailing = false
    }

    struct Frame: Sendable {
        var bytes: Int
        var parts: Int
    }

    let settings: FetchSettings
    var entries: [Entry?] = []
    private var freeSlots: [Int] = []
    private var nextGeneration: UInt64 = 1
    var brokers = BrokerTable<FetchBroker>()
    public internal(set) var budget: ByteBudget
    /// How long the owner's target takes to answer; nil where nobody tells.
    public var targetDistance: TimeAmount?
    /// What the owner has charged beside the fetched data.
    var charged = 0
    var frames: [UInt64: Frame] = [:]
    var nextFrame: UInt64 = 1
    var nextStreamID: UInt64 = 0
    var slotsByName: [TopicPartition: Int] = [:]
    var sleeping: Set<Int> = []
    var holding = 0
    var actions: [Action] = []
    var questions: [LeaderQuestion] = []
    var now = NIODeadline.distantPast

    public init(settings: FetchSettings) {
        self.settings = settings
        self.budget = ByteBudget(capacity: settings.byteBudget)
    }

    /// Everything decided since the last call, in order.
    public mutating func takeActions() -> [Action] {
        if !self.questions.isEmpty {
            self.actions.append(.locate(self.questions))
            self.questions.removeAll(keepingCapacity: true)
        }
        let result = self.actions
        self.actions = []
        return result
    }

    /// The cursor in a slot.
    public func cursor(_ slot: Int) -> PartitionCursor? {
        self.entries.indices.contains(slot) ? self.entries[slot]?.cursor : nil
    }

    /// Bytes reserved for answers that are still to come.
    public var requestedBytes: Int {
        self.brokers.values.reduce(0) { sum, broker in
            broker.ahead.requests.reduce(sum + (broker.inFlight?.reserved ?? 0)) { $0 + $1.reserved }
        }
    }

    // MARK: The owner's wishes

    /// Starts reading a partition; the slot returned names it from now on.
    public mutating func add(
        _ partition: TopicPartition,
        topicID: KafkaUUID,
        start: StartPosition,
        lastFetchedEpoch: Int32 = -1,
        now: NIODeadline
    ) -> Int {
        self.now = now
        let cursor = PartitionCursor(
            partition: partition,
            topicID: topicID,
            start: start,
            lastFetchedEpoch: lastFetchedEpoch
        )
        let identity = self.takeGeneration()
        let entry = Entry(cursor: cursor, identity: identity, generation: identity)
        let slot: Int
        if let free = self.freeSlots.popLast() {
            slot = free
            self.entries[slot] = entry
        } else {
            slot = self.entries.count
            self.entries.append(entry)
        }
        self.slotsByName[partition] = slot
        self.ask(slot, refresh: false)
        return slot
    }

    /// Stops reading a partition; bytes that were delivered must still be given back.
    public mutating func remove(_ slot: Int, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot) else { return }
        self.leaveBroker(slot)
        self.sleeping.remove(slot)
        if entry.cursor.outstanding > 0 { self.holding -= 1 }
        if self.slotsByName[entry.cursor.partition] == slot { self.slotsByName[entry.cursor.partition] = nil }
        self.entries[slot] = nil
        self.freeSlots.append(slot)
        self.pump()
    }

    /// Goes on at another position; data on their way for the old one are dropped.
    ///
    /// - Parameter lastFetchedEpoch: Leader epoch of the batch before the position: with it the broker notices a log that
    ///   took another course.
    public mutating func seek(
        _ slot: Int,
        to start: StartPosition,
        topicID: KafkaUUID? = nil,
        lastFetchedEpoch: Int32 = -1,
        now: NIODeadline
    ) {
        self.now = now
        guard self.entry(slot) != nil else { return }
        self.leaveBroker(slot)
        self.sleeping.remove(slot)
        let generation = self.takeGeneration()
        self.entries[slot]?.generation = generation
        if let topicID { self.entries[slot]?.cursor.become(topicID) }
        self.entries[slot]?.cursor.seek(start, lastFetchedEpoch: lastFetchedEpoch)
        self.ask(slot, refresh: false)
        self.pump()
    }

    /// Stops or resumes fetching a partition without losing its place.
    public mutating func setPaused(_ slot: Int, _ isPaused: Bool, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot), entry.cursor.isPaused != isPaused else { return }
        self.entries[slot]?.cursor.isPaused = isPaused
        self.endStream(slot)
        self.updateSession(slot)
        self.pump()
    }

    /// Takes delivered bytes back.
    public mutating func release(_ lease: FetchLease, now: NIODeadline) {
        self.now = now
        if var frame = self.frames[lease.frame] {
            frame.parts -= 1
            if frame.parts == 0 {
                self.frames[lease.frame] = nil
                self.budget.release(frame.bytes)
            } else {
                self.frames[lease.frame] = frame
            }
        }
        if let entry = self.entry(lease.slot), entry.identity == lease.identity, lease.bytes > 0 {
            self.entries[lease.slot]?.cursor.outstanding -= lease.bytes
            if entry.cursor.outstanding == lease.bytes { self.holding -= 1 }
            self.updateSession(lease.slot)
        }
        self.pump()
    }

    // MARK: Connections

    /// Counts memory that the owner takes for fetched data beside the data themselves; negative gives it back.
    public mutating func charge(_ bytes: Int, now: NIODeadline) {
        self.charged += bytes
        if bytes >= 0 {
            self.budget.charge(bytes)
        } else {
            self.now = now
            self.budget.release(-bytes)
            self.pump()
        }
    }

    /// Time has passed.
    public mutating func tick(now: NIODeadline) {
        self.now = now
        for slot in self.sleeping.sorted() {
            guard case .waiting(let until)? = self.entry(slot)?.cursor.phase, until <= now else { continue }
            self.sleeping.remove(slot)
            self.entries[slot]?.cursor.phase = .locating
            self.ask(slot, refresh: true)
        }
        for node in self.brokers.nodes {
            if case .waiting(let until)? = self.brokers[node]?.link, until <= now { self.brokers[node]?.link = .idle }
            // Nobody waits for it: it is opened again when something lags behind.
            if case .waiting(let until)? = self.brokers[node]?.ahead.link, until <= now {
                self.brokers[node]?.ahead.link = .idle
            }
        }
        for slot in self.followers.sorted() {
            guard let entry = self.entry(slot), let ends = entry.cursor.preferenceEnds, ends <= now else { continue }
            self.entries[slot]?.cursor.dropPreference()
            self.joinBroker(slot)
        }
        self.pump()
    }

    /// `nextWake` for an owner that is a class: it would copy the whole machine to ask a method that is not mutating.
    mutating func askNextWake() -> NIODeadline? { self.nextWake }

    /// When `tick` must be called next; nil when only other events matter.
    public var nextWake: NIODeadline? {
        var wake: NIODeadline?
        func consider(_ deadline: NIODeadline) {
            if wake.map({ deadline < $0 }) ?? true { wake = deadline }
        }
        for slot in self.sleeping {
            if case .waiting(let until)? = self.entry(slot)?.cursor.phase { consider(until) }
        }
        for node in self.brokers.nodes { self.brokers[node]?.considerWakes(now: self.now, consider) }
        for slot in self.followers { if let ends = self.entry(slot)?.cursor.preferenceEnds { consider(ends) } }
        return wake
    }

    // MARK: Partitions and brokers

    private var followers: [Int] { self.brokers.nodes.flatMap { self.brokers[$0]?.followers ?? [] } }

    func entry(_ slot: Int) -> Entry? {
        self.entries.indices.contains(slot) ? self.entries[slot] : nil
    }

    private mutating func takeGeneration() -> UInt64 {
        self.nextGeneration += 1
        return self.nextGeneration
    }

    mutating func report(_ event: FetchEvent) {
        self.actions.append(.report(event))
    }
}
