import CLZ4
import KafkaRecords
import NIOCore

/// LZ4 frames: all kinds are read; those written have independent blocks of 64 KiB, as Java clients require.
@safe final class LZ4Codec {
    private var compressor: OpaquePointer?
    private var decompressor: OpaquePointer?

    init() {}

    deinit {
        unsafe LZ4F_freeCompressionContext(compressor)
        unsafe LZ4F_freeDecompressionContext(decompressor)
    }

    /// The level at which Kafka uses the fast compressor; all others mean the high compression one.
    private static let defaultLevel = 9
    private static let levels = 1...17

    func compress(_ plain: ByteBuffer, level: Int?, into output: inout ByteBuffer) throws(RecordError) {
        let level = level ?? Self.defaultLevel
        guard Self.levels.contains(level) else { throw .badLevel(.lz4, level, Self.levels) }
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.blockSizeID = LZ4F_max64KB
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        preferences.autoFlush = 1
        preferences.compressionLevel = level == Self.defaultLevel ? 0 : Int32(min(max(level, 3), 12))

        let context = unsafe try compressionContext()
        let bound = unsafe LZ4F_compressFrameBound(plain.readableBytes, &preferences)
        var failure: Int?
        unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { space in
            unsafe plain.withUnsafeReadableBytes { input in
                var written = 0
                // The steps of a frame; each says how many bytes it wrote, or an error.
                func step(_ result: Int) -> Bool {
                    if LZ4F_isError(result) != 0 { failure = result } else { written += result }
                    return failure == nil
                }
                if unsafe step(LZ4F_compressBegin(context, space.baseAddress, space.count, &preferences)),
                    unsafe input.isEmpty
                        || step(
                            LZ4F_compressUpdate(
                                context,
                                space.baseAddress.map { unsafe $0 + written },
                                space.count - written,
                                input.baseAddress,
                                input.count,
                                nil
                            )
                        )
                {
                    _ = unsafe step(
                        LZ4F_compressEnd(
                            context,
                            space.baseAddress.map { unsafe $0 + written },
                            space.count - written,
                            nil
                        )
                    )
                }
                return failure == nil ? written : 0
            }
        }
        if let failure { throw .damaged(.lz4, Self.name(failure)) }
    }

    func decompress(_ compressed: ByteBuffer, limit: Int) throws(RecordError) -> ByteBuffer {
        do throws(RecordError) {
            return try decompressFrames(compressed, limit: limit)
        } catch {
            var repaired = compressed
            guard LZ4FrameHeader.repairChecksum(of: &repaired) else { throw error }
            return try decompressFrames(repaired, limit: limit)
        }
    }

    private func decompressFrames(_ compressed: ByteBuffer, limit: Int) throws(RecordError) -> ByteBuffer {
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
        var output = BoundedOutput(inputSize: input.count, limit: limit)
        var position = 0
        while true {
            var consumed = 0
            var produced = 0
            var status = 0
            unsafe try output.write(of: .lz4) { space in
                consumed = input.count - position
                produced = space.count
                let source = unsafe UnsafeRawBufferPointer(rebasing: input[position...])
                status = unsafe LZ4F_decompress(
                    context,
                    space.baseAddress,
                    &produced,
                    source.baseAddress,
                    &consumed,
                    nil
                )
                if LZ4F_isError(status) != 0 { produced = 0 }
                return produced
            }
            if LZ4F_isError(status) != 0 { throw .damaged(.lz4, name(status)) }
            position += consumed
            if status == 0 {
                // Another frame may follow; Java ignores anything behind the first one.
                let next = unsafe input[position...].prefix(4)
                guard unsafe next.elementsEqual(LZ4FrameHeader.magic) else { return output.buffer }
            } else if consumed == 0, produced == 0 {
                throw .damaged(.lz4, "the data is cut off")
            }
        }
    }

    private func compressionContext() throws(RecordError) -> OpaquePointer {
        if let compressor = unsafe compressor { return unsafe compressor }
        let status = unsafe LZ4F_createCompressionContext(&compressor, UInt32(LZ4F_VERSION))
        guard LZ4F_isError(status) == 0, let compressor = unsafe compressor else {
            throw .damaged(.lz4, Self.name(status))
        }
        return unsafe compressor
    }

    /// A context that expects the start of a frame.
    private func decompressionContext() throws(RecordError) -> OpaquePointer {
        if let decompressor = unsafe decompressor {
            unsafe LZ4F_resetDecompressionContext(decompressor)
            return unsafe decompressor
        }
        let status = unsafe LZ4F_createDecompressionContext(&decompressor, UInt32(LZ4F_VERSION))
        guard LZ4F_isError(status) == 0, let decompressor = unsafe decompressor else {
            throw .damaged(.lz4, Self.name(status))
        }
        return unsafe decompressor
    }

    private static func name(_ status: Int) -> String {
        unsafe String(cString: LZ4F_getErrorName(status))
    }
}
