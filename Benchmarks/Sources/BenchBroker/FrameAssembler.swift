import NIOCore

/// Cuts a stream into length-prefixed frames; every frame has storage of its own or is a slice of what was received.
struct FrameAssembler {
    struct BadLength: Error {}

    private var prefix = ByteBuffer()
    private var frame: ByteBuffer?
    private var missing = 0

    mutating func next(_ chunk: inout ByteBuffer) throws -> ByteBuffer? {
        if frame == nil {
            guard let length = try length(&chunk) else { return nil }
            if let whole = chunk.readSlice(length: length) { return whole }
            frame = ByteBufferAllocator().buffer(capacity: length)
            missing = length
        }
        if var part = chunk.readSlice(length: min(missing, chunk.readableBytes)) {
            missing -= part.readableBytes
            frame?.writeBuffer(&part)
        }
        guard missing == 0 else { return nil }
        defer { frame = nil }
        return frame
    }

    private mutating func length(_ chunk: inout ByteBuffer) throws -> Int? {
        while prefix.readableBytes < 4 {
            guard let byte = chunk.readInteger(as: UInt8.self) else { return nil }
            prefix.writeInteger(byte)
        }
        let length = prefix.readInteger(as: Int32.self) ?? -1
        prefix.clear()
        guard length >= 0, length <= 200 << 20 else { throw BadLength() }
        return Int(length)
    }
}
