import NIOCore

/// Reads the records of one batch in order.
///
/// Keys, values and headers are slices of the batch, or of its decompressed form.
public struct RecordIterator: Sendable {
    private let header: BatchHeader
    private let section: ByteBuffer
    private var position = 0
    private var unread: Int32
    private var lastDelta: Int32 = -1

    /// Decompresses the batch if necessary.
    ///
    /// - Parameters:
    ///   - codecs: may be nil when the batch is known to be uncompressed.
    ///   - limit: how many bytes decompression may produce.
    public init(
        _ batch: RecordBatchView,
        codecs: (any RecordCodecs)?,
        limit: Int = RecordLimits.decompressedBytes
    ) throws(RecordError) {
        header = batch.header
        section = try batch.decompressedSection(codecs: codecs, limit: limit)
        unread = header.recordCount
    }

    /// The next record, or nil after the last one.
    ///
    /// After an error there is no next record.
    public mutating func next() throws(RecordError) -> Record? {
        guard unread > 0 else { return nil }
        unread &-= 1
        do throws(RecordError) {
            let (start, last) = (position, unread == 0)
            let frame = try section.withCursor { cursor throws(RecordError) in
                try cursor.skip(start)
                let frame = try RecordFrame(from: &cursor)
                if last, cursor.remaining > 0 {
                    throw RecordError(.content, "\(cursor.remaining) bytes follow the last record")
                }
                return frame
            }
            try header.check(frame, after: lastDelta)
            lastDelta = frame.offsetDelta
            position = frame.tail.upperBound
            return try record(frame)
        } catch {
            unread = 0
            throw error.at(header.baseOffset &+ Int64(lastDelta) &+ 1)
        }
    }

    private func record(_ frame: RecordFrame) throws(RecordError) -> Record {
        Record(
            offset: header.baseOffset &+ Int64(frame.offsetDelta),
            timestamp: header.timestamp(of: frame),
            key: frame.key.map(section.readableSlice),
            value: frame.value.map(section.readableSlice),
            headers: frame.headerCount == 0 ? [] : try headers(frame)
        )
    }

    private func headers(_ frame: RecordFrame) throws(RecordError) -> [RecordHeader] {
        try section.withCursor { cursor throws(RecordError) in
            try cursor.skip(frame.headers.lowerBound)
            var headers: [RecordHeader] = []
            headers.reserveCapacity(Int(frame.headerCount))
            for _ in 0..<frame.headerCount {
                let name = try RecordFrame.nullableBytes(&cursor)
                let value = try RecordFrame.nullableBytes(&cursor)
                headers.append(
                    RecordHeader(
                        key: name.map(section.readableSlice) ?? ByteBuffer(),
                        value: value.map(section.readableSlice)
                    )
                )
            }
            return headers
        }
    }
}

extension BatchHeader {
    /// The timestamp that a consumer sees.
    func timestamp(of frame: RecordFrame) -> Int64 {
        attributes.timestampType == .logAppendTime ? maxTimestamp : baseTimestamp &+ frame.timestampDelta
    }

    /// Offsets grow inside a batch and stay inside its range.
    func check(_ frame: RecordFrame, after previous: Int32) throws(RecordError) {
        guard frame.offsetDelta > previous, frame.offsetDelta <= lastOffsetDelta else {
            throw RecordError(
                .content,
                "offset delta \(frame.offsetDelta) after \(previous) in a batch that ends at \(lastOffsetDelta)"
            )
        }
    }
}

extension RecordBatchView {
    /// All records, with keys and values as slices.
    public func records(
        codecs: (any RecordCodecs)?,
        limit: Int = RecordLimits.decompressedBytes
    ) throws(RecordError) -> [Record] {
        var iterator = try RecordIterator(self, codecs: codecs, limit: limit)
        var records: [Record] = []
        records.reserveCapacity(Int(recordCount))
        while let record = try iterator.next() { records.append(record) }
        return records
    }

    /// The records section without compression; its length has been compared with the record count.
    func decompressedSection(codecs: (any RecordCodecs)?, limit: Int) throws(RecordError) -> ByteBuffer {
        do throws(RecordError) {
            let section = try plainSection(codecs: codecs, limit: limit)
            guard recordCount >= 0, Int(recordCount) <= section.readableBytes / RecordFrame.minimumSize else {
                throw RecordError(.content, "\(recordCount) records in \(section.readableBytes) bytes")
            }
            guard recordCount > 0 || section.readableBytes == 0 else {
                throw RecordError(.content, "no records in \(section.readableBytes) bytes")
            }
            return section
        } catch {
            throw error.at(baseOffset)
        }
    }

    private func plainSection(codecs: (any RecordCodecs)?, limit: Int) throws(RecordError) -> ByteBuffer {
        guard let codec else { throw RecordError(.codec, "unknown codec \(attributes.rawValue & 7)") }
        guard codec != .none else { return recordsSection }
        guard let codecs else { throw RecordError(.codec, "\(codec) data without a codec to read it") }
        return try codecs.decompress(recordsSection, with: codec, limit: limit)
    }
}
