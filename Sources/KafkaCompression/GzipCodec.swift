import CZlib
import KafkaRecords
import NIOCore

/// Gzip members by zlib.
@safe final class GzipCodec {
    // zlib keeps a pointer back to its stream, which therefore may not move.
    private let inflater = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private let deflater = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private var canInflate = false
    private var deflateLevel: Int32?

    init() {
        unsafe inflater.initialize(to: z_stream())
        unsafe deflater.initialize(to: z_stream())
    }

    deinit {
        if canInflate { unsafe inflateEnd(inflater) }
        if deflateLevel != nil { unsafe deflateEnd(deflater) }
        unsafe inflater.deallocate()
        unsafe deflater.deallocate()
    }

    /// 15 window bits, and 16 for gzip headers.
    private static let windowBits: Int32 = 31
    private static let streamSize = unsafe Int32(MemoryLayout<z_stream>.size)

    func compress(_ plain: ByteBuffer, level: Int?, into output: inout ByteBuffer) throws(RecordError) {
        let level = level ?? -1
        guard level == -1 || (1...9).contains(level) else { throw .badLevel(.gzip, level, 1...9) }
        try prepareDeflater(Int32(level))
        let bound = unsafe Int(deflateBound(deflater, UInt(plain.readableBytes)))
        var status = Z_OK
        unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { space in
            unsafe plain.withUnsafeReadableBytes { input in
                unsafe deflater.pointee.setInput(input)
                unsafe deflater.pointee.setOutput(space)
                status = unsafe deflate(deflater, Z_FINISH)
                return unsafe space.count - Int(deflater.pointee.avail_out)
            }
        }
        guard status == Z_STREAM_END else { throw .damaged(.gzip, "deflate answered \(status)") }
    }

    func decompress(_ compressed: ByteBuffer, limit: Int) throws(RecordError) -> ByteBuffer {
        try prepareInflater()
        let result: Result<ByteBuffer, RecordError> = unsafe compressed.withUnsafeReadableBytes { input in
            do throws(RecordError) {
                return .success(unsafe try inflateAll(input, limit: limit))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func inflateAll(_ input: UnsafeRawBufferPointer, limit: Int) throws(RecordError) -> ByteBuffer {
        var output = BoundedOutput(inputSize: input.count, limit: limit)
        unsafe inflater.pointee.setInput(input)
        while true {
            var status = Z_OK
            unsafe try output.write(of: .gzip) { space in
                unsafe inflater.pointee.setOutput(space)
                status = unsafe inflate(inflater, Z_NO_FLUSH)
                return unsafe space.count - Int(inflater.pointee.avail_out)
            }
            let rest = unsafe Int(inflater.pointee.avail_in)
            let isFull = unsafe inflater.pointee.avail_out == 0
            switch status {
            case Z_OK where rest > 0 || isFull:
                continue
            case Z_STREAM_END:
                // Java reads on when another member follows and ignores anything else.
                let next = unsafe input[(input.count - rest)...].prefix(2)
                guard unsafe next.elementsEqual([0x1f, 0x8b]) else { return output.buffer }
                unsafe inflateReset(inflater)
            case Z_OK, Z_BUF_ERROR:
                throw .damaged(.gzip, "the data is cut off")
            default:
                throw .damaged(.gzip, "inflate answered \(status)")
            }
        }
    }

    private func prepareInflater() throws(RecordError) {
        let status =
            canInflate
            ? unsafe inflateReset(inflater)
            : unsafe inflateInit2_(inflater, Self.windowBits, ZLIB_VERSION, Self.streamSize)
        guard status == Z_OK else { throw .damaged(.gzip, "inflateInit answered \(status)") }
        canInflate = true
    }

    private func prepareDeflater(_ level: Int32) throws(RecordError) {
        if deflateLevel == level {
            unsafe deflateReset(deflater)
            return
        }
        if deflateLevel != nil { unsafe deflateEnd(deflater) }
        deflateLevel = nil
        let status = unsafe deflateInit2_(
            deflater,
            level,
            Z_DEFLATED,
            Self.windowBits,
            8,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Self.streamSize
        )
        guard status == Z_OK else { throw .damaged(.gzip, "deflateInit answered \(status)") }
        deflateLevel = level
    }
}

extension z_stream {
    fileprivate mutating func setInput(_ input: UnsafeRawBufferPointer) {
        // zlib never writes to its input; the missing const is history.
        unsafe next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: Bytef.self).baseAddress)
        unsafe avail_in = UInt32(clamping: input.count)
    }

    fileprivate mutating func setOutput(_ output: UnsafeMutableRawBufferPointer) {
        unsafe next_out = output.bindMemory(to: Bytef.self).baseAddress
        unsafe avail_out = UInt32(clamping: output.count)
    }
}
