import NIOCore

/// Cuts the bytes of a connection into frames: four bytes of length, then that many bytes.
///
/// Two ways, by who owns the memory that the socket is read into:
/// - *Lent*: the channel asks for a buffer before each read (`lend()`) and gets the one in which the frame is assembled, so
///   no byte is copied. For connections with large answers.
/// - *Fed*: chunks come from elsewhere. A frame that lies whole in one comes out as a slice of it, where the chunk is not
///   needed for the next read; for any other an exact buffer is filled.
///
/// Either way no bytes are ever appended to a buffer that someone holds a slice of.
struct FrameAssembler {
    /// Nobody gets more memory than this on the strength of a length alone; larger frames grow as their bytes arrive.
    static let largestReservation = 16 * 1024 * 1024

    private static let largestChunk = 256 << 10

    var maximumLength: Int
    /// Whether a frame may be a slice of the chunk that it came in; not where the chunk is used again for the next read.
    var slicesChunks = true
    private let allocator: ByteBufferAllocator
    private var lent: LentBuffers
    private var chunk = ByteBuffer()
    /// The bytes of a length that is split between chunks.
    private var prefix: UInt32 = 0
    private var prefixCount = 0
    /// The frame being filled, and how many bytes it still lacks.
    private var frame: ByteBuffer?
    private var missing = 0

    init(maximumLength: Int, allocator: ByteBufferAllocator = ByteBufferAllocator()) {
        self.maximumLength = maximumLength
        self.allocator = allocator
        self.lent = LentBuffers(allocator: allocator)
    }

    /// The buffer that the next bytes are to be read into; it comes back through `feed`.
    mutating func lend() -> ByteBuffer {
        // What has begun in one way ends in it.
        if self.frame != nil { return self.allocator.buffer(capacity: min(self.missing, Self.largestChunk)) }
        guard self.prefixCount == 0, self.chunk.readableBytes == 0 else {
            return self.allocator.buffer(capacity: LentBuffers.keptCapacity)
        }
        return self.lent.lend()
    }

    /// Whether a lent buffer that held bytes never came back: they are lost, and so is the connection.
    var hasLostBytes: Bool { self.lent.hasLostBytes }

    /// Takes the next received chunk; `next()` must have returned nil since the last one.
    mutating func feed(_ chunk: ByteBuffer) {
        if self.lent.isOut {
            self.lent.take(chunk)
        } else if self.chunk.readableBytes == 0 {
            self.chunk = chunk
        } else {
            // Only after an error; keeps the order in any case.
            var rest = chunk
            self.chunk.writeBuffer(&rest)
        }
    }

    /// The next whole frame without its length, or nil when more bytes are needed.
    mutating func next() throws(FrameError) -> ByteBuffer? {
        if let prefix = self.lent.nextPrefix { return self.lent.next(length: try check(prefix)) }
        if self.frame != nil { return fill() }
        guard let length = try readLength() else {
            self.chunk = ByteBuffer()
            return nil
        }
        // A small frame would keep the whole chunk in memory for as long as anybody holds on to it.
        if self.slicesChunks, self.chunk.readableBytes >= length, length >= self.chunk.capacity / 4,
            let slice = self.chunk.readSlice(length: length)
        {
            return slice
        }
        self.frame = self.allocator.buffer(capacity: min(length, Self.largestReservation))
        self.missing = length
        return fill()
    }

    /// Whether the connection may end here without cutting a frame.
    var isBetweenFrames: Bool {
        self.frame == nil && self.prefixCount == 0 && self.chunk.readableBytes == 0 && self.lent.isEmpty
    }

    private mutating func fill() -> ByteBuffer? {
        let count = min(self.missing, self.chunk.readableBytes)
        if count > 0, let part = self.chunk.readSlice(length: count) {
            self.frame?.writeImmutableBuffer(part)
            self.missing -= count
        }
        if self.missing > 0 {
            self.chunk = ByteBuffer()
            return nil
        }
        defer { self.frame = nil }
        return self.frame
    }

    private mutating func readLength() throws(FrameError) -> Int? {
        if self.prefixCount == 0, let whole = self.chunk.readInteger(as: UInt32.self) {
            return try check(whole)
        }
        while self.prefixCount < 4 {
            guard let byte = self.chunk.readInteger(as: UInt8.self) else { return nil }
            self.prefix = self.prefix << 8 | UInt32(byte)
            self.prefixCount += 1
        }
        defer {
            self.prefix = 0
            self.prefixCount = 0
        }
        return try check(self.prefix)
    }

    private func check(_ prefix: UInt32) throws(FrameError) -> Int {
        let length = Int(Int32(bitPattern: prefix))
        guard length >= 0, length <= self.maximumLength else {
            throw FrameError(prefix: prefix, limit: self.maximumLength)
        }
        return length
    }
}
