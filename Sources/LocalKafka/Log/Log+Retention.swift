import KafkaRecords

extension Log {
    /// Moves the start of the log forward, as DeleteRecords does.
    ///
    /// - Returns: the new start, or `nil` when `offset` lies beyond the high watermark.
    package mutating func deleteRecords(before offset: Int64) -> Int64? {
        guard offset >= 0, offset <= self.highWatermark else { return nil }
        self.advanceStart(to: offset)
        return self.startOffset
    }

    /// Drops batches that are too old or too many; each batch counts as a segment file of its own.
    ///
    /// - Returns: whether anything went.
    @discardableResult
    package mutating func applyRetention(_ rules: LogRules, now: Int64) -> Bool {
        guard rules.isDeleted else { return false }
        let limit = self.highWatermark
        var count = 0
        var left = self.size
        for batch in self.batches {
            guard batch.lastOffset < limit else { break }
            let isTooOld =
                rules.retentionMs >= 0 && batch.maxTimestamp >= 0 && now - batch.maxTimestamp > rules.retentionMs
            let isTooMuch = rules.retentionBytes >= 0 && left - batch.size >= rules.retentionBytes
            guard isTooOld || isTooMuch else { break }
            left -= batch.size
            count += 1
        }
        guard count > 0 else { return false }
        self.advanceStart(to: self.batches[count - 1].lastOffset + 1)
        return true
    }

    /// Forgets everything from `offset` on, as after an unclean election of a replica that lagged.
    package mutating func truncate(to offset: Int64) {
        let offset = max(self.startOffset, min(offset, self.endOffset))
        let keep = self.batches.firstIndex { $0.lastOffset >= offset } ?? self.batches.count
        self.size -= self.batches[keep...].reduce(0) { $0 + $1.size }
        self.batches.removeSubrange(keep...)
        // Batches are never split: a cut inside one loses it whole.
        self.endOffset = self.batches.last.map { $0.lastOffset + 1 } ?? self.startOffset
        self.segments.removeAll { $0.baseOffset >= self.endOffset }
        self.leaderEpochs.truncate(toEnd: self.endOffset)
        self.abortedTransactions.removeAll { $0.lastOffset >= self.endOffset }
        self.heldHighWatermark = self.heldHighWatermark.map { min($0, self.endOffset) }
        self.rebuildProducers()
    }

    private mutating func advanceStart(to offset: Int64) {
        guard offset > self.startOffset else { return }
        self.startOffset = offset
        let count = self.batches.firstIndex { $0.lastOffset >= offset } ?? self.batches.count
        self.size -= self.batches[..<count].reduce(0) { $0 + $1.size }
        self.batches.removeFirst(count)
        if let first = self.segments.lastIndex(where: { $0.baseOffset <= offset }) {
            self.segments.removeFirst(first)
        }
        self.leaderEpochs.truncate(fromStart: offset)
        self.abortedTransactions.removeAll { $0.lastOffset < offset }
    }

    /// Reads the producers' state out of the batches again, as a broker does that starts without a snapshot.
    private mutating func rebuildProducers() {
        self.producers.removeAll()
        for batch in self.batches {
            guard let view = batch.view else { continue }
            if batch.header.attributes.isControl {
                _ = try? self.producers.endTransaction(
                    producerID: batch.header.producerID,
                    epoch: batch.header.producerEpoch,
                    coordinatorEpoch: 0,
                    timestamp: batch.maxTimestamp
                )
            } else {
                self.producers.append(view, baseOffset: batch.baseOffset, timestamp: batch.maxTimestamp)
            }
        }
    }
}
