import KafkaProtocol
import Mirror
import MirrorModel

/// What a process keeps of its transactions between events, as `ShardTransactions` does.
final class ProcessTransactions {
    var writer: TransactionWriter
    /// Slots whose mirror is being looked through for foreign records.
    var searching: Set<Int> = []
    var isRunning = false
    var finishWaiters: [() -> Void] = []

    init(_ writer: TransactionWriter) {
        self.writer = writer
    }
}

/// What the progress topic says.
struct CommittedProgress {
    var progress: [TopicPartition: ProgressRecord] = [:]
    var owner: OwnerRecord?
}
