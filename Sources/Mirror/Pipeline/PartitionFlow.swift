import DequeModule
package import KafkaClient
import KafkaProtocol
import KafkaRecords
import MirrorModel
import NIOCore

/// Mirrors one partition: decides what happens to each fetched batch and keeps the position.
///
/// # Responsibilities
/// 1. Batches leave in source order, each exactly once; the position is the end of the contiguous acknowledged prefix.
/// 2. Fetched bytes are held until the position has passed them, then given back.
/// 3. A refusal by the target stops this partition only: split and try again, or quarantine with a reason and a time.
/// 4. A produce outcome that nobody knows is proven from the end of the target's log before anything is sent again.
/// 5. Truncation, recreation and retention at the source, and lost records at the target, become events.
///
/// # Implementation
/// A value without clock, sockets or threads. Each event is a method; what has to be done is collected as actions, which
/// the shard carries out in order. Every way back ("rewind") is the same: drop everything unacknowledged, and read again
/// after the position. Nothing is ever sent from two places.
package struct PartitionFlow: Sendable {
    package let assignment: PartitionAssignment
    let settings: Settings
    var planner: BatchPlanner
    var phase = Phase.starting
    /// The position; its offset is one below the start until something is acknowledged.
    package internal(set) var position: PartitionPosition?
    /// The next source offset not yet in the queue.
    var scanOffset: Int64 = -1
    /// The next source offset not yet received.
    var receivedOffset: Int64 = -1
    /// Answers whose batches have not all been looked at.
    var unplanned: Deque<Answer> = []
    var queue = FlowQueue()
    /// The size of the last batch that was made of several.
    var joinedSize = 64 << 10
    /// Small batches that are being collected to be encoded again as one.
    var group: [ScannedBatch] = []
    var groupBytes = 0
    /// Why they have to be encoded again in any case; nil when they are joined for speed only.
    var groupReason: RebuildReason?
    /// The first source offset wanted of the group.
    var groupStart: Int64 = 0
    /// How long the target takes to acknowledge when it is not busy.
    var roundTrip = TimeAmount.zero
    /// How many partitions share a request to the target.
    var company = 1
    /// How many batches of the partition may be out.
    var batchLimit = 5
    var held: Deque<HeldBytes> = []
    var nextToken: UInt64 = 1
    var nextTicket: UInt64 = 1
    var generation: UInt64 = 1
    /// Where the source goes on once everything queued is through.
    var pendingSeek: PendingSeek?
    var proofDue: NIODeadline?
    /// What the producer refused while its outcome is being proven.
    var pendingRefusal: ProduceRefusal?
    /// Something was written since the assignment, or since another place of the source was gone to.
    var hasWritten = false
    /// What is read comes from another place of the source than an earlier process may have sent from.
    var hasJumped = false
    /// What the target acknowledged first may be what an earlier process had sent: it has to be compared.
    var isFirstInDoubt = false
    /// The target offset from which on the target has lost what we wrote.
    var targetLoss: Int64?
    /// What is written reaches at least to this target offset; more than the position says where places are not known.
    var leastWritten: Int64 = -1
    /// The last target offset that was written before the loss was noticed.
    var targetLossEnd: Int64 = -1
    /// Records of somebody else that were found in the mirror.
    var foreign: Foreign?
    /// They stop the partition once nothing is out.
    var foreignHold: Gap?
    /// In transactions: target offsets up to here have been looked at, whoever wrote them.
    var explainedThrough: Int64 = -1
    /// The last target offset of the transaction committed last: its marker stands behind it.
    var committedEnd: Int64?
    /// What has to be in the ledger before the partition goes on, or is decided by somebody.
    var hold: Hold?
    var holdReportDue: NIODeadline?
    /// What whoever assigned the partition is told, so that it is given back.
    var yieldReport: PartitionEvent.Kind?
    /// A damaged batch is next; the partition stops as soon as the shard tells the time.
    var damageAtHead: QuarantineReason?
    var quarantineAttempts = 0
    var impediment: String?
    /// What keeps committed records from being seen.
    var openTransaction: OpenTransaction?
    var isTroubled = false
    var topicID: KafkaUUID
    package internal(set) var watermarks = FetchWatermarks()
    /// Where the records went.
    package let offsets: PartitionOffsets
    package internal(set) var counters = PipelineCounters()
    var actions: [Action] = []

    package init(assignment: PartitionAssignment, settings: Settings) {
        self.assignment = assignment
        self.settings = settings
        self.planner = BatchPlanner(settings: settings.planner)
        self.topicID = assignment.sourceTopicID
        self.offsets = Self.offsets(of: assignment)
        if let limit = assignment.maxBatchBytes { self.planner.settings.maxBatchBytes = limit }
        if let first = assignment.findings.first {
            self.position = assignment.resumed
            self.hold(first, .start, rest: Array(assignment.findings.dropFirst()))
        } else if case .offset(let offset) = assignment.start {
            self.begin(at: offset)
        }
    }

    /// Whether `takeActions` would return something.
    package var hasActions: Bool { !self.actions.isEmpty }

    /// Roughly how much waits to be sent.
    var waitingBytes: Int {
        max(1, self.unplanned.reduce(self.queue.waitingBytes) { $0 + $1.cursor.unreadBytes })
    }

    /// Memory taken beside the bytes that were fetched.
    package var copiedBytes: Int { self.queue.copiedBytes }

    /// Everything decided since the last call, in order.
    package mutating func takeActions() -> [Action] {
        guard !self.actions.isEmpty else { return [] }
        let result = self.actions
        self.actions = []
        return result
    }

    // MARK: The end

    /// Takes nothing new and waits for what was sent.
    package mutating func drain() {
        switch self.phase {
        case .draining, .stopped: return
        case .starting, .running, .proving, .holding, .yielding, .quarantined: break
        }
        self.actions.append(.setFetching(false))
        if case .proving = self.phase { self.queue.removeAll() }
        self.phase = .draining
        self.queue.dropWaiting()
        self.unplanned.removeAll()
        self.group = []
        self.settle()
    }

    // MARK: Words

    /// Tells the shard what waits to be sent.
    package mutating func announce() {
        guard self.phase == .running, self.queue.hasWaiting else { return }
        switch self.queue.head {
        case .fast, .assembled: self.actions.append(.ready(bytes: self.waitingBytes))
        case .rebuilding, .damaged, nil: break
        }
    }

    mutating func report(_ kind: PartitionEvent.Kind) {
        self.actions.append(
            .report(PartitionEvent(source: self.assignment.source, target: self.assignment.target, kind: kind))
        )
    }

    mutating func impede(_ reason: String) {
        self.impediment = reason
        self.isTroubled = true
        self.report(.impeded(reason: reason))
    }

    mutating func clearImpediment() {
        guard self.impediment != nil else { return }
        self.impediment = nil
        if self.phase == .running {
            self.isTroubled = false
            self.report(.recovered)
        }
    }
}
