public import NIOCore

/// Messages of format 0 or 1 behind one another, as brokers before 0.11 stored them.
///
/// Reading goes through ``RecordBatchScanner``, since such logs go on in format 2; writing is for tests of that.
public enum LegacyMessageSet {
    /// Encodes records without headers; with a codec all of them in one wrapper.
    ///
    /// - Parameters:
    ///   - magic: 0 loses the timestamps.
    ///   - appendTime: the broker's time that replaces those of the records; the messages in a wrapper keep theirs.
    public static func encode(
        _ records: [Record],
        magic: Int8,
        codec: CompressionCodec = .none,
        codecs: (any RecordCodecs)? = nil,
        appendTime: Int64? = nil
    ) throws(RecordError) -> ByteBuffer {
        guard magic == 0 || magic == 1 else { throw RecordError(.magic, "format \(magic) is not an old one") }
        guard codec != .none, let last = records.last else {
            return plain(records, magic: magic, appendTime: appendTime)
        }
        guard codec != .zstd else { throw RecordError(.unrepresentable, "old formats know no zstd") }
        guard let codecs else { throw RecordError(.codec, "\(codec) was asked for without a codec") }
        var inner = records
        if magic == 1 {
            let base = records[0].offset
            for index in inner.indices { inner[index].offset -= base }
        }
        var value = ByteBuffer()
        try codecs.compress(plain(inner, magic: magic), with: codec, level: nil, into: &value)
        let timestamp = appendTime ?? records.map(\.timestamp).max() ?? -1
        let wrapper = Record(offset: last.offset, timestamp: timestamp, key: nil, value: value)
        var output = ByteBuffer()
        let attributes = UInt8(bitPattern: codec.rawValue) | timestampBit(magic, appendTime)
        write(wrapper, magic: magic, attributes: attributes, into: &output)
        return output
    }

    private static func plain(_ records: [Record], magic: Int8, appendTime: Int64? = nil) -> ByteBuffer {
        var output = ByteBuffer()
        for var record in records {
            if let appendTime { record.timestamp = appendTime }
            write(record, magic: magic, attributes: timestampBit(magic, appendTime), into: &output)
        }
        return output
    }

    private static func timestampBit(_ magic: Int8, _ appendTime: Int64?) -> UInt8 {
        magic == 1 && appendTime != nil ? 0x08 : 0
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
