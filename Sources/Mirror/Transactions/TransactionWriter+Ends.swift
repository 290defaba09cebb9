package import KafkaClient
package import KafkaProtocol
package import MirrorModel

/// Transactions that were committed or lost.
extension TransactionWriter {
    mutating func deliver() -> Delivery {
        self.isCommitUncertain = false
        self.ledger.wrote(self.pending)
        self.pending = [:]
        defer {
            self.acknowledged = []
            self.refusals = [:]
        }
        return Delivery(acknowledged: self.acknowledged, refusals: self.refusals, waiting: Set(self.waiting.keys))
    }

    /// Forgets the open transaction but for what was written in it, whose fate may not be known yet.
    mutating func forgetSent() {
        self.wasFenced = false
        self.outstanding.removeAll()
        self.waiting.removeAll()
        self.refusals.removeAll()
        self.ready.removeAll()
        for partition in self.progress.keys {
            self.progress[partition]?.waiting.removeAll()
            self.progress[partition]?.outstanding = 0
        }
    }

    /// Whether the transaction is committed whose commit was not answered: then the target shows its progress.
    package func isCommitted(accordingTo progress: [TopicPartition: ProgressRecord]) -> Bool {
        self.isCommitUncertain && ProgressLedger.isCommitted(self.pending, accordingTo: progress)
    }

    /// There is a new epoch, and `progress` is what the target shows; gives what counts of the lost transaction.
    package mutating func resume(
        _ identity: ProducerIdentity,
        progress: [TopicPartition: ProgressRecord],
        isCommitted: Bool
    ) -> Delivery? {
        let delivery = isCommitted ? self.deliver() : nil
        self.acknowledged = []
        self.isCommitUncertain = false
        self.pending = [:]
        self.identity = identity
        self.ledger = ProgressLedger(loaded: progress, isTransactional: true)
        return delivery
    }

    /// There will be no other epoch: somebody else writes the flow.
    package mutating func lose() {
        self.isLost = true
        self.acknowledged = []
    }
}
