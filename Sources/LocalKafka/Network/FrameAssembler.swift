import NIOCore

/// Cuts a stream of bytes into Kafka's length-prefixed frames.
///
/// A frame that lies whole in one received chunk is a slice of it; any other is filled into a buffer of its
/// exact size. Nothing is ever appended to a buffer that has been handed out, so slices of it stay cheap.
struct FrameAssembler {
    struct BadLength: Error {
        let length: Int32
    }

    private let limit: Int
    private var prefix = ByteBuffer()
    private var frame: ByteBuffer?
    private var missing = 0

    init(limit: Int) {
        self.limit = limit
    }

    /// Takes bytes from the front of `chunk`; `nil` when it is used up before a frame is complete.
    mutating func next(_ chunk: inout ByteBuffer) throws(BadLength) -> ByteBuffer? {
        if self.frame == nil {
            guard let length = try self.length(&chunk) else { return nil }
            if let whole = chunk.readSlice(length: length) { return whole }
            self.frame = ByteBufferAllocator().buffer(capacity: length)
            self.missing = length
        }
        let count = min(self.missing, chunk.readableBytes)
        guard count > 0 || self.missing == 0 else { return nil }
        if var part = chunk.readSlice(length: count) {
            self.frame?.writeBuffer(&part)
            self.missing -= count
        }
        guard self.missing == 0 else { return nil }
        defer { self.frame = nil }
        return self.frame
    }

    private mutating func length(_ chunk: inout ByteBuffer) throws(BadLength) -> Int? {
        let value: Int32?
        if self.prefix.readableBytes == 0, let direct = chunk.readInteger(as: Int32.self) {
            value = direct
        } else {
            if var part = chunk.readSlice(length: min(4 - self.prefix.readableBytes, chunk.readableBytes)) {
                self.prefix.writeBuffer(&part)
            }
            guard self.prefix.readableBytes == 4 else { return nil }
            value = self.prefix.readInteger(as: Int32.self)
            self.prefix.clear()
        }
        guard let value else { return nil }
        guard value >= 0, Int(value) <= self.limit else { throw BadLength(length: value) }
        return Int(value)
    }
}
