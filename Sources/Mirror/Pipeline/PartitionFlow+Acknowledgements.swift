import DequeModule
import KafkaClient
import KafkaRecords

/// What the target wrote moves the position and gives bytes back.
extension PartitionFlow {
    /// The target wrote a batch.
    package mutating func acknowledged(token: UInt64, baseOffset: Int64?) {
        guard self.queue.acknowledge(token: token, targetBase: baseOffset) else { return }
        if self.mayBeInDoubt, let first = self.queue.entries.first, first.isAcknowledged, self.isInDoubt(first) {
            self.isFirstInDoubt = true
            return
        }
        self.queue.placeAcknowledged(behind: self.position?.targetOffset)
        while let entry = self.queue.popAcknowledged() { self.account(entry) }
        self.fill()
        self.settle()
        self.announce()
    }

    /// Whether `isInDoubt` could be true for any batch.
    var mayBeInDoubt: Bool { self.hasJumped || !self.hasWritten }

    /// Whether the target may have taken for written what an earlier process had still on its way, with the sequence
    /// numbers of this batch and other records: the source may have been cut off in between, below what that one had read.
    func isInDoubt(_ entry: FlowEntry) -> Bool {
        guard self.sharesProducer else { return false }
        if self.hasJumped { return true }
        guard !self.hasWritten, self.assignment.isComparable, let resumed = self.assignment.resumed else {
            return false
        }
        // In the place of records that were there before: they are lost, which is another matter.
        if let base = entry.targetBase, let written = resumed.targetOffset, base <= written { return false }
        if self.assignment.isProducerRenewed { return true }
        return resumed.leaderEpoch >= 0 && entry.leaderEpoch > resumed.leaderEpoch
    }

    /// Compares where the target put a batch with where it had to go; false when it lost records before it.
    ///
    /// A broker that lost everything accepts any sequence, so the offset is the only sign.
    private mutating func checkPlace(_ base: Int64) -> Bool {
        if self.targetLoss != nil { return false }
        if base <= max(self.position?.targetOffset ?? -1, self.leastWritten) {
            self.targetLoss = base
            return false
        }
        guard let written = self.position?.targetOffset else { return true }
        // Markers of transactions take places of their own.
        if base > written + 1, !self.settings.isTransactional { self.foundForeign(upTo: base, behind: written) }
        return true
    }

    mutating func account(_ entry: FlowEntry) {
        if let base = entry.targetBase, !self.checkPlace(base) {
            // It has got into the place of what was lost, and comes again behind it.
            self.targetLossEnd = max(self.targetLossEnd, base + Int64(entry.recordCount) - 1)
            return
        }
        if self.targetLoss != nil { return }
        self.hasWritten = true
        self.hasJumped = false
        self.position?.isApart = false
        self.counters.batches += 1
        self.counters.records += Int64(entry.recordCount)
        self.counters.bytes += Int64(entry.byteCount)
        switch entry.path {
        case .fast(let codec): self.counters.passed[codec] += 1
        case .coalesced(let batches):
            self.counters.passed[.none] += batches
            self.counters.coalescedBatches += batches
        case .recompressed(let batches): self.counters.recompressedBatches += batches
        case .slow(let reason, let batches): self.counters.slowPathBatches[reason, default: 0] += batches
        case .piece: break
        }
        self.noteOffsets(of: entry)
        let last = entry.targetBase.map { $0 + Int64(entry.recordCount) - 1 }
        self.leastWritten = last ?? max(self.position?.targetOffset ?? -1, self.leastWritten) + Int64(entry.recordCount)
        self.position?.targetOffset = last
        self.position?.producer = entry.stamp?.following(records: entry.recordCount)
        self.quarantineAttempts = 0
        if self.isTroubled {
            self.isTroubled = false
            self.report(.recovered)
        }
        self.advance(through: entry.through, epoch: entry.leaderEpoch)
    }

    /// Moves the position and gives back what it has passed.
    ///
    /// - Parameter epoch: The leader epoch of the batch that ends at `offset`: whoever reads on from there shows it, so
    ///   that a log that took another course is noticed.
    mutating func advance(through offset: Int64, epoch: Int32) {
        guard let position = self.position, offset > position.sourceOffset else { return }
        self.position?.sourceOffset = offset
        self.position?.leaderEpoch = epoch
        self.releasePassed()
    }

    mutating func releasePassed() {
        guard let passed = self.position?.sourceOffset else { return }
        while let first = self.held.first, first.through <= passed {
            self.held.removeFirst()
            self.actions.append(.release(first.lease))
        }
        if self.held.isEmpty { self.held = [] }
    }
}
