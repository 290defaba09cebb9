import KafkaProtocol
import KafkaRecords
package import MirrorModel

/// A partition whose records are written in its shard's transactions.
///
/// The flow hears of acknowledgements when their transaction is committed, so position, offset map and counters never
/// tell of records that a committed reader does not see.
extension PartitionFlow {
    /// The position once batches that the target has written are committed; nil when the flow does not know them all any
    /// more.
    ///
    /// - Parameter written: Where the target put each, by token, in whatever order it said so.
    package func position(adding written: [UInt64: Int64?]) -> PartitionPosition? {
        guard var position = self.position else { return nil }
        var count = 0
        for (entry, base) in self.places(written) {
            position.sourceOffset = max(position.sourceOffset, entry.through)
            position.targetOffset = base.map { $0 + Int64(entry.recordCount) - 1 }
            if entry.leaderEpoch >= 0 { position.leaderEpoch = entry.leaderEpoch }
            count += 1
        }
        return count == written.count ? position : nil
    }

    /// The batches that were written, in order, as far as they follow one another.
    private func places(_ written: [UInt64: Int64?]) -> [(entry: FlowEntry, base: Int64?)] {
        var result: [(entry: FlowEntry, base: Int64?)] = []
        for entry in self.queue.entries.prefix(self.queue.sentCount) {
            guard let place = written[entry.token] else { break }
            result.append((entry, place))
        }
        guard result.contains(where: { $0.base == nil }) else { return result }
        // Before the first stands the marker of the transaction before.
        let places = FlowQueue.places(of: result.map { (Int64($0.entry.recordCount), $0.base) }, behind: nil)
        return zip(result, places).map { ($0.entry, $1) }
    }

    /// What a progress record holds of the offset map once batches are committed: where the target put each, by token.
    package func offsetMap(adding written: [UInt64: Int64?]) -> [UInt8]? {
        self.offsets.shortened { map in
            for (entry, place) in self.places(written) {
                if let base = place {
                    entry.forEachRun { run in
                        map.append(source: run.source, target: base + Int64(run.index), count: Int64(run.count))
                    }
                    map.advance(scannedEnd: entry.through &+ 1)
                } else {
                    map.loseSight(scannedEnd: entry.through &+ 1)
                }
            }
        }
    }

    // MARK: Foreign records

    /// Target offsets before and among the batches of the open transaction that are not explained by what we wrote.
    ///
    /// Right behind what was committed last stands the marker of its transaction. Whatever else takes an offset has to
    /// be looked at: markers of transactions that were given up and their records, or records of somebody else.
    ///
    /// - Parameter written: Where the target put each batch, by token.
    package func unexplained(_ written: [UInt64: Int64?]) -> [Range<Int64>] {
        var batches: [Range<Int64>] = []
        for entry in self.queue.entries.prefix(self.queue.sentCount) {
            guard let place = written[entry.token], let base = place else { continue }
            batches.append(base..<base + Int64(entry.recordCount))
        }
        batches.sort { $0.lowerBound < $1.lowerBound }
        guard let first = batches.first else { return [] }
        let committed = self.position?.targetOffset
        var next = committed.map { max($0, self.explainedThrough) + 1 } ?? first.lowerBound
        if let committed, committed == self.committedEnd, next == committed + 1, first.lowerBound == next + 1 {
            next = first.lowerBound
        }
        var result: [Range<Int64>] = []
        for batch in batches {
            let from = max(next, self.explainedThrough + 1)
            if batch.lowerBound > from { result.append(from..<batch.lowerBound) }
            next = max(next, batch.upperBound)
        }
        return result
    }

    /// Unexplained target offsets have been looked at up to one.
    package mutating func explained(through offset: Int64, _ foreign: ForeignRecords?) {
        self.explainedThrough = max(self.explainedThrough, offset)
        guard let foreign, self.phase == .running else { return }
        self.found(foreign)
        // Nothing behind them is committed where the policy does not let it go on.
        if let gap = self.foreignHold, let position = self.position { self.hold(gap, .behind(position)) }
    }

    /// Foreign records were found, and the ledger does not have them yet.
    package var awaitsLedger: Bool { self.foreign.map { !$0.isRecorded } ?? false }

    /// All that was acknowledged is committed.
    package mutating func transactionCommitted() {
        self.committedEnd = self.position?.targetOffset
    }

    /// Whether progress is about the topics that are mirrored: what was written before one of them was made anew may be the
    /// last that was committed.
    private func isAbout(_ progress: ProgressRecord) -> Bool {
        if let id = progress.sourceTopicID, self.topicID != .zero, id != self.topicID { return false }
        let target = self.assignment.targetTopicID
        if let id = progress.targetTopicID, target != .zero, id != target { return false }
        return true
    }

    /// Everything sent since the last commit is lost: goes back to what is committed.
    ///
    /// - Parameter committed: What the target knows of the partition.
    package mutating func transactionLost(committed: ProgressRecord?) {
        switch self.phase {
        case .starting, .holding, .yielding, .quarantined: return
        case .draining, .stopped:
            // Whoever goes on reads it again.
            self.queue.removeAll()
            self.settle()
            return
        case .running, .proving: break
        }
        // What is committed may be of before the place was changed.
        if let committed, !self.hasJumped, self.isAbout(committed),
            committed.offset > self.position?.sourceOffset ?? .max
        {
            self.position?.sourceOffset = committed.offset
            self.position?.targetOffset = committed.targetOffset
            self.leastWritten = committed.targetOffset ?? -1
            self.offsets.loseSight(through: committed.offset)
            if let epoch = committed.leaderEpoch { self.position?.leaderEpoch = epoch }
        }
        self.phase = .running
        self.rewind()
    }
}
