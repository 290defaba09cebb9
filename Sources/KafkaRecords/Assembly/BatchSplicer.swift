import NIOCore

/// Joins neighbouring batches into one, so that many small batches travel in one request.
///
/// Only the deltas before each record are written anew; keys, values and headers are copied as bytes. Every record
/// is checked on the way, because a damaged one would make the broker refuse its healthy neighbours too.
public struct BatchSplicer: Sendable {
    private let maxBytes: Int
    private var builder: RecordBatchBuilder
    private var runs: [OffsetRun] = []
    /// The number of batches joined so far.
    public private(set) var batchCount = 0

    /// - Parameters:
    ///   - maxBytes: the largest batch to make, before compression.
    ///   - capacity: the expected size of the first batch, before compression.
    public init(maxBytes: Int, capacity: Int = 512) {
        self.init(maxBytes: maxBytes, codec: .none, level: nil, capacity: capacity)
    }

    /// One whose batch is compressed: ``finish(codecs:)`` needs the codec.
    init(maxBytes: Int, codec: CompressionCodec, level: Int?, capacity: Int) {
        self.maxBytes = maxBytes
        builder = RecordBatchBuilder(codec: codec, level: level, capacity: min(maxBytes, capacity))
    }

    public var isEmpty: Bool { batchCount == 0 }
    public var recordCount: Int32 { builder.count }
    public var sizeInBytes: Int { builder.uncompressedSize }

    /// Whether a batch is of the kind that can be joined: plain data on the fast path.
    public static func accepts(_ batch: RecordBatchView) -> Bool {
        batch.codec == CompressionCodec.none && acceptsRecords(of: batch)
    }

    /// Whether the records of a batch can be joined once they are decompressed.
    static func acceptsRecords(of batch: RecordBatchView) -> Bool {
        batch.isDense && !batch.isControl && !batch.hasDeleteHorizon && batch.timestampType == .createTime
    }

    /// Adds a batch, or leaves everything as it was and returns false when it does not fit.
    public mutating func append(_ batch: RecordBatchView) throws(RecordError) -> Bool {
        guard Self.accepts(batch) else { return false }
        return try append(batch, from: batch.buffer, position: BatchHeader.size)
    }

    /// As above; the batch's records were decompressed into `section`.
    mutating func append(_ batch: RecordBatchView, section: ByteBuffer) throws(RecordError) -> Bool {
        guard Self.acceptsRecords(of: batch) else { return false }
        return try append(batch, from: section, position: 0)
    }

    private mutating func append(
        _ batch: RecordBatchView,
        from buffer: ByteBuffer,
        position: Int
    ) throws(RecordError) -> Bool {
        guard batch.recordCount <= Int32.max - builder.count else { return false }
        // Deltas rarely grow: without this, most of a large batch would be copied in vain.
        guard builder.uncompressedSize + (buffer.readableBytes - position) / 2 <= maxBytes else { return false }
        let checkpoint = builder.checkpoint
        do throws(RecordError) {
            guard try copy(batch.header, from: buffer, position: position) else {
                builder.restore(checkpoint)
                return false
            }
        } catch {
            builder.restore(checkpoint)
            throw error.at(batch.baseOffset)
        }
        append(OffsetRun(source: batch.baseOffset, index: 0, count: batch.recordCount))
        batchCount += 1
        return true
    }

    /// Gives the joined batch, or nil when there is none, and leaves the splicer empty.
    public mutating func finish(codecs: (any RecordCodecs)? = nil) throws(RecordError) -> AssembledBatch? {
        guard !isEmpty else { return nil }
        let batch = try RecordBatchView(try builder.build(codecs: codecs))
        let assembled = AssembledBatch(batch: batch, runs: runs)
        self = BatchSplicer(maxBytes: maxBytes, codec: builder.codec, level: builder.level, capacity: 512)
        return assembled
    }

    /// Returns false when the result would become too large.
    private mutating func copy(
        _ header: BatchHeader,
        from buffer: ByteBuffer,
        position: Int
    ) throws(RecordError) -> Bool {
        try buffer.withCursor { cursor throws(RecordError) in
            try cursor.skip(position)
            guard Int(header.recordCount) <= cursor.remaining / RecordFrame.minimumSize else {
                throw RecordError(.content, "\(header.recordCount) records in \(cursor.remaining) bytes")
            }
            var previous: Int32 = -1
            for _ in 0..<header.recordCount {
                let frame = try RecordFrame(from: &cursor)
                try header.check(frame, after: previous)
                previous = frame.offsetDelta
                let timestamp = header.timestamp(of: frame)
                let offset = builder.nextOffset
                guard builder.uncompressedSize(adding: frame, offset: offset, timestamp: timestamp) <= maxBytes else {
                    return false
                }
                builder.append(frame, from: cursor, offset: offset, timestamp: timestamp)
            }
            guard cursor.remaining == 0 else {
                throw RecordError(.content, "\(cursor.remaining) bytes follow the last record")
            }
            return true
        }
    }

    private mutating func append(_ run: OffsetRun) {
        guard let last = runs.indices.last else { return runs.append(run) }
        if runs[last].source &+ Int64(runs[last].count) == run.source {
            runs[last].count += run.count
        } else {
            let index = runs[last].index + runs[last].count
            runs.append(OffsetRun(source: run.source, index: index, count: run.count))
        }
    }
}
