import KafkaRecords
package import NIOCore

extension Log {
    /// Appends the bytes of a log segment as they are, with their offsets, epochs, producers and transactions.
    ///
    /// A segment file of its own begins here.
    package mutating func restore(_ segment: ByteBuffer) throws {
        var scanner = RecordBatchScanner(segment)
        var isFirst = true
        while let element = try scanner.next() {
            if isFirst { self.segments.append(Segment(baseOffset: element.firstOffset(atLeast: self.endOffset))) }
            isFirst = false
            switch element {
            case .batch(let batch): self.restore(batch)
            case .legacy(let message): self.keep(StoredBatch(message, baseOffset: self.endOffset))
            }
        }
    }

    private mutating func restore(_ batch: RecordBatchView) {
        self.leaderEpochs.assign(batch.partitionLeaderEpoch, from: batch.baseOffset)
        self.keep(batch, baseOffset: batch.baseOffset, leaderEpoch: batch.partitionLeaderEpoch)
        guard batch.isControl else {
            self.producers.append(batch, baseOffset: batch.baseOffset, timestamp: batch.maxTimestamp)
            return
        }
        let start = try? self.producers.endTransaction(
            producerID: batch.producerID,
            epoch: batch.producerEpoch,
            coordinatorEpoch: 0,
            timestamp: batch.maxTimestamp
        )
        guard let start, (try? batch.controlRecord())?.type == .abort else { return }
        self.abortedTransactions.append(
            AbortedTransaction(producerID: batch.producerID, firstOffset: start, lastOffset: batch.baseOffset)
        )
    }
}

extension ScannedBatch {
    /// The first offset; for a wrapper of an old format, which does not tell it, at least where the log ends.
    fileprivate func firstOffset(atLeast end: Int64) -> Int64 {
        switch self {
        case .batch(let batch): batch.baseOffset
        case .legacy(let message): min(end, message.offset)
        }
    }
}
