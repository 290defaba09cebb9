package import KafkaProtocol
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
    let context: TransactionContext
    var writer: TransactionWriter
    /// Bytes sent in this transaction.
    var sentBytes = 0
    /// Slots whose mirror is being looked through for foreign records.
    var searching: Set<Int> = []
    var isSearchForbidden = false
    var timer: Scheduled<Void>?
    var timerDeadline: NIODeadline?
    var isRunning = false
    var finishWaiters: [() -> Void] = []

    init(_ context: TransactionContext) {
        self.context = context
        let settings = context.ownership.settings
        var cycle = TransactionCycle.Settings()
        cycle.interval = .milliseconds(settings.intervalMs)
        cycle.idle = .milliseconds(min(50, settings.intervalMs))
        cycle.timeout = .milliseconds(settings.timeoutMs)
        writer = TransactionWriter(context.grant.identity, progress: context.grant.progress, settings: cycle)
    }

    var transactionalID: KafkaString { context.grant.transactionalID }
}
