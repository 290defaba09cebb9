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
            guard case .batch(let batch) = element else {
                throw RecordError(.magic, "Only batches of version 2 can be restored", offset: nil)
            }
            if self.batches.isEmpty, self.endOffset == 0 { self.startOffset = 0 }
            self.restore(batch, beginsSegment: isFirst)
            isFirst = false
        }
    }

    private mutating func restore(_ batch: RecordBatchView, beginsSegment: Bool) {
        self.leaderEpochs.assign(batch.partitionLeaderEpoch, from: batch.baseOffset)
        if beginsSegment { self.segments.append(Segment(baseOffset: batch.baseOffset)) }
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
