import CSnappy
import KafkaRecords
import NIOCore

/// Snappy in the frames of the Java library, and reading of bare snappy data as other clients write it.
///
/// Frame: `82 'SNAPPY' 00`, version, compatible version, then blocks with a length before each.
enum SnappyCodec {
    private static let magic: [UInt8] = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]
    private static let headerSize = 16
    /// The size of blocks that the Java library writes.
    private static let blockSize = 32 << 10

    static func compress(_ plain: ByteBuffer, into output: inout ByteBuffer) throws(RecordError) {
        output.writeBytes(magic)
        output.writeInteger(1 as Int32)
        output.writeInteger(1 as Int32)
        var rest = plain
        while let block = rest.readSlice(length: min(blockSize, rest.readableBytes)), block.readableBytes > 0 {
            let lengthIndex = output.writerIndex
            output.writeInteger(0 as Int32)
            output.setInteger(Int32(try compressBlock(block, into: &output)), at: lengthIndex)
        }
    }

    private static func compressBlock(_ block: ByteBuffer, into output: inout ByteBuffer) throws(RecordError) -> Int {
        let bound = snappy_max_compressed_length(block.readableBytes)
        var status = SNAPPY_OK
        let count = unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { space in
            unsafe block.withUnsafeReadableBytes { input in
                var count = space.count
                status = unsafe snappy_compress(
                    input.bindMemory(to: CChar.self).baseAddress,
                    input.count,
                    space.bindMemory(to: CChar.self).baseAddress,
                    &count
                )
                return status == SNAPPY_OK ? count : 0
            }
        }
        guard status == SNAPPY_OK else { throw .damaged(.snappy, "compression answered \(status.rawValue)") }
        return count
    }

    static func decompress(_ compressed: ByteBuffer, limit: Int) throws(RecordError) -> ByteBuffer {
        var rest = compressed
        var output = ByteBuffer()
        guard skipHeader(&rest) else {
            try decompressBlock(compressed, into: &output, limit: limit)
            return output
        }
        while rest.readableBytes > 0 {
            // The Java library accepts several streams behind each other.
            if skipHeader(&rest) { continue }
            guard let length = rest.readInteger(as: Int32.self), let block = rest.readSlice(length: Int(max(length, 0)))
            else { throw .damaged(.snappy, "a block is cut off") }
            guard length > 0 else { throw .damaged(.snappy, "a block has the length \(length)") }
            try decompressBlock(block, into: &output, limit: limit)
        }
        return output
    }

    private static func skipHeader(_ rest: inout ByteBuffer) -> Bool {
        guard rest.readableBytes >= headerSize, rest.readableBytesView.starts(with: magic) else { return false }
        rest.moveReaderIndex(forwardBy: headerSize)
        return true
    }

    private static func decompressBlock(
        _ block: ByteBuffer,
        into output: inout ByteBuffer,
        limit: Int
    ) throws(RecordError) {
        let claimed = try claimedLength(of: block)
        guard claimed <= limit - output.readableBytes else { throw .beyondLimit(limit, "snappy data") }
        var status = SNAPPY_OK
        unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: claimed) { space in
            unsafe block.withUnsafeReadableBytes { input in
                var count = space.count
                status = unsafe snappy_uncompress(
                    input.bindMemory(to: CChar.self).baseAddress,
                    input.count,
                    space.bindMemory(to: CChar.self).baseAddress,
                    &count
                )
                return status == SNAPPY_OK ? count : 0
            }
        }
        guard status == SNAPPY_OK else { throw .damaged(.snappy, "the data is invalid") }
    }

    private static func claimedLength(of block: ByteBuffer) throws(RecordError) -> Int {
        var claimed = 0
        let status = unsafe block.withUnsafeReadableBytes { input in
            unsafe snappy_uncompressed_length(input.bindMemory(to: CChar.self).baseAddress, input.count, &claimed)
        }
        // Three bytes give at most 64: a larger claim is a lie, and not worth its memory.
        guard status == SNAPPY_OK, claimed >= 0, claimed <= block.readableBytes * 22 else {
            throw .damaged(.snappy, "a block claims \(claimed) bytes")
        }
        return claimed
    }
}
