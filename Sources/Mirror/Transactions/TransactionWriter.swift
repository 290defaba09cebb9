import DequeModule
package import KafkaClient
package import KafkaProtocol
package import MirrorModel
package import NIOCore

/// Which batches and what progress belong to the open transaction, and what becomes of them.
///
/// # Responsibilities
/// 1. A batch that the target has acknowledged counts for its partition when the transaction is committed, not before.
/// 2. Progress is written in the transaction of the records that it is about.
/// 3. What the target refuses for good is acted on when everything written before it is committed.
///
/// # Implementation
/// A value without clock or sockets, as `TransactionCycle`, which it drives: partitions are known by their slots at the
/// producer, what is to be done comes one by one from ``next(now:)``. Shards and simulated processes share it.
package struct TransactionWriter: Sendable {
    /// A batch that is written and not committed.
    package struct Acknowledgement: Sendable {
        package let slot: Int
        package let token: UInt64
        package let targetBase: Int64?
    }

    /// What became of the partitions when a transaction was committed.
    package struct Delivery: Sendable {
        /// Oldest first.
        package let acknowledged: [Acknowledgement]
        /// What the target refused, by slot.
        package let refusals: [Int: ProduceRefusal]
        /// Slots that have records to write.
        package let waiting: Set<Int>
        /// All that something is told, in order.
        package var slots: [Int] {
            Set(self.acknowledged.map(\.slot)).union(self.refusals.keys).union(self.waiting).sorted()
        }
    }

    package enum Action: Sendable {
        /// Announce partitions to the coordinator, then call ``announced(_:generation:now:)`` or ``fail(_:code:now:)``.
        case announce(Set<TopicPartition>, generation: UInt64)
        /// The producer may ask these slots for batches.
        case ready([Int])
        /// All records are acknowledged: call ``settle(_:_:now:)``, ``add(_:key:to:slot:)``, ``record(now:)``.
        case prepareProgress
        /// Commit, then call ``committed(_:generation:now:)`` or ``fail(_:code:now:)``.
        case commit(generation: UInt64)
        /// Records count now; those who wait for the end of the transaction go on.
        case deliver(Delivery)
        /// The transaction is lost: get a new epoch, then call ``resume(_:progress:isCommitted:)`` and ``begin(now:)``.
        case recover(String, wasFenced: Bool)
    }

    /// A partition that the coordinator did not know.
    package struct Retry: Sendable {
        package let slot: Int
        package let after: TimeAmount
    }

    /// One partition of the progress topic.
    struct ProgressPartition {
        var slot: Int
        /// Records to be written in this transaction.
        var waiting: Deque<(key: [UInt8], value: [UInt8])> = []
        var outstanding = 0
    }

    package internal(set) var identity: ProducerIdentity
    var cycle: TransactionCycle
    private var cycleActions: Deque<TransactionCycle.Action> = []
    var ready: Set<Int> = []
    var ledger: ProgressLedger
    /// Written and not committed, oldest first.
    package internal(set) var acknowledged: [Acknowledgement] = []
    /// Batches of a slot that are not acknowledged.
    var outstanding: [Int: Int] = [:]
    /// Slots whose records have to wait until their partition may be written to.
    var waiting: [Int: TopicPartition] = [:]
    /// How often the coordinator did not know the partition of a slot.
    var missing: [Int: Int] = [:]
    /// What the target refused of a slot; acted on when the transaction is through.
    var refusals: [Int: ProduceRefusal] = [:]
    /// Progress that belongs to the open transaction.
    package internal(set) var pending: [TopicPartition: ProgressRecord] = [:]
    var progress: [TopicPartition: ProgressPartition] = [:]
    var progressBySlot: [Int: TopicPartition] = [:]
    /// The commit was sent and not answered.
    var isCommitUncertain = false
    /// The last failure says that our epoch is not the newest.
    var wasFenced = false
    /// There is no identity to write under any more.
    package internal(set) var isLost = false

    package init(
        _ identity: ProducerIdentity,
        progress: [TopicPartition: ProgressRecord],
        settings: TransactionCycle.Settings
    ) {
        self.identity = identity
        self.cycle = TransactionCycle(settings: settings)
        self.ledger = ProgressLedger(loaded: progress, isTransactional: true)
    }

    package var generation: UInt64 { self.cycle.generation }

    /// Nothing is open: answers tell of what is lost already.
    package var isHalted: Bool { self.cycle.phase == .halted }

    /// When ``tick(now:)`` must be called; nil when only other events matter.
    package var nextWake: NIODeadline? { self.cycle.nextWake }

    package mutating func begin(now: NIODeadline) { self.cycle.begin(now: now) }

    package mutating func tick(now: NIODeadline) { self.cycle.tick(now: now) }

    /// Somebody waits for the end of the transaction.
    package mutating func hurry(now: NIODeadline) { self.cycle.hurry(now: now) }

    /// The next thing to be done; nil when there is nothing.
    package mutating func next(now: NIODeadline) -> Action? {
        while true {
            if !self.ready.isEmpty {
                defer { self.ready = [] }
                return .ready(self.ready.sorted())
            }
            if self.cycleActions.isEmpty { self.cycleActions.append(contentsOf: self.cycle.takeActions()) }
            guard let action = self.cycleActions.popFirst() else { return nil }
            if let action = self.translate(action, now) { return action }
        }
    }

    private mutating func translate(_ action: TransactionCycle.Action, _ now: NIODeadline) -> Action? {
        switch action {
        case .add(let partitions, let generation): return .announce(partitions, generation: generation)
        case .admit(let partitions):
            let slots = self.waiting.filter { partitions.contains($0.value) }.keys
            for slot in slots { self.waiting[slot] = nil }
            self.ready.formUnion(slots)
            return nil
        case .prepareProgress: return .prepareProgress
        case .writeProgress:
            self.finishProgress(now)
            return nil
        case .commit(let generation):
            self.isCommitUncertain = true
            return .commit(generation: generation)
        case .deliver:
            self.cycle.tick(now: now)
            return .deliver(self.deliver())
        case .nothingToCommit:
            // Refusals come without records too.
            return .deliver(self.deliver())
        case .recover(let reason):
            defer { self.forgetSent() }
            return .recover(reason, wasFenced: self.wasFenced)
        }
    }

    // MARK: Partitions

    /// A partition is mirrored from now on.
    package mutating func began(_ source: TopicPartition, targetTopicID: KafkaUUID) {
        self.ledger.began(source, targetTopicID: targetTopicID)
    }

    /// A slot has records; true when it is asked for them later.
    package mutating func postpones(_ slot: Int, of partition: TopicPartition, now: NIODeadline) -> Bool {
        guard self.refusals[slot] == nil else { return true }
        if self.cycle.admits(partition) { return false }
        self.waiting[slot] = partition
        self.cycle.want(partition, now: now)
        return true
    }

    /// Whether a slot may be asked for a batch; if not, it is when it may.
    package mutating func admits(_ slot: Int, of partition: TopicPartition) -> Bool {
        if self.cycle.admits(partition), self.refusals[slot] == nil { return true }
        self.waiting[slot] = partition
        return false
    }

    /// A batch went out.
    package mutating func took(_ slot: Int, now: NIODeadline) {
        self.outstanding[slot, default: 0] += 1
        self.cycle.sent(now: now)
    }

    /// A partition is given up; slots are given to others.
    package mutating func forget(_ slot: Int, of partition: TopicPartition, now: NIODeadline) {
        self.waiting[slot] = nil
        self.refusals[slot] = nil
        self.missing[slot] = nil
        self.cycle.forget(partition)
        let isOut = self.outstanding.removeValue(forKey: slot) ?? 0 > 0
        let count = self.acknowledged.count
        self.acknowledged.removeAll { $0.slot == slot }
        if isOut || self.acknowledged.count < count { self.cycle.fail("\(partition) was given up", now: now) }
    }
}
