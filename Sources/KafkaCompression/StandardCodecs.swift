public import KafkaRecords
public import NIOCore

/// The four codecs of Kafka: gzip, snappy, LZ4 and zstd.
///
/// Contexts are created at first use and kept, so an object should live as long as its owner: one per event loop or
/// task. It must not be used by two threads at a time.
public final class StandardCodecs: RecordCodecs {
    private lazy var gzip = GzipCodec()
    private lazy var lz4 = LZ4Codec()
    private lazy var zstd = ZstdCodec()

    public init() {}

    public func compress(
        _ plain: ByteBuffer,
        with codec: CompressionCodec,
        level: Int?,
        into output: inout ByteBuffer
    ) throws(RecordError) {
        switch codec {
        case .none: output.writeImmutableBuffer(plain)
        case .gzip: try gzip.compress(plain, level: level, into: &output)
        case .snappy: try SnappyCodec.compress(plain, into: &output)
        case .lz4: try lz4.compress(plain, level: level, into: &output)
        case .zstd: try zstd.compress(plain, level: level, into: &output)
        }
    }

    public func decompress(
        _ compressed: ByteBuffer,
        with codec: CompressionCodec,
        limit: Int
    ) throws(RecordError) -> ByteBuffer {
        // A ByteBuffer traps beyond 4 GiB, and it doubles when it grows.
        let limit = min(limit, Int(Int32.max))
        switch codec {
        case .none:
            guard compressed.readableBytes <= limit else { throw .beyondLimit(limit, "plain data") }
            return compressed
        case .gzip: return try gzip.decompress(compressed, limit: limit)
        case .snappy: return try SnappyCodec.decompress(compressed, limit: limit)
        case .lz4: return try lz4.decompress(compressed, limit: limit)
        case .zstd: return try zstd.decompress(compressed, limit: limit)
        }
    }
}

extension RecordError {
    static func beyondLimit(_ limit: Int, _ what: String) -> RecordError {
        RecordError(.limit, "\(what) grows beyond \(limit) bytes")
    }

    static func damaged(_ codec: CompressionCodec, _ why: String) -> RecordError {
        RecordError(.compression, "\(codec): \(why)")
    }

    static func badLevel(_ codec: CompressionCodec, _ level: Int, _ range: ClosedRange<Int>) -> RecordError {
        RecordError(
            .unrepresentable,
            "\(codec) has the levels \(range.lowerBound) to \(range.upperBound), not \(level)"
        )
    }
}
