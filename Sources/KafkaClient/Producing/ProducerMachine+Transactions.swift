public import KafkaProtocol
public import NIOCore

/// Writing in transactions, which the owner begins and ends.
///
/// All partitions share the identity the owner gives. It never changes by itself: whatever puts it in doubt is reported
/// as a refusal, and the owner halts, ends the transaction, and begins with a new epoch, under which all sequences start
/// at 0.
extension ProducerMachine {
    /// Writes from now on under this identity.
    public mutating func begin(_ identity: ProducerIdentity, transactionalID: KafkaString, now: NIODeadline) {
        self.now = now
        self.transactionalID = transactionalID
        self.closedSequences.removeAll()
        self.shared = .ready(identity)
        for slot in self.entries.indices where self.entry(slot)?.ids.identity == nil { self.activate(slot) }
    }

    /// Forgets every batch that is not acknowledged; nothing is sent until `begin`.
    ///
    /// Answers to what is out mean nothing any more. The slots stay.
    public mutating func halt(now: NIODeadline) {
        self.now = now
        self.shared = .none
        self.closedSequences.removeAll()
        for slot in self.entries.indices {
            guard let entry = self.entry(slot) else { continue }
            if let node = entry.node { self.brokers[node]?.remove(slot) }
            self.sleeping.remove(slot)
            var fresh = ProducePartition(partition: entry.partition, identity: self.nextIdentity)
            self.nextIdentity += 1
            fresh.node = entry.node
            fresh.leaderEpoch = entry.leaderEpoch
            fresh.isReportedFailing = entry.isReportedFailing
            self.entries[slot] = fresh
            self.prepare(slot, refresh: entry.wantsRefresh)
        }
    }

    /// Remembers where the sequence of a closed partition goes on.
    ///
    /// With batches out nobody knows: then their numbers stay used. If they were not written, the broker sees a gap and
    /// the owner begins anew; numbers used twice would be taken for repetitions, and records would be lost.
    mutating func keepSequence(of entry: ProducePartition) {
        guard self.settings.isTransactional, entry.ids.identity != nil else { return }
        self.closedSequences[entry.partition] = entry.ids.nextSequence
    }
}
