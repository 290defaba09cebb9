package import NIOCore

extension Log {
    package enum ReadFailure: Error, Sendable {
        case outOfRange
    }

    /// What a fetch gets.
    package struct Slice {
        /// Pieces of batches, one after the other.
        package var parts: [ByteBuffer] = []
        package var bytes = 0
        package var aborted: [AbortedTransaction] = []
    }

    /// Reads batches from the one that holds `offset` on.
    ///
    /// Like a segment file's slice, the result may begin before `offset` and its last batch may be cut off.
    ///
    /// - Parameters:
    ///   - limit: no batch that reaches this offset is read.
    ///   - maxBytes: how much to read.
    ///   - needsOne: whether the first batch is read whole even when it is larger than `maxBytes`.
    package func read(
        from offset: Int64,
        limit: Int64,
        maxBytes: Int,
        needsOne: Bool
    ) throws(ReadFailure) -> Slice {
        guard offset >= self.startOffset, offset <= self.endOffset else { throw .outOfRange }
        var slice = Slice()
        guard offset < limit else { return slice }
        var index = self.batchIndex(reaching: offset)
        guard index < self.batches.count else { return slice }
        let segmentEnd = self.endOfSegment(holding: self.batches[index].baseOffset)
        while index < self.batches.count, self.batches[index].lastOffset < limit,
            self.batches[index].baseOffset < segmentEnd
        {
            let batch = self.batches[index]
            let room = maxBytes - slice.bytes
            if batch.size > room, !(needsOne && slice.bytes == 0) {
                // A first batch that does not fit is left out: nobody could read it.
                if room > 0, slice.bytes > 0 { Self.gather(batch, prefix: room, into: &slice) }
                break
            }
            batch.gather(into: &slice.parts)
            slice.bytes += batch.size
            index += 1
        }
        return slice
    }

    /// Reads for a read-committed consumer: up to the last stable offset, with the transactions to skip.
    package func readCommitted(from offset: Int64, maxBytes: Int, needsOne: Bool) throws(ReadFailure) -> Slice {
        var slice = try self.read(from: offset, limit: self.lastStableOffset, maxBytes: maxBytes, needsOne: needsOne)
        guard slice.bytes > 0, !self.abortedTransactions.isEmpty else { return slice }
        let upper = self.upperBound(from: offset, bytes: slice.bytes)
        slice.aborted = self.abortedTransactions.filter { $0.lastOffset >= offset && $0.firstOffset < upper }
        return slice
    }

    /// How many bytes a fetch at `offset` could get at most, for `min_bytes`.
    package func available(from offset: Int64, limit: Int64, atMost maximum: Int) -> Int {
        guard offset >= self.startOffset, offset < limit else { return 0 }
        var total = 0
        var index = self.batchIndex(reaching: offset)
        while index < self.batches.count, self.batches[index].lastOffset < limit, total < maximum {
            total += self.batches[index].size
            index += 1
        }
        return min(total, maximum)
    }

    /// An offset at or beyond the end of a read of `bytes` from `offset`.
    ///
    /// A broker looks it up in a sparse index and, finding nothing behind the read, takes the end of the segment; so
    /// readers are told about transactions that begin after what they got.
    private func upperBound(from offset: Int64, bytes: Int) -> Int64 {
        let index = self.batchIndex(reaching: offset)
        guard index < self.batches.count else { return self.endOffset }
        let batch = self.batches[index]
        guard let segment = self.segments.lastIndex(where: { $0.baseOffset <= batch.baseOffset }) else {
            return self.endOffset
        }
        let end = batch.position + bytes
        if let entry = self.segments[segment].index.first(where: { $0.position >= end }) { return entry.offset }
        return segment + 1 < self.segments.count ? self.segments[segment + 1].baseOffset : self.endOffset
    }

    private func endOfSegment(holding offset: Int64) -> Int64 {
        self.segments.first { $0.baseOffset > offset }?.baseOffset ?? .max
    }

    private static func gather(_ batch: StoredBatch, prefix length: Int, into slice: inout Slice) {
        var parts: [ByteBuffer] = []
        batch.gather(into: &parts)
        var left = length
        for part in parts where left > 0 {
            if let piece = part.getSlice(at: part.readerIndex, length: min(left, part.readableBytes)) {
                left -= piece.readableBytes
                slice.bytes += piece.readableBytes
                slice.parts.append(piece)
            }
        }
    }
}
