package import KafkaRecords

extension Log {
    /// A record's place as ListOffsets answers it.
    package struct Position: Sendable, Hashable {
        package var offset: Int64
        package var timestamp: Int64
        package var leaderEpoch: Int32

        package static let unknown = Position(offset: -1, timestamp: -1, leaderEpoch: -1)
    }

    package var earliest: Position {
        Position(
            offset: self.startOffset,
            timestamp: -1,
            leaderEpoch: self.leaderEpochs.epoch(at: self.startOffset) ?? -1
        )
    }

    package func latest(readCommitted: Bool) -> Position {
        Position(
            offset: readCommitted ? self.lastStableOffset : self.highWatermark,
            timestamp: -1,
            leaderEpoch: self.leaderEpochs.latest ?? -1
        )
    }

    /// The first record at or after a time.
    package func position(atOrAfter time: Int64, readCommitted: Bool, codecs: (any RecordCodecs)?) -> Position {
        let limit = readCommitted ? self.lastStableOffset : self.highWatermark
        for batch in self.batches where batch.maxTimestamp >= time && batch.lastOffset >= self.startOffset {
            guard batch.baseOffset < limit else { break }
            guard let records = try? batch.records(codecs: codecs) else { continue }
            if let record = records.first(where: { $0.timestamp >= time && $0.offset >= self.startOffset }) {
                guard record.offset < limit else { break }
                return Position(offset: record.offset, timestamp: record.timestamp, leaderEpoch: batch.leaderEpoch)
            }
        }
        return .unknown
    }

    /// The first record that has the highest timestamp of all.
    package func positionOfMaxTimestamp(readCommitted: Bool, codecs: (any RecordCodecs)?) -> Position {
        var best: StoredBatch?
        for batch in self.batches where batch.maxTimestamp > best?.maxTimestamp ?? -1 {
            best = batch
        }
        guard
            let best, let records = try? best.records(codecs: codecs),
            let record = records.first(where: { $0.timestamp == best.maxTimestamp })
        else { return .unknown }
        // A record that the reader may not have yet is not an answer, and neither is another one.
        guard record.offset < (readCommitted ? self.lastStableOffset : self.highWatermark) else { return .unknown }
        return Position(offset: record.offset, timestamp: record.timestamp, leaderEpoch: best.leaderEpoch)
    }
}
