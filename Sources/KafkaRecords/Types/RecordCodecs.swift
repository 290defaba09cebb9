public import NIOCore

/// Compresses and decompresses records sections.
///
/// Implementations keep the libraries' contexts and use them again; one object serves one thread at a time.
public protocol RecordCodecs: AnyObject {
    /// Appends the compressed form of all readable bytes to `output`.
    ///
    /// - Parameter level: as in Kafka's `compression.<codec>.level`; nil is the codec's default.
    func compress(
        _ plain: ByteBuffer,
        with codec: CompressionCodec,
        level: Int?,
        into output: inout ByteBuffer
    ) throws(RecordError)

    /// Decompresses all readable bytes, or throws `.limit` instead of producing more than `limit` bytes.
    func decompress(
        _ compressed: ByteBuffer,
        with codec: CompressionCodec,
        limit: Int
    ) throws(RecordError) -> ByteBuffer
}

/// Bounds that protect a reader from hostile or broken data.
public enum RecordLimits {
    /// How large a batch may become by decompression unless the caller says otherwise.
    public static let decompressedBytes = 128 << 20
}
