public import NIOCore

/// Messages of format 0 or 1 behind one another, as brokers before 0.11 stored them.
///
/// Reading goes through ``RecordBatchScanner``, since such logs go on in format 2; writing is for tests of that.
public enum LegacyMessageSet {
    /// Encodes records without headers; with a codec all of them in one wrapper.
    ///
    /// - Parameter magic: 0 loses the timestamps.
    public static func encode(
        _ records: [Record],
        magic: Int8,
        codec: CompressionCodec = .none,
        codecs: (any RecordCodecs)? = nil
    ) throws(RecordError) -> ByteBuffer {
        guard magic == 0 || magic == 1 else { throw RecordError(.magic, "format \(magic) is not an old one") }
        guard codec != .none, let last = records.last else { return plain(records, magic: magic) }
        guard codec != .zstd else { throw RecordError(.unrepresentable, "old formats know no zstd") }
        guard let codecs else { throw RecordError(.codec, "\(codec) was asked for without a codec") }
        var inner = records
        if magic == 1 {
            let base = records[0].offset
            for index in inner.indices { inner[index].offset -= base }
        }
        var value = ByteBuffer()
        try codecs.compress(plain(inner, magic: magic), with: codec, level: nil, into: &value)
        let timestamp = records.map(\.timestamp).max() ?? -1
        let wrapper = Record(offset: last.offset, timestamp: timestamp, key: nil, value: value)
        var output = ByteBuffer()
        write(wrapper, magic: magic, attributes: UInt8(bitPattern: codec.rawValue), into: &output)
        return output
    }

    private static func plain(_ records: [Record], magic: Int8) -> ByteBuffer {
        var output = ByteBuffer()
        for record in records { write(record, magic: magic, attributes: 0, into: &output) }
        return output
    }

    private static func write(_ record: Record, magic: Int8, attributes: UInt8, into output: inout ByteBuffer) {
        var checked = ByteBuffer()
        checked.writeMultipleIntegers(magic, attributes)
        if magic == 1 { checked.writeInteger(record.timestamp) }
        for field in [record.key, record.value] {
            checked.writeInteger(field.map { Int32($0.readableBytes) } ?? -1)
            if let field { checked.writeImmutableBuffer(field) }
        }
        output.writeMultipleIntegers(record.offset, Int32(checked.readableBytes + 4), CRC32.checksum(of: checked))
        output.writeImmutableBuffer(checked)
    }
}
