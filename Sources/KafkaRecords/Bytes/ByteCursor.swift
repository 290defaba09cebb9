import NIOCore

/// Reads borrowed bytes front to back.
///
/// Every read is checked against the end, so a user needs no `unsafe` and no input can make it trap. A cursor must
/// not leave the closure that lends it.
@safe struct ByteCursor {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position = 0
    /// Reads stop here; never beyond the bytes that were lent.
    private(set) var end: Int

    init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = bytes
        self.end = bytes.count
    }

    var remaining: Int { end &- position }

    mutating func integer<T: FixedWidthInteger>(as type: T.Type = T.self) throws(RecordError) -> T {
        let size = MemoryLayout<T>.size
        guard size <= remaining else { throw Self.tooShort }
        let value = unsafe bytes.loadUnaligned(fromByteOffset: position, as: T.self)
        position &+= size
        return T(bigEndian: value)
    }

    /// A zigzag-coded integer of at most ten bytes.
    @inline(__always)
    mutating func varlong() throws(RecordError) -> Int64 {
        if position < end, unsafe bytes[position] < 0x80 { return Int64(shortVarint()) }
        return try longVarlong()
    }

    /// A zigzag-coded integer of at most five bytes.
    @inline(__always)
    mutating func varint() throws(RecordError) -> Int32 {
        if position < end, unsafe bytes[position] < 0x80 { return shortVarint() }
        return try longVarint()
    }

    /// Nearly all numbers in a record fit into one byte.
    @inline(__always)
    private mutating func shortVarint() -> Int32 {
        let byte = unsafe Int32(bytes[position])
        position &+= 1
        return (byte &>> 1) ^ (0 &- (byte & 1))
    }

    private mutating func longVarlong() throws(RecordError) -> Int64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end {
            let byte = unsafe bytes[position]
            position &+= 1
            value |= UInt64(byte & 0x7f) &<< shift
            if byte < 0x80 {
                return Int64(bitPattern: value &>> 1) ^ (0 &- Int64(bitPattern: value & 1))
            }
            shift &+= 7
            if shift > 63 { throw RecordError(.content, "a variable-length integer has more than ten bytes") }
        }
        throw Self.tooShort
    }

    private mutating func longVarint() throws(RecordError) -> Int32 {
        var value: UInt32 = 0
        var shift: UInt32 = 0
        while position < end {
            let byte = unsafe bytes[position]
            position &+= 1
            value |= UInt32(byte & 0x7f) &<< shift
            if byte < 0x80 {
                return Int32(bitPattern: value &>> 1) ^ (0 &- Int32(bitPattern: value & 1))
            }
            shift &+= 7
            if shift > 28 { throw RecordError(.content, "a variable-length integer has more than five bytes") }
        }
        throw Self.tooShort
    }

    mutating func skip(_ count: Int) throws(RecordError) {
        guard count >= 0, count <= remaining else { throw Self.tooShort }
        position &+= count
    }

    /// Limits reads to the next `count` bytes while `body` runs.
    mutating func limited<R>(
        to count: Int,
        _ body: (inout ByteCursor) throws(RecordError) -> R
    ) throws(RecordError) -> R {
        guard count >= 0, count <= remaining else { throw Self.tooShort }
        let outer = end
        end = position &+ count
        defer { end = outer }
        return try body(&self)
    }

    /// Lends some of the bytes.
    func withBytes<R>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        unsafe body(UnsafeRawBufferPointer(rebasing: bytes[range]))
    }

    private static let tooShort = RecordError(.content, "a field reaches beyond the end")
}

extension ByteBuffer {
    /// Lends a cursor over all readable bytes.
    func withCursor<R>(_ body: (inout ByteCursor) throws(RecordError) -> R) throws(RecordError) -> R {
        // NIO's closure cannot carry a typed error.
        let result: Result<R, RecordError> = unsafe withUnsafeReadableBytes { bytes in
            var cursor = unsafe ByteCursor(bytes)
            do throws(RecordError) {
                return .success(try body(&cursor))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// The bytes at `range` of the readable ones.
    ///
    /// The caller has checked the range: one outside gives an empty buffer.
    func readableSlice(_ range: Range<Int>) -> ByteBuffer {
        getSlice(at: readerIndex &+ range.lowerBound, length: range.count) ?? ByteBuffer()
    }
}
