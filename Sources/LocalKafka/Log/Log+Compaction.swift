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
            let records = batch.header.attributes.isControl ? nil : try? batch.view?.records(codecs: codecs)
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
            guard let records, let view = batch.view else {
                // A marker, or a batch that cannot be read and is therefore left alone.
                let isMarker = batch.header.attributes.isControl
                let producer = batch.header.producerID
                if !isMarker || survivors.contains(producer) || lastBatches[producer] == batch.baseOffset {
                    kept.append(batch)
                }
                survivors.remove(producer)
                continue
            }
            let aborted = self.isAborted(batch)
            let retained = records.filter { record in
                guard !aborted, let key = record.key else { return false }
                return newest[key] == record.offset && !(removingTombstones && record.value == nil)
            }
            if retained.count == records.count {
                kept.append(batch)
            } else if !retained.isEmpty {
                kept.append(CompactedBatch.make(view, keeping: Set(retained.map(\.offset)), codecs: codecs) ?? batch)
            } else if lastBatches[batch.header.producerID] == batch.baseOffset {
                kept.append(CompactedBatch.empty(view) ?? batch)
            }
            if !retained.isEmpty, batch.header.attributes.isTransactional {
                survivors.insert(batch.header.producerID)
            }
        }
        self.batches.replaceSubrange(..<end, with: kept)
        self.size = self.batches.reduce(0) { $0 + $1.size }
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

/// What compaction leaves of a batch.
enum CompactedBatch {
    /// The batch with some of its records, whose bytes stay as they are; `nil` if it cannot be taken apart.
    static func make(
        _ batch: RecordBatchView,
        keeping offsets: Set<Int64>,
        codecs: (any RecordCodecs)?
    ) -> StoredBatch? {
        guard
            var plain = try? BatchRewriter.plainSection(batch, codecs: codecs), let codec = batch.codec,
            let records = try? batch.records(codecs: codecs)
        else { return nil }
        var section = ByteBuffer()
        var last: Int64 = -1
        for record in records {
            guard let frame = self.readRecord(&plain) else { return nil }
            guard offsets.contains(record.offset) else { continue }
            section.writeImmutableBuffer(frame)
            last = max(last, record.timestamp)
        }
        if codec != .none {
            var output = ByteBuffer()
            guard let codecs, (try? codecs.compress(section, with: codec, level: nil, into: &output)) != nil else {
                return nil
            }
            section = output
        }
        var header = batch.header
        header.recordCount = Int32(offsets.count)
        if header.attributes.timestampType == .createTime { header.maxTimestamp = last }
        return self.stored(BatchRewriter.batch(header, section: section), header)
    }

    /// The batch without any record.
    static func empty(_ batch: RecordBatchView) -> StoredBatch? {
        var header = batch.header
        header.attributes = BatchAttributes(rawValue: header.attributes.rawValue & ~7)
        header.recordCount = 0
        header.baseTimestamp = -1
        header.maxTimestamp = -1
        return self.stored(BatchRewriter.batch(header, section: ByteBuffer()), header)
    }

    private static func stored(_ bytes: ByteBuffer, _ header: BatchHeader) -> StoredBatch? {
        guard let view = try? RecordBatchView(bytes) else { return nil }
        return StoredBatch(view, baseOffset: header.baseOffset, leaderEpoch: header.partitionLeaderEpoch)
    }

    /// One record with its length in front.
    private static func readRecord(_ buffer: inout ByteBuffer) -> ByteBuffer? {
        var peek = buffer
        var length: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 35, by: 7) {
            guard let byte = peek.readInteger(as: UInt8.self) else { return nil }
            length |= UInt64(byte & 0x7F) << shift
            guard byte < 0x80 else { continue }
            // Zigzag: lengths are never negative.
            let size = Int(length >> 1) + peek.readerIndex - buffer.readerIndex
            return buffer.readSlice(length: size)
        }
        return nil
    }
}
