import DequeModule
import KafkaClient
package import KafkaProtocol
import KafkaRecords
import MirrorModel
import NIOCore

/// What a shard needs to write in transactions.
package struct TransactionContext: Sendable {
    package var ownership: FlowOwnership
    package var shard: Int
    package var grant: FlowOwnership.Grant
    package var progressTopic: TopicName

    package init(ownership: FlowOwnership, shard: Int, grant: FlowOwnership.Grant, progressTopic: TopicName) {
        self.ownership = ownership
        self.shard = shard
        self.grant = grant
        self.progressTopic = progressTopic
    }
}

/// The transactions of one shard: what its extension `Shard+Transactions` keeps between events.
///
/// Unchecked: used on the shard's event loop only.
final class ShardTransactions: @unchecked Sendable {
    /// A batch that is written and not committed.
    struct Acknowledgement {
        let cell: Shard.Cell
        var token: UInt64
        var targetBase: Int64?
    }

    /// One partition of the progress topic.
    struct ProgressPartition {
        var slot: Int
        /// Records to be written in this transaction.
        var waiting: Deque<(key: [UInt8], value: [UInt8])> = []
        var outstanding = 0
    }

    let context: TransactionContext
    var identity: ProducerIdentity
    var cycle: TransactionCycle
    var ledger: ProgressLedger
    /// Written and not committed, oldest first.
    var acknowledged: [Acknowledgement] = []
    /// Bytes sent in this transaction.
    var sentBytes = 0
    /// Batches of a slot that are not acknowledged.
    var outstanding: [Int: Int] = [:]
    /// Slots whose records have to wait until their partition may be written to.
    var waiting: Set<Int> = []
    /// How often the coordinator did not know the partition of a slot.
    var missing: [Int: Int] = [:]
    /// Slots whose mirror is being looked through for foreign records.
    var searching: Set<Int> = []
    var isSearchForbidden = false
    /// What the target refused of a slot; acted on when the transaction is through.
    var refusals: [Int: ProduceRefusal] = [:]
    /// Progress that belongs to the open transaction.
    var pending: [TopicPartition: ProgressRecord] = [:]
    var progress: [TopicPartition: ProgressPartition] = [:]
    var progressBySlot: [Int: TopicPartition] = [:]
    /// The commit was sent and not answered.
    var isCommitUncertain = false
    /// The last failure says that our epoch is not the newest.
    var wasFenced = false
    var timer: Scheduled<Void>?
    var timerDeadline: NIODeadline?
    var isRunning = false
    var isLost = false
    var finishWaiters: [() -> Void] = []

    init(_ context: TransactionContext) {
        self.context = context
        let settings = context.ownership.settings
        identity = context.grant.identity
        var cycle = TransactionCycle.Settings()
        cycle.interval = .milliseconds(settings.intervalMs)
        cycle.idle = .milliseconds(min(50, settings.intervalMs))
        cycle.timeout = .milliseconds(settings.timeoutMs)
        self.cycle = TransactionCycle(settings: cycle)
        ledger = ProgressLedger(loaded: context.grant.progress, isTransactional: true)
    }

    var transactionalID: KafkaString { context.grant.transactionalID }

    /// Forgets the open transaction but for what was written in it, whose fate may not be known yet.
    func forgetSent() {
        sentBytes = 0
        outstanding.removeAll()
        waiting.removeAll()
        refusals.removeAll()
        for partition in progress.keys {
            progress[partition]?.waiting.removeAll()
            progress[partition]?.outstanding = 0
        }
    }
}
