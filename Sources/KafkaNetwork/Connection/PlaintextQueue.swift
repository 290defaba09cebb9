import DequeModule
import NIOCore

/// What waits to be encrypted, cut so that TLS makes full records of it.
///
/// Each piece that TLS gets becomes a record of its own, or several: long pieces go as they are, as many full records as
/// they hold; what is shorter than a record is copied together with what follows it.
struct PlaintextQueue {
    /// The most that one TLS record holds.
    static let record = 16 << 10
    /// Encrypted at a time: enough for one system call, and little enough to stay in the processor's cache.
    static let portion = 8 * PlaintextQueue.record

    private var parts: Deque<ByteBuffer> = []

    var isEmpty: Bool { self.parts.isEmpty }

    mutating func append(_ parts: [ByteBuffer]) {
        for part in parts where part.readableBytes > 0 { self.parts.append(part) }
    }

    mutating func removeAll() {
        self.parts = []
    }

    /// The next portion, or nil when nothing waits.
    mutating func next() -> [ByteBuffer]? {
        guard !self.parts.isEmpty else { return nil }
        var pieces: [ByteBuffer] = []
        var left = Self.portion
        while left > 0, let first = self.parts.first {
            let piece: ByteBuffer
            if first.readableBytes >= Self.record {
                piece = self.cut(min(first.readableBytes / Self.record * Self.record, left))
            } else {
                piece = self.gather(Self.record)
            }
            left -= max(Self.record, piece.readableBytes)
            pieces.append(piece)
        }
        return pieces
    }

    private mutating func cut(_ count: Int) -> ByteBuffer {
        guard let piece = self.parts[0].readSlice(length: count) else { return ByteBuffer() }
        if self.parts[0].readableBytes == 0 { self.parts.removeFirst() }
        return piece
    }

    private mutating func gather(_ count: Int) -> ByteBuffer {
        if self.parts.count == 1 { return self.parts.removeFirst() }
        var piece = ByteBufferAllocator().buffer(capacity: count)
        while piece.readableBytes < count, let first = self.parts.first {
            piece.writeImmutableBuffer(self.cut(min(count - piece.readableBytes, first.readableBytes)))
        }
        return piece
    }
}
