import NIOCore

/// Writes front to back into memory whose size was computed before.
///
/// A sink must not leave the closure that lends it.
@safe struct ByteSink {
    private let bytes: UnsafeMutableRawBufferPointer
    private let count: Int
    private(set) var position = 0

    init(_ bytes: UnsafeMutableRawBufferPointer) {
        unsafe self.bytes = bytes
        count = bytes.count
    }

    @inline(__always)
    mutating func byte(_ value: UInt8) {
        precondition(position < count, "a record is longer than computed")
        unsafe bytes[position] = value
        position &+= 1
    }

    /// A zigzag-coded integer.
    @inline(__always)
    mutating func varint(_ value: Int64) {
        var rest = Self.zigzag(value)
        while rest >= 0x80 {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        byte(UInt8(truncatingIfNeeded: rest))
    }

    mutating func append(_ source: UnsafeRawBufferPointer) {
        let length = source.count
        precondition(length <= count &- position, "a record is longer than computed")
        unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[position...]).copyMemory(from: source)
        position &+= length
    }

    /// The length, or -1 for null, and the bytes.
    mutating func nullable(_ buffer: ByteBuffer?) {
        guard let buffer else { return varint(-1) }
        varint(Int64(buffer.readableBytes))
        unsafe buffer.withUnsafeReadableBytes { unsafe append($0) }
    }

    private static func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: (value &<< 1) ^ (value &>> 63))
    }

    static func size(ofVarint value: Int64) -> Int {
        (70 &- (zigzag(value) | 1).leadingZeroBitCount) / 7
    }

    static func size(ofNullable buffer: ByteBuffer?) -> Int {
        guard let buffer else { return 1 }
        return size(ofVarint: Int64(buffer.readableBytes)) &+ buffer.readableBytes
    }
}

extension ByteBuffer {
    /// Appends `count` bytes that `body` writes.
    mutating func appendBytes(_ count: Int, _ body: (inout ByteSink) -> Void) {
        unsafe writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
            var sink = unsafe ByteSink(UnsafeMutableRawBufferPointer(rebasing: memory[..<count]))
            body(&sink)
            precondition(sink.position == count, "a record is shorter than computed")
            return count
        }
    }
}
