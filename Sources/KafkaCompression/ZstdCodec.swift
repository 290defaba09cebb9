import CZstd
import KafkaRecords
import NIOCore

/// Zstandard frames.
@safe final class ZstdCodec {
    private var compressor: OpaquePointer?
    private var decompressor: OpaquePointer?

    init() {}

    deinit {
        unsafe ZSTD_freeCCtx(compressor)
        unsafe ZSTD_freeDCtx(decompressor)
    }

    private static let defaultLevel = 3

    func compress(_ plain: ByteBuffer, level: Int?, into output: inout ByteBuffer) throws(RecordError) {
        let level = level ?? Self.defaultLevel
        let levels = Int(ZSTD_minCLevel())...Int(ZSTD_maxCLevel())
        guard levels.contains(level) else { throw .badLevel(.zstd, level, levels) }
        let context = unsafe try compressionContext()
        unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
        var result = 0
        unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: ZSTD_compressBound(plain.readableBytes)) {
            space in
            unsafe plain.withUnsafeReadableBytes { input in
                result = unsafe ZSTD_compress2(
                    context,
                    space.baseAddress,
                    space.count,
                    input.baseAddress,
                    input.count
                )
                return ZSTD_isError(result) != 0 ? 0 : result
            }
        }
        guard ZSTD_isError(result) == 0 else { throw .damaged(.zstd, Self.name(result)) }
    }

    func decompress(_ compressed: ByteBuffer, limit: Int) throws(RecordError) -> ByteBuffer {
        let context = unsafe try decompressionContext()
        let result: Result<ByteBuffer, RecordError> = unsafe compressed.withUnsafeReadableBytes { input in
            do throws(RecordError) {
                return .success(unsafe try Self.decompress(input, context, limit: limit))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func decompress(
        _ input: UnsafeRawBufferPointer,
        _ context: OpaquePointer,
        limit: Int
    ) throws(RecordError) -> ByteBuffer {
        // The two highest values mean unknown and not a frame.
        let claimed = unsafe ZSTD_getFrameContentSize(input.baseAddress, input.count)
        var output = BoundedOutput(
            inputSize: input.count,
            claimedSize: claimed < UInt64(Int32.max) ? Int(claimed) + 1 : nil,
            limit: limit
        )
        var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        while true {
            var status = 0
            var produced = 0
            let before = unsafe source.pos
            unsafe try output.write(of: .zstd) { space in
                var target = unsafe ZSTD_outBuffer(dst: space.baseAddress, size: space.count, pos: 0)
                status = unsafe ZSTD_decompressStream(context, &target, &source)
                produced = unsafe target.pos
                return produced
            }
            if ZSTD_isError(status) != 0 { throw .damaged(.zstd, name(status)) }
            let consumed = unsafe source.pos - before
            // Zero means that a frame is complete; more frames may follow.
            if status == 0, unsafe source.pos == source.size { return output.buffer }
            if consumed == 0, produced == 0 { throw .damaged(.zstd, "the data is cut off") }
        }
    }

    private func compressionContext() throws(RecordError) -> OpaquePointer {
        if unsafe compressor == nil { unsafe compressor = ZSTD_createCCtx() }
        guard let compressor = unsafe compressor else { throw .damaged(.zstd, "no memory") }
        unsafe ZSTD_CCtx_reset(compressor, ZSTD_reset_session_only)
        return unsafe compressor
    }

    private func decompressionContext() throws(RecordError) -> OpaquePointer {
        if unsafe decompressor == nil { unsafe decompressor = ZSTD_createDCtx() }
        guard let decompressor = unsafe decompressor else { throw .damaged(.zstd, "no memory") }
        unsafe ZSTD_DCtx_reset(decompressor, ZSTD_reset_session_only)
        return unsafe decompressor
    }

    private static func name(_ status: Int) -> String {
        unsafe String(cString: ZSTD_getErrorName(status))
    }
}
