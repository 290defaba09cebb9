public import NIOCore

/// The record batches of one partition in a Produce request or a Fetch response: pieces that follow one another.
///
/// Pieces let a patched batch header and the untouched rest of a batch travel together without copying the rest:
/// the writer copies short pieces into its own buffer and sends long ones from where they are.
public struct RecordData: Sendable {
    private var first: ByteBuffer
    private var rest: [ByteBuffer]

    /// The bytes of all pieces together.
    public private(set) var byteCount: Int

    /// From this size on a piece is sent from where it is: below it, copying is cheaper than one more piece to send.
    public static let longPart = 512

    public init(_ buffer: ByteBuffer) {
        self.first = buffer
        self.rest = []
        self.byteCount = buffer.readableBytes
    }

    public init(parts: [ByteBuffer]) {
        self.first = parts.first ?? ByteBuffer()
        self.rest = Array(parts.dropFirst())
        self.byteCount = parts.reduce(0) { $0 + $1.readableBytes }
    }

    /// The memory that the first piece keeps in use: that of the whole buffer which it is a slice of.
    public var storageCapacity: Int { first.storageCapacity }

    /// The pieces, at least one.
    public var parts: [ByteBuffer] { [first] + rest }

    /// Adds a piece at the end.
    public mutating func append(_ part: ByteBuffer) {
        if byteCount == 0 && rest.isEmpty { first = part } else { rest.append(part) }
        byteCount += part.readableBytes
    }

    /// All bytes as one buffer; copies only if there are several pieces.
    public func joined() -> ByteBuffer {
        if rest.isEmpty { return first }
        var result = ByteBufferAllocator().buffer(capacity: byteCount)
        forEachPart { result.writeImmutableBuffer($0) }
        return result
    }
}

extension RecordData: Equatable {
    /// Equal bytes, however they are cut into pieces.
    public static func == (left: RecordData, right: RecordData) -> Bool {
        left.byteCount == right.byteCount && left.joined() == right.joined()
    }
}

extension RecordData {
    @inline(__always)
    static func isLong(_ part: ByteBuffer) -> Bool { part.readableBytes >= longPart }

    /// The bytes of the long pieces.
    var longByteCount: Int {
        var count = 0
        forEachPart { if Self.isLong($0) { count += $0.readableBytes } }
        return count
    }

    @inline(__always)
    func forEachPart(_ body: (ByteBuffer) -> Void) {
        body(first)
        for part in rest { body(part) }
    }
}
