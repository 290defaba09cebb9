import NIOCore

/// Cuts the bytes of a connection into frames: four bytes of length, then that many bytes.
///
/// A frame that lies whole in one received chunk comes out as a slice of that chunk. For any other an exact buffer is
/// filled, so no bytes are ever appended to a buffer that someone holds a slice of.
struct FrameAssembler {
    /// Nobody gets more memory than this on the strength of a length alone; larger frames grow as their bytes arrive.
    static let largestReservation = 16 * 1024 * 1024

    var maximumLength: Int
    private let allocator: ByteBufferAllocator
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
    }

    /// Takes the next received chunk; `next()` must have returned nil since the last one.
    mutating func feed(_ chunk: ByteBuffer) {
        if self.chunk.readableBytes == 0 {
            self.chunk = chunk
        } else {
            // Only after an error; keeps the order in any case.
            var rest = chunk
            self.chunk.writeBuffer(&rest)
        }
    }

    /// The next whole frame without its length, or nil when more bytes are needed.
    mutating func next() throws(FrameError) -> ByteBuffer? {
        if self.frame != nil { return fill() }
        guard let length = try readLength() else {
            self.chunk = ByteBuffer()
            return nil
        }
        // A small frame would keep the whole chunk in memory for as long as anybody holds on to it.
        if self.chunk.readableBytes >= length, length >= self.chunk.capacity / 4,
            let slice = self.chunk.readSlice(length: length)
        {
            return slice
        }
        self.frame = self.allocator.buffer(capacity: min(length, Self.largestReservation))
        self.missing = length
        return fill()
    }

    /// Whether the connection may end here without cutting a frame.
    var isBetweenFrames: Bool { self.frame == nil && self.prefixCount == 0 && self.chunk.readableBytes == 0 }

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

/// The length of a frame makes no sense; the bytes often tell who is at the other end.
struct FrameError: Error, Hashable {
    let prefix: UInt32
    let limit: Int

    /// What the four bytes look like.
    var peer: Peer {
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: self.prefix >> (24 - 8 * $0)) }
        if (0x14...0x17).contains(bytes[0]), bytes[1] == 3, bytes[2] <= 4 { return .tls }
        switch String(decoding: bytes, as: UTF8.self) {
        case "HTTP": return .http
        case "SSH-": return .ssh
        default: return Int32(bitPattern: self.prefix) < 0 ? .unknown : .large(Int(self.prefix))
        }
    }

    enum Peer: Hashable {
        case tls
        case http
        case ssh
        case large(Int)
        case unknown
    }

    var message: String {
        let claim = "the peer answered something that is not Kafka"
        switch self.peer {
        case .tls: return claim + ": a TLS record"
        case .http: return claim + ": it speaks HTTP"
        case .ssh: return claim + ": it speaks SSH"
        case .large(let length): return claim + ", or a frame of \(length) bytes (the limit is \(self.limit))"
        case .unknown: return claim + ": a frame cannot have the length \(Int32(bitPattern: self.prefix))"
        }
    }

    var nextStep: String {
        switch self.peer {
        case .tls: "this listener wants TLS: set security.protocol to SSL or SASL_SSL"
        default: "check host and port, and that security.protocol fits this listener"
        }
    }
}
