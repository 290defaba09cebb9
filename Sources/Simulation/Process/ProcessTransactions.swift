import DequeModule
import KafkaClient
import KafkaProtocol
import Mirror
import MirrorModel
import NIOCore

/// What a process keeps of its transactions between events, as `ShardTransactions` does.
final class ProcessTransactions {
    /// A batch that is written and not committed.
    struct Acknowledgement {
        let cell: MirrorProcess.Cell
        var token: UInt64
        var targetBase: Int64?
    }

    /// One partition of the progress topic.
    struct ProgressPartition {
        var slot: Int
        var waiting: Deque<(key: [UInt8], value: [UInt8])> = []
        var outstanding = 0
    }

    var identity: ProducerIdentity
    var cycle: TransactionCycle
    var ledger: ProgressLedger
    var acknowledged: [Acknowledgement] = []
    var outstanding: [Int: Int] = [:]
    var waiting: Set<Int> = []
    var missing: [Int: Int] = [:]
    var searching: Set<Int> = []
    var refusals: [Int: ProduceRefusal] = [:]
    var pending: [TopicPartition: ProgressRecord] = [:]
    var progress: [TopicPartition: ProgressPartition] = [:]
    var progressBySlot: [Int: TopicPartition] = [:]
    var isCommitUncertain = false
    var isRunning = false
    var isLost = false
    var finishWaiters: [() -> Void] = []

    init(
        _ identity: ProducerIdentity,
        _ settings: TransactionCycle.Settings,
        _ progress: [TopicPartition: ProgressRecord]
    ) {
        self.identity = identity
        cycle = TransactionCycle(settings: settings)
        ledger = ProgressLedger(loaded: progress, isTransactional: true)
    }

    func forgetSent() {
        outstanding.removeAll()
        waiting.removeAll()
        refusals.removeAll()
        for partition in progress.keys {
            progress[partition]?.waiting.removeAll()
            progress[partition]?.outstanding = 0
        }
    }
}

/// What the progress topic says.
struct CommittedProgress {
    var progress: [TopicPartition: ProgressRecord] = [:]
    var owner: OwnerRecord?
}
