package import KafkaProtocol
package import NIOCore

/// Decides when a shard's transactions begin and end: one after the other, each with records and their progress.
///
/// ```
///                       +----------------------- nothing to record ----------------------+
///                       v                                                                |
/// halted --begin--> open --due, idle, hurried--> closing --all acknowledged--> announcing, recording
///    ^                  ^                                                                |
///    |                  +------------------------- committed ------------- committing <--+
///    +--- any failure: what is open is lost, and the next begins under a new epoch
/// ```
///
/// # Responsibilities
/// 1. A partition is announced to the coordinator before its first record; those that come together are announced
///    together, and while a transaction ends, they wait for the next.
/// 2. A transaction ends when the interval is over, when everything sent is acknowledged and nothing more has come for a
///    moment, or when somebody is in a hurry; a record is never uncommitted for longer than the interval and the end take.
/// 3. Progress follows when every record is acknowledged, and the commit when progress is.
///
/// # Implementation
/// A value without clock or sockets: one method per event; what is to be done is collected as actions. Asynchronous
/// answers carry the generation that asked, so that one from before a failure means nothing.
package struct TransactionCycle: Sendable {
    package struct Settings: Sendable, Equatable {
        /// The longest time from one commit to the next.
        package var interval: TimeAmount = .seconds(1)
        /// How long nothing may come before what is there is committed.
        package var idle: TimeAmount = .milliseconds(50)
        /// The coordinator's patience; a transaction that takes two thirds of it is given up.
        package var timeout: TimeAmount = .seconds(60)

        package init() {}
    }

    package enum Phase: Sendable, Equatable {
        case halted
        case open
        /// Nothing more is sent; acknowledgements are awaited.
        case closing
        /// The partitions that progress goes to are being announced.
        case announcing(Set<TopicPartition>)
        /// Progress is being written.
        case recording
        case committing
    }

    package enum Action: Sendable, Equatable {
        /// Announce partitions, then call `added` or `notAdded`.
        case add(Set<TopicPartition>, generation: UInt64)
        /// These may be written to now.
        case admit(Set<TopicPartition>)
        /// All records are acknowledged: find out what progress is to be written, then call `record`.
        case prepareProgress
        /// Write progress, then call `recorded`.
        case writeProgress
        /// Commit, then call `committed` or `fail`.
        case commit(generation: UInt64)
        /// The transaction is committed: its records count.
        case deliver
        /// There was nothing to commit.
        case nothingToCommit
        /// The transaction is lost: forget it, get a new epoch, then call `begin`.
        case recover(String)
    }

    package let settings: Settings
    package private(set) var phase = Phase.halted
    package private(set) var generation: UInt64 = 0
    /// Partitions of the open transaction.
    private var announced: Set<TopicPartition> = []
    private var adding: Set<TopicPartition> = []
    private var wanted: Set<TopicPartition> = []
    private var outstanding = 0
    private var isHurried = false
    /// When the coordinator may have heard of the transaction first.
    private var openedAt: NIODeadline?
    private var lastActivity = NIODeadline.distantPast
    /// When progress without records is looked for.
    private var lookAt = NIODeadline.distantFuture
    private var actions: [Action] = []

    package init(settings: Settings) {
        self.settings = settings
    }

    package mutating func takeActions() -> [Action] {
        let result = self.actions
        self.actions = []
        return result
    }

    /// Whether a partition may be written to now.
    package func admits(_ partition: TopicPartition) -> Bool {
        self.phase == .open && self.announced.contains(partition)
    }

    /// Whether anything belongs to the open transaction.
    package var isEmpty: Bool { self.openedAt == nil }

    // MARK: Beginning

    /// There is an identity under which nothing is open.
    package mutating func begin(now: NIODeadline) {
        guard self.phase == .halted else { return }
        self.phase = .open
        self.lookAt = now + self.settings.interval
        self.announce(now)
    }

    /// A partition has records waiting.
    package mutating func want(_ partition: TopicPartition, now: NIODeadline) {
        if self.admits(partition) {
            self.actions.append(.admit([partition]))
        } else if !self.adding.contains(partition) {
            self.wanted.insert(partition)
            self.announce(now)
        }
    }

    /// A partition is no longer written to.
    package mutating func forget(_ partition: TopicPartition) {
        self.wanted.remove(partition)
    }

    private mutating func announce(_ now: NIODeadline) {
        guard self.phase == .open, self.adding.isEmpty, !self.wanted.isEmpty else { return }
        self.adding = self.wanted.subtracting(self.announced)
        let known = self.wanted.intersection(self.announced)
        self.wanted = []
        if !known.isEmpty { self.actions.append(.admit(known)) }
        guard !self.adding.isEmpty else { return }
        if self.openedAt == nil {
            self.openedAt = now
            self.lastActivity = now
        }
        self.actions.append(.add(self.adding, generation: self.generation))
    }

    /// The coordinator knows the partitions.
    package mutating func added(generation: UInt64, now: NIODeadline) {
        guard generation == self.generation, !self.adding.isEmpty else { return }
        let added = self.adding
        self.adding = []
        self.announced.formUnion(added)
        self.lastActivity = now
        switch self.phase {
        case .open:
            self.actions.append(.admit(added))
            self.announce(now)
        case .announcing:
            self.phase = .recording
            self.actions.append(.writeProgress)
        case .closing:
            // They come again with the next transaction if they have something then.
            self.wanted.formUnion(added)
            self.advance(now)
        case .halted, .recording, .committing: break
        }
    }

    /// The coordinator takes none of the partitions because of some.
    package mutating func notAdded(refused: Set<TopicPartition>, generation: UInt64, now: NIODeadline) {
        guard generation == self.generation, !self.adding.isEmpty else { return }
        if case .announcing = self.phase {
            self.fail("progress may not be written", now: now)
            return
        }
        self.wanted.formUnion(self.adding.subtracting(refused))
        self.adding = []
        if self.announced.isEmpty { self.openedAt = nil }
        self.announce(now)
        self.advance(now)
    }

    // MARK: Records

    package mutating func sent(now: NIODeadline) {
        self.outstanding += 1
        self.lastActivity = now
    }

    package mutating func acknowledged(now: NIODeadline) {
        // The answer that ended the transaction may tell of other batches behind it.
        guard self.phase != .halted else { return }
        self.outstanding -= 1
        self.lastActivity = now
        self.advance(now)
    }

    /// A batch was refused for good and not written.
    package mutating func dropped(_ count: Int, now: NIODeadline) {
        guard self.phase != .halted else { return }
        self.outstanding -= count
        self.advance(now)
    }

    // MARK: Ending

    /// Somebody waits for the end of the transaction.
    package mutating func hurry(now: NIODeadline) {
        self.isHurried = true
        self.advance(now)
    }

    package mutating func tick(now: NIODeadline) {
        self.advance(now)
    }

    /// When `tick` must be called; nil when only other events matter.
    package var nextWake: NIODeadline? {
        switch self.phase {
        case .halted, .committing: nil
        case .open:
            if let openedAt {
                self.outstanding == 0 && self.adding.isEmpty
                    ? min(openedAt + self.settings.interval, self.lastActivity + self.settings.idle)
                    : openedAt + self.settings.interval
            } else {
                self.lookAt
            }
        case .closing, .announcing, .recording:
            self.openedAt.map { $0 + self.patience }
        }
    }

    private var patience: TimeAmount { .nanoseconds(self.settings.timeout.nanoseconds / 3 * 2) }

    private mutating func advance(_ now: NIODeadline) {
        if let openedAt, now >= openedAt + self.patience, self.phase != .halted, self.phase != .committing {
            self.fail("the transaction has been open for two thirds of transaction.timeout.ms", now: now)
            return
        }
        if self.phase == .open, self.isDue(now) { self.phase = .closing }
        guard self.phase == .closing, self.outstanding == 0, self.adding.isEmpty else { return }
        self.actions.append(.prepareProgress)
    }

    private func isDue(_ now: NIODeadline) -> Bool {
        if self.isHurried { return true }
        guard let openedAt else { return now >= self.lookAt }
        if now >= openedAt + self.settings.interval { return true }
        return self.outstanding == 0 && self.adding.isEmpty && now >= self.lastActivity + self.settings.idle
    }

    /// What progress is to be written goes to these partitions of its topic; to none when there is nothing new.
    package mutating func record(to partitions: Set<TopicPartition>, now: NIODeadline) {
        guard self.phase == .closing else { return }
        if partitions.isEmpty {
            // Records always bring progress; without any, the coordinator may have heard of partitions all the same.
            if self.openedAt == nil {
                self.actions.append(.nothingToCommit)
                return self.reopen(now)
            }
            self.phase = .recording
            self.recorded(now: now)
            return
        }
        let missing = partitions.subtracting(self.announced)
        guard !missing.isEmpty else {
            self.phase = .recording
            self.actions.append(.writeProgress)
            return
        }
        self.phase = .announcing(partitions)
        self.adding = missing
        self.openedAt = self.openedAt ?? now
        self.actions.append(.add(missing, generation: self.generation))
    }

    /// Progress is written and acknowledged.
    package mutating func recorded(now: NIODeadline) {
        guard self.phase == .recording else { return }
        self.phase = .committing
        self.actions.append(.commit(generation: self.generation))
    }

    package mutating func committed(generation: UInt64, now: NIODeadline) {
        guard generation == self.generation, self.phase == .committing else { return }
        self.actions.append(.deliver)
        self.reopen(now)
    }

    private mutating func reopen(_ now: NIODeadline) {
        self.phase = .open
        self.announced = []
        self.openedAt = nil
        self.isHurried = false
        self.lookAt = now + self.settings.interval
        self.announce(now)
    }

    /// Something happened after which the transaction can only be given up.
    package mutating func fail(_ reason: String, now: NIODeadline) {
        guard self.phase != .halted else { return }
        self.phase = .halted
        self.generation += 1
        self.announced = []
        self.adding = []
        self.wanted = []
        self.outstanding = 0
        self.isHurried = false
        self.openedAt = nil
        self.actions.append(.recover(reason))
    }
}
