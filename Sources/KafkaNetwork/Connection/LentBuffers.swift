import NIOCore

/// The buffers in which large frames are received: the socket is read straight into the place where a frame stays.
///
/// A buffer is out between `lend` and `take`. It holds what has come of a frame, with its length in front, and has room for
/// more. Once a frame is whole it is cut out of the buffer without a copy; what little follows it moves to another buffer.
struct LentBuffers {
    /// NIO keeps a reference to the first buffers that it gets, as many as it reads in a turn, which would make appending
    /// to them a copy.
    private static let keptByChannel = 1
    static let keptCapacity = 4 << 10
    /// Room for a frame of which nothing has come yet.
    private static let capacities = 64 << 10...1 << 20
    /// After so many small frames in a row less room is kept.
    private static let patience = 64

    private let allocator: ByteBufferAllocator
    private var lendings = 0
    private(set) var isOut = false
    private var bytesOut = 0
    private(set) var hasLostBytes = false
    /// What has been received and not been cut into frames.
    private var received = ByteBuffer()
    /// No frame was cut out of `received`, so it can be filled again.
    private var isWhole = true
    private var capacity = LentBuffers.capacities.lowerBound
    private var smallFrames = 0

    init(allocator: ByteBufferAllocator) {
        self.allocator = allocator
    }

    var isEmpty: Bool { self.received.readableBytes == 0 && self.bytesOut == 0 }

    mutating func lend() -> ByteBuffer {
        // The last one did not come back: the socket had nothing after all, and what the buffer held went with it.
        if self.isOut, self.bytesOut > 0 { self.hasLostBytes = true }
        self.lendings += 1
        guard self.lendings > Self.keptByChannel else {
            return self.allocator.buffer(capacity: Self.keptCapacity)
        }
        var buffer = self.received
        self.received = ByteBuffer()
        if buffer.readableBytes == 0, buffer.capacity < self.capacity {
            buffer = self.allocator.buffer(capacity: self.capacity)
        } else if buffer.writableBytes == 0 {
            // Larger than anybody reserves memory for at once.
            buffer.reserveCapacity(minimumWritableBytes: buffer.readableBytes)
        }
        self.isOut = true
        self.bytesOut = buffer.readableBytes
        return buffer
    }

    mutating func take(_ buffer: ByteBuffer) {
        self.received = buffer
        self.isOut = false
        self.bytesOut = 0
        self.isWhole = true
    }

    /// The length in front of what was received; nil when it is not there yet.
    var nextPrefix: UInt32? { self.received.getInteger(at: self.received.readerIndex) }

    /// Cuts out the frame in front, or makes room for the rest of it.
    mutating func next(length: Int) -> ByteBuffer? {
        let size = 4 + length
        guard self.received.readableBytes >= size else {
            self.makeRoom(size)
            return nil
        }
        self.adapt(size)
        self.received.moveReaderIndex(forwardBy: 4)
        // A small frame would keep the whole buffer in memory for as long as anybody holds on to it.
        let isSlice = size >= self.received.capacity / 4
        let frame = isSlice ? self.received.readSlice(length: length) : self.copy(length)
        if isSlice { self.isWhole = false }
        if self.received.readableBytes == 0 {
            self.received = self.isWhole ? self.emptied() : ByteBuffer()
        } else if self.received.readableBytes < 4 {
            self.makeRoom(4)
        }
        return frame
    }

    /// Sees to it that a frame of this size, with its length, fits behind what has come of it.
    private mutating func makeRoom(_ size: Int) {
        let reserved = min(size, 4 + FrameAssembler.largestReservation)
        if self.isWhole, self.received.readerIndex == 0, self.received.capacity >= reserved { return }
        var larger = self.allocator.buffer(capacity: max(reserved, self.capacity))
        larger.writeImmutableBuffer(self.received)
        self.received = larger
        self.isWhole = true
    }

    private mutating func copy(_ length: Int) -> ByteBuffer? {
        guard let part = self.received.readSlice(length: length) else { return nil }
        var frame = self.allocator.buffer(capacity: length)
        frame.writeImmutableBuffer(part)
        return frame
    }

    private func emptied() -> ByteBuffer {
        var buffer = self.received
        // Not `clear()`, which takes a new buffer while the socket still holds a reference to this one.
        buffer.moveReaderIndex(to: 0)
        buffer.moveWriterIndex(to: 0)
        return buffer.capacity > self.capacity ? ByteBuffer() : buffer
    }

    /// Follows the size of the frames, so that the next one fits from its first byte on.
    private mutating func adapt(_ size: Int) {
        if size > self.capacity {
            self.capacity = min(1 << (Int.bitWidth - (size - 1).leadingZeroBitCount), Self.capacities.upperBound)
            self.smallFrames = 0
        } else if size > self.capacity / 2 {
            self.smallFrames = 0
        } else {
            self.smallFrames += 1
            guard self.smallFrames == Self.patience else { return }
            self.smallFrames = 0
            self.capacity = max(self.capacity / 2, Self.capacities.lowerBound)
        }
    }
}
