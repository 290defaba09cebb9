import KafkaRecords
import NIOCore

/// A buffer that grows with what decompression produces, up to a limit.
///
/// Sizes claimed by the data only choose the first capacity: memory is taken as bytes arrive.
struct BoundedOutput {
    private(set) var buffer: ByteBuffer
    private let limit: Int

    init(inputSize: Int, claimedSize: Int? = nil, limit: Int) {
        self.limit = limit
        // Typical records shrink to a fourth; more than that is believed only once it is there.
        let guess = claimedSize.map { min($0, inputSize * 32) } ?? inputSize * 4
        buffer = ByteBufferAllocator().buffer(capacity: max(min(guess, limit), 256))
    }

    /// Lends free space to `body`, which says how much of it was written.
    mutating func write(
        of codec: CompressionCodec,
        _ body: (UnsafeMutableRawBufferPointer) -> Int
    ) throws(RecordError) {
        if buffer.writableBytes == 0 { buffer.reserveCapacity(minimumWritableBytes: buffer.readableBytes) }
        unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 1) { unsafe body($0) }
        guard buffer.readableBytes <= limit else { throw .beyondLimit(limit, "\(codec) data") }
    }
}
