package import KafkaRecords
import NIOCore

extension Log {
    /// Keeps of every key only the newest record below the last stable offset.
    ///
    /// - Offsets never change. A batch that loses records keeps its base and last offset; one that loses all of them
    ///   goes, unless it is the last one its producer wrote: that one stays as an empty batch, so that the producer's
    ///   sequence is not forgotten.
    /// - Records of aborted transactions go. Control batches stay while records of their transaction do, or their
    ///   producer has written nothing since.
    /// - A tombstone is a key's newest record like any other; with `removingTombstones` it goes too.
    package mutating func compact(removingTombstones: Bool, codecs: (any RecordCodecs)?) {
        let limit = self.lastStableOffset
        let end = self.batches.firstIndex { $0.lastOffset >= limit } ?? self.batches.count
        guard end > 0 else { return }
        var decoded: [[Record]?] = []
        var newest: [ByteBuffer: Int64] = [:]
        for batch in self.batches[..<end] {
            let records = batch.header.attributes.isControl ? nil : try? batch.records(codecs: codecs)
            decoded.append(records)
            guard let records, !self.isAborted(batch) else { continue }
            for record in records {
                if let key = record.key { newest[key] = record.offset }
            }
        }
        let lastBatches = self.lastBatchOfEachProducer()
        var kept: [StoredBatch] = []
        var survivors: Set<Int64> = []
        for (batch, records) in zip(self.batches[..<end], decoded) {
            guard records != nil, let view = batch.view else {
                // A marker, or a batch of an old format or that cannot be read, which is left alone.
                let isMarker = batch.header.attributes.isControl
                let producer = batch.header.producerID
                if !isMarker || survivors.contains(producer) || lastBatches[producer] == batch.baseOffset {
                    kept.append(batch)
                }
                survivors.remove(producer)
                continue
            }
            let aborted = self.isAborted(batch)
            let compacted = try? view.compacted(codecs: codecs) { record in
                guard !aborted, let key = record.key else { return false }
                return newest[key] == record.offset && !(removingTombstones && record.value == nil)
            }
            switch compacted {
            case .rewritten(let bytes):
                kept.append(Self.stored(bytes) ?? batch)
                survivors.insert(batch.header.producerID)
            case .emptied(let bytes):
                guard lastBatches[batch.header.producerID] == batch.baseOffset else { continue }
                kept.append(Self.stored(bytes) ?? batch)
            case .unchanged, nil:
                kept.append(batch)
                survivors.insert(batch.header.producerID)
            }
        }
        self.batches.replaceSubrange(..<end, with: kept)
        self.size = self.batches.reduce(0) { $0 + $1.size }
    }

    /// A batch in its final form, offsets included.
    private static func stored(_ bytes: ByteBuffer) -> StoredBatch? {
        guard let view = try? RecordBatchView(bytes) else { return nil }
        return StoredBatch(view, baseOffset: view.baseOffset, leaderEpoch: view.partitionLeaderEpoch)
    }

    private func isAborted(_ batch: StoredBatch) -> Bool {
        guard batch.header.attributes.isTransactional else { return false }
        return self.abortedTransactions.contains {
            $0.producerID == batch.header.producerID && batch.baseOffset >= $0.firstOffset
                && batch.baseOffset < $0.lastOffset
        }
    }

    /// The base offset of the newest batch of each producer.
    private func lastBatchOfEachProducer() -> [Int64: Int64] {
        var result: [Int64: Int64] = [:]
        for batch in self.batches where batch.header.producerID >= 0 {
            result[batch.header.producerID] = batch.baseOffset
        }
        return result
    }
}
