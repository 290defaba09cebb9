public import NIOCore

/// One message of format 0 or 1, or a compressed set of them in a wrapper.
///
/// Layout: offset, size, CRC-32, magic, attributes, timestamp (format 1 only), key, value.
public struct LegacyMessage: Sendable {
    /// The offset of the message; for a wrapper that of its last message, or 0 from some producers.
    public let offset: Int64
    public let magic: Int8
    public let crc: UInt32
    /// Milliseconds since 1970; -1 in format 0.
    public let timestamp: Int64
    /// Exactly the bytes of this message.
    public let buffer: ByteBuffer
    private let attributes: UInt8

    /// What the length field of the shortest message says.
    static let minimumLength = 14

    /// Reads the message at the start of `buffer`, which may hold more behind it.
    public init(_ buffer: ByteBuffer) throws(RecordError) {
        let fields = try buffer.withCursor { cursor throws(RecordError) in
            (
                offset: try cursor.integer(as: Int64.self), length: try cursor.integer(as: Int32.self),
                crc: try cursor.integer(as: UInt32.self), magic: try cursor.integer(as: Int8.self),
                attributes: try cursor.integer(as: UInt8.self)
            )
        }
        guard fields.magic == 0 || fields.magic == 1 else {
            throw RecordError(.magic, "format version \(fields.magic) where 0 or 1 is required", offset: fields.offset)
        }
        guard fields.length >= Self.minimumLength + (fields.magic == 1 ? 8 : 0) else {
            throw RecordError(.length, "a message has the length \(fields.length)", offset: fields.offset)
        }
        let size = Int(fields.length) + BatchHeader.lengthOverhead
        guard let slice = buffer.getSlice(at: buffer.readerIndex, length: size) else {
            throw RecordError(.truncated, "a message is cut off", offset: fields.offset)
        }
        offset = fields.offset
        magic = fields.magic
        crc = fields.crc
        attributes = fields.attributes
        timestamp =
            magic == 1 ? slice.getInteger(at: slice.readerIndex + Self.timestampPosition, as: Int64.self) ?? -1 : -1
        self.buffer = slice
    }

    /// How the messages inside are compressed; nil for a codec this code does not know.
    public var codec: CompressionCodec? { CompressionCodec(rawValue: Int8(attributes & 0x07)) }

    /// Nil in format 0, which has no timestamps.
    public var timestampType: TimestampType? {
        guard magic == 1 else { return nil }
        return attributes & 0x08 == 0 ? .createTime : .logAppendTime
    }

    public var sizeInBytes: Int { buffer.readableBytes }

    /// Whether the stored checksum is that of the bytes.
    public func isValidCRC() -> Bool {
        CRC32.checksum(of: buffer.readableSlice(Self.checkedPosition..<buffer.readableBytes)) == crc
    }

    /// The message, or the messages of a wrapper, with absolute offsets.
    public func records(
        codecs: (any RecordCodecs)?,
        limit: Int = RecordLimits.decompressedBytes
    ) throws(RecordError) -> [Record] {
        do throws(RecordError) {
            guard let codec else { throw RecordError(.codec, "unknown codec \(attributes & 7)") }
            let message = try content()
            guard codec != .none else { return [message] }
            guard let codecs else { throw RecordError(.codec, "\(codec) data without a codec to read it") }
            guard let compressed = message.value else { throw RecordError(.content, "a wrapper has no value") }
            return try unwrap(try codecs.decompress(compressed, with: codec, limit: limit))
        } catch {
            throw error.at(offset)
        }
    }

    private func content() throws(RecordError) -> Record {
        let (key, value) = try buffer.withCursor { cursor throws(RecordError) in
            try cursor.skip(Self.timestampPosition + (magic == 1 ? 8 : 0))
            let key = try Self.nullableBytes(&cursor)
            let value = try Self.nullableBytes(&cursor)
            guard cursor.remaining == 0 else {
                throw RecordError(.content, "\(cursor.remaining) bytes follow the value")
            }
            return (key, value)
        }
        return Record(
            offset: offset,
            timestamp: timestamp,
            key: key.map(buffer.readableSlice),
            value: value.map(buffer.readableSlice)
        )
    }

    /// Format 0 has absolute offsets inside, format 1 offsets relative to the first message.
    private func unwrap(_ set: ByteBuffer) throws(RecordError) -> [Record] {
        var rest = set
        var records: [Record] = []
        while rest.readableBytes > 0 {
            guard rest.readableBytes >= BatchHeader.lengthOverhead + Self.minimumLength else {
                throw RecordError(.content, "a compressed message is cut off")
            }
            let inner = try LegacyMessage(rest)
            guard inner.magic == magic, inner.codec == CompressionCodec.none else {
                throw RecordError(.content, "a message of another format or codec in a wrapper")
            }
            guard inner.isValidCRC() else { throw RecordError(.crc, "the checksum of a compressed message") }
            records.append(try inner.content())
            rest.moveReaderIndex(forwardBy: inner.sizeInBytes)
        }
        guard let last = records.last else { throw RecordError(.content, "a wrapper without messages") }
        try makeAbsolute(&records, lastInside: last.offset)
        return records
    }

    private func makeAbsolute(_ records: inout [Record], lastInside: Int64) throws(RecordError) {
        if magic == 1 {
            // Some producers leave the wrapper's offset 0; then the inner ones are already what they should be.
            let base = offset == 0 ? 0 : offset &- lastInside
            guard base >= 0, lastInside >= 0 else {
                throw RecordError(.content, "the last message \(lastInside) lies beyond its wrapper")
            }
            for index in records.indices {
                records[index].offset = records[index].offset &+ base
                if timestampType == .logAppendTime { records[index].timestamp = timestamp }
            }
        }
        var previous: Int64 = -1
        for record in records {
            guard record.offset > previous else {
                throw RecordError(.content, "offset \(record.offset) after \(previous) in a wrapper")
            }
            previous = record.offset
        }
    }

    private static func nullableBytes(_ cursor: inout ByteCursor) throws(RecordError) -> Range<Int>? {
        let length = Int(try cursor.integer(as: Int32.self))
        guard length >= 0 else { return nil }
        let start = cursor.position
        try cursor.skip(length)
        return start..<cursor.position
    }

    private static let checkedPosition = 16
    private static let timestampPosition = 18
}
