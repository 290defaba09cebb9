import NIOCore

/// The slow path: decodes batches of any format and encodes their records again, without gaps in the offsets.
///
/// Needed for compaction holes, LogAppendTime, old formats, trimming, another codec and batches that are too large
/// for the target. Several neighbours may be rebuilt together, which is how compressed batches are coalesced.
public struct BatchRebuilder: Sendable {
    /// How the new batches are compressed.
    public enum Compression: Hashable, Sendable {
        /// As the first of the batches was.
        case source
        case codec(CompressionCodec)
    }

    public var compression: Compression
    /// As in `compression.<codec>.level`; nil is the codec's default.
    public var level: Int?
    /// The size that no new batch exceeds.
    public var maxBatchBytes: Int
    /// Records below this offset are left out.
    public var startOffset: Int64
    public var decompressionLimit: Int
    /// Lets a record that is larger than `maxBatchBytes` travel in a batch of its own instead of throwing: whoever only
    /// guesses the limit leaves the decision to the target.
    public var acceptsLargeRecords = false

    public init(
        compression: Compression = .source,
        level: Int? = nil,
        maxBatchBytes: Int = 1_000_000,
        startOffset: Int64 = 0,
        decompressionLimit: Int = RecordLimits.decompressedBytes
    ) {
        self.compression = compression
        self.level = level
        self.maxBatchBytes = maxBatchBytes
        self.startOffset = startOffset
        self.decompressionLimit = decompressionLimit
    }

    /// Rebuilds one batch; see ``rebuild(_:codecs:)-([ScannedBatch],_)``.
    public func rebuild(_ batch: ScannedBatch, codecs: any RecordCodecs) throws(RecordError) -> [AssembledBatch] {
        try rebuild([batch], codecs: codecs)
    }

    /// Encodes the records of the batches again, in as many new batches as their sizes require.
    ///
    /// Gives nothing when no record is left: control batches, and batches that were emptied or end below the start.
    /// Throws `.tooLarge` with the offset of a record that does not fit into a batch of its own.
    public func rebuild(_ batches: [ScannedBatch], codecs: any RecordCodecs) throws(RecordError) -> [AssembledBatch] {
        let codec: CompressionCodec =
            switch compression {
            case .source: batches.first?.codec ?? .none
            case .codec(let codec): codec
            }
        if let batch = join(batches, codec, codecs) { return [batch] }
        var records = RecordTable()
        for batch in batches {
            try records.append(batch, from: startOffset, codecs: codecs, limit: decompressionLimit)
        }
        var assembled: [AssembledBatch] = []
        var start = 0
        while start < records.count {
            start = try encode(records, start..<records.count, codec, codecs, into: &assembled)
        }
        return assembled
    }

    /// Makes one batch of several that have all their records, without a table of these.
    ///
    /// Nil for whatever is not as simple: batches of other kinds, too large a result, damage. The long way finds out.
    private func join(
        _ batches: [ScannedBatch],
        _ codec: CompressionCodec,
        _ codecs: any RecordCodecs
    ) -> AssembledBatch? {
        let size = batches.reduce(0) { $0 + $1.sizeInBytes }
        guard batches.count > 1, size <= maxBatchBytes else { return nil }
        var splicer = BatchSplicer(maxBytes: .max, codec: codec, level: level, capacity: 2 * size)
        do throws(RecordError) {
            for element in batches {
                guard case .batch(let batch) = element, batch.baseOffset >= startOffset,
                    BatchSplicer.acceptsRecords(of: batch)
                else { return nil }
                let section = try batch.decompressedSection(codecs: codecs, limit: decompressionLimit)
                guard try splicer.append(batch, section: section) else { return nil }
            }
            let joined = try splicer.finish(codecs: codecs)
            return joined.flatMap { $0.batch.sizeInBytes <= maxBatchBytes ? $0 : nil }
        } catch {
            return nil
        }
    }

    /// Encodes records from the start of a range and returns where it stopped.
    ///
    /// Without compression it stops where the batch is full; with it the size is known only afterwards, and a batch
    /// that is too large is encoded again in halves.
    private func encode(
        _ records: RecordTable,
        _ range: Range<Int>,
        _ codec: CompressionCodec,
        _ codecs: any RecordCodecs,
        into assembled: inout [AssembledBatch]
    ) throws(RecordError) -> Int {
        let size = records.size(of: range)
        let capacity = codec == .none ? min(size, maxBatchBytes) : size
        var builder = RecordBatchBuilder(codec: codec, level: level, capacity: capacity)
        var runs: [OffsetRun] = []
        var end = range.lowerBound
        while end < range.upperBound {
            let checkpoint = builder.checkpoint
            try records.write(end, into: &builder)
            if codec == .none, builder.count > 1, builder.uncompressedSize > maxBatchBytes {
                builder.restore(checkpoint)
                break
            }
            runs.append(source: records.offset(at: end))
            end += 1
        }
        let batch = try RecordBatchView(try builder.build(codecs: codecs))
        if batch.sizeInBytes <= maxBatchBytes || (acceptsLargeRecords && range.count == 1) {
            assembled.append(AssembledBatch(batch: batch, runs: runs))
            return end
        }
        guard range.count > 1 else {
            throw RecordError(
                .tooLarge,
                "a record takes \(batch.sizeInBytes) bytes where \(maxBatchBytes) are allowed",
                offset: records.offset(at: range.lowerBound)
            )
        }
        let middle = records.middle(of: range)
        _ = try encode(records, range.lowerBound..<middle, codec, codecs, into: &assembled)
        return try encode(records, middle..<range.upperBound, codec, codecs, into: &assembled)
    }
}

extension ScannedBatch {
    /// How the records are compressed; nil for a codec this code does not know.
    public var codec: CompressionCodec? {
        switch self {
        case .batch(let batch): batch.codec
        case .legacy(let message): message.codec
        }
    }
}
