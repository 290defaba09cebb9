public import NIOCore

/// One complete version 2 batch in a buffer: its decoded header and its untouched bytes.
public struct RecordBatchView: Sendable {
    /// The header as it stands in `buffer`.
    public let header: BatchHeader
    /// Exactly the bytes of this batch: a slice that keeps the storage of the buffer it came from.
    public let buffer: ByteBuffer

    /// Reads the batch at the start of `buffer`, which may hold more behind it.
    ///
    /// The checksum is left to ``isValidCRC()``; the records are only looked at when they are iterated.
    public init(_ buffer: ByteBuffer) throws(RecordError) {
        try self.init(buffer, checkCRC: false)
    }

    /// As above; with `checkCRC` a batch whose checksum is not that of its bytes is refused.
    init(_ buffer: ByteBuffer, checkCRC: Bool) throws(RecordError) {
        guard buffer.readableBytes >= BatchHeader.size else {
            throw RecordError(.truncated, "\(buffer.readableBytes) bytes cannot hold a batch header")
        }
        let (header, magic, crc) = try buffer.withCursor { cursor throws(RecordError) in
            let all = cursor
            var peek = cursor
            try peek.skip(BatchHeader.Position.magic)
            let header = try BatchHeader(from: &cursor)
            let size = Int(header.batchLength) + BatchHeader.lengthOverhead
            let magic = try peek.integer(as: Int8.self)
            guard checkCRC, magic == BatchHeader.magic, (BatchHeader.size...all.remaining).contains(size) else {
                return (header, magic, header.crc)
            }
            let crc = unsafe all.withBytes(BatchHeader.Position.attributes..<size) { unsafe CRC32C.checksum(of: $0) }
            return (header, magic, crc)
        }
        guard magic == BatchHeader.magic else {
            throw RecordError(.magic, "format version \(magic) where 2 is required", offset: header.baseOffset)
        }
        let size = Int(header.batchLength) + BatchHeader.lengthOverhead
        guard size >= BatchHeader.size else {
            throw RecordError(.length, "batch length \(header.batchLength)", offset: header.baseOffset)
        }
        guard let slice = buffer.getSlice(at: buffer.readerIndex, length: size) else {
            throw RecordError(
                .truncated,
                "the batch has \(size) bytes of which \(buffer.readableBytes) are there",
                offset: header.baseOffset
            )
        }
        guard crc == header.crc else {
            throw RecordError(.crc, "the checksum of \(size) bytes does not match", offset: header.baseOffset)
        }
        self.header = header
        self.buffer = slice
    }

    public var baseOffset: Int64 { header.baseOffset }
    public var batchLength: Int32 { header.batchLength }
    public var partitionLeaderEpoch: Int32 { header.partitionLeaderEpoch }
    public var magic: Int8 { BatchHeader.magic }
    public var crc: UInt32 { header.crc }
    public var attributes: BatchAttributes { header.attributes }
    public var lastOffsetDelta: Int32 { header.lastOffsetDelta }
    public var baseTimestamp: Int64 { header.baseTimestamp }
    public var maxTimestamp: Int64 { header.maxTimestamp }
    public var producerID: Int64 { header.producerID }
    public var producerEpoch: Int16 { header.producerEpoch }
    public var baseSequence: Int32 { header.baseSequence }
    public var recordCount: Int32 { header.recordCount }

    /// How the records are compressed; nil for a codec this code does not know.
    public var codec: CompressionCodec? { header.attributes.codec }
    public var timestampType: TimestampType { header.attributes.timestampType }
    public var isTransactional: Bool { header.attributes.isTransactional }
    public var isControl: Bool { header.attributes.isControl }
    public var hasDeleteHorizon: Bool { header.attributes.hasDeleteHorizon }

    /// The time after which compaction may drop tombstones and markers of this batch.
    public var deleteHorizon: Int64? { hasDeleteHorizon ? header.baseTimestamp : nil }

    /// The last offset that belongs to the batch; after compaction its last record may be lower.
    public var lastOffset: Int64 { header.baseOffset &+ Int64(header.lastOffsetDelta) }

    /// Where reading goes on after this batch.
    public var nextOffset: Int64 { lastOffset &+ 1 }

    /// The bytes of the whole batch.
    public var sizeInBytes: Int { buffer.readableBytes }

    /// Whether every offset of the batch has its record, as brokers require of producers.
    public var isDense: Bool {
        header.recordCount > 0 && Int64(header.recordCount) == Int64(header.lastOffsetDelta) + 1
    }

    /// The sequence number of the last record; -1 without an idempotent producer.
    public var lastSequence: Int32 { sequence(atOffsetDelta: header.lastOffsetDelta) }

    /// The sequence number of a record; numbers go on with 0 after `Int32.max`.
    public func sequence(atOffsetDelta delta: Int32) -> Int32 {
        guard header.baseSequence >= 0 else { return -1 }
        return Int32(truncatingIfNeeded: (Int64(header.baseSequence) &+ Int64(delta)) & Int64(Int32.max))
    }

    /// The records, still compressed where the batch is.
    public var recordsSection: ByteBuffer {
        buffer.readableSlice(BatchHeader.size..<buffer.readableBytes)
    }

    /// Whether the stored checksum is that of the bytes.
    public func isValidCRC() -> Bool {
        computedCRC() == header.crc
    }

    /// The checksum of the bytes as they are.
    public func computedCRC() -> UInt32 {
        CRC32C.checksum(of: buffer.readableSlice(BatchHeader.Position.attributes..<buffer.readableBytes))
    }
}
