import NIOCore

/// Reads the fields of a message from a buffer.
///
/// Works on a raw cursor; every access is preceded by a bounds check, and arrays reserve no more memory than a small
/// multiple of the bytes that are there, so hostile input can neither trap nor exhaust memory. Byte fields and
/// records become slices of the buffer.
@safe
struct ReadWalker: Walker, ~Copyable {
    let version: Int16
    let isFlexible: Bool
    static var refusesLoss: Bool { false }

    private let bytes: UnsafeRawBufferPointer
    private let source: ByteBuffer
    private(set) var position = 0

    /// Whether the struct being read has dealt with its tagged fields.
    private var tagsDone = false

    /// The tag on the wire that the fields of the struct are being offered.
    private var pendingTag: UInt32 = 0
    private var tookTag = false

    /// - Parameter bytes: The readable bytes of `source`; must outlive the walker.
    init(_ bytes: UnsafeRawBufferPointer, of source: ByteBuffer, version: Int16, isFlexible: Bool) {
        unsafe self.bytes = bytes
        self.source = source
        self.version = version
        self.isFlexible = isFlexible
    }
}

// MARK: - Fixed width

extension ReadWalker {
    @inline(__always)
    private var remaining: Int { unsafe bytes.count &- position }

    @inline(__always)
    private mutating func integer<I: FixedWidthInteger>(_: I.Type) throws(WireError) -> I {
        guard remaining >= MemoryLayout<I>.size else { throw failure(.truncated) }
        let raw = unsafe bytes.loadUnaligned(fromByteOffset: position, as: I.self)
        position &+= MemoryLayout<I>.size
        return I(bigEndian: raw)
    }

    @inline(__always)
    mutating func bool(_ value: inout Bool) throws(WireError) {
        value = try integer(UInt8.self) != 0
    }

    @inline(__always)
    mutating func int8(_ value: inout Int8) throws(WireError) { value = try integer(Int8.self) }

    @inline(__always)
    mutating func int16(_ value: inout Int16) throws(WireError) { value = try integer(Int16.self) }

    @inline(__always)
    mutating func uint16(_ value: inout UInt16) throws(WireError) { value = try integer(UInt16.self) }

    @inline(__always)
    mutating func int32(_ value: inout Int32) throws(WireError) { value = try integer(Int32.self) }

    @inline(__always)
    mutating func int64(_ value: inout Int64) throws(WireError) { value = try integer(Int64.self) }

    @inline(__always)
    mutating func float64(_ value: inout Double) throws(WireError) {
        value = Double(bitPattern: try integer(UInt64.self))
    }

    @inline(__always)
    mutating func uuid(_ value: inout KafkaUUID) throws(WireError) {
        let high = try integer(UInt64.self)
        value = KafkaUUID(high: high, low: try integer(UInt64.self))
    }
}

// MARK: - Lengths

extension ReadWalker {
    @inline(never)
    private func failure(_ code: WireError.Code) -> WireError {
        WireError(code, at: position, version: version)
    }

    /// An unsigned varint of at most 32 bits.
    @inline(__always)
    private mutating func varint() throws(WireError) -> UInt32 {
        let first = try integer(UInt8.self)
        if first < 0x80 { return UInt32(first) }
        return try longVarint(first)
    }

    @inline(never)
    private mutating func longVarint(_ first: UInt8) throws(WireError) -> UInt32 {
        var value = UInt32(first & 0x7f)
        var shift: UInt32 = 7
        while true {
            let byte = try integer(UInt8.self)
            // The fifth byte has room for four bits, and none may follow.
            if shift == 28 && byte > 0x0f { throw failure(.varintOverflow) }
            value |= UInt32(byte & 0x7f) &<< shift
            if byte < 0x80 { return value }
            shift &+= 7
        }
    }

    /// The length before a string (16 bits in old versions) or nil for null.
    @inline(__always)
    private mutating func stringLength() throws(WireError) -> Int? {
        if isFlexible { return try compactLength() }
        let length = Int(try integer(Int16.self))
        return try checked(length)
    }

    /// The length before bytes and arrays (32 bits in old versions) or nil for null.
    @inline(__always)
    private mutating func longLength() throws(WireError) -> Int? {
        if isFlexible { return try compactLength() }
        let length = Int(try integer(Int32.self))
        return try checked(length)
    }

    /// Null is 0 and everything else one more than the length.
    @inline(__always)
    private mutating func compactLength() throws(WireError) -> Int? {
        let value = Int(try varint())
        if value == 0 { return nil }
        return try checked(value &- 1)
    }

    /// Every byte, and every element of an array, takes at least one byte: more than there are cannot be.
    @inline(__always)
    private func checked(_ length: Int) throws(WireError) -> Int? {
        if length >= 0 && length <= remaining { return length }
        if length == -1 { return nil }
        throw failure(length < 0 ? .invalidLength : .truncated)
    }

    @inline(__always)
    private func present(_ length: Int?) throws(WireError) -> Int {
        guard let length else { throw failure(.unexpectedNull) }
        return length
    }
}

// MARK: - Variable length

extension ReadWalker {
    @inline(never)
    private mutating func text(_ count: Int) throws(WireError) -> KafkaString {
        let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[position..<position &+ count])
        guard let string = unsafe String(validating: part, as: UTF8.self) else { throw failure(.invalidUTF8) }
        position &+= count
        return KafkaString(string)
    }

    private mutating func slice(_ count: Int) throws(WireError) -> ByteBuffer {
        guard let slice = source.getSlice(at: source.readerIndex &+ position, length: count) else {
            throw failure(.truncated)
        }
        position &+= count
        return slice
    }

    mutating func string(_ value: inout KafkaString) throws(WireError) {
        value = try text(try present(try stringLength()))
    }

    mutating func nullableString(_ value: inout KafkaString?) throws(WireError) {
        if let count = try stringLength() { value = try text(count) } else { value = nil }
    }

    mutating func legacyString(_ value: inout KafkaString?) throws(WireError) {
        let length = Int(try integer(Int16.self))
        if let count = try checked(length) { value = try text(count) } else { value = nil }
    }

    mutating func bytes(_ value: inout ByteBuffer) throws(WireError) {
        value = try slice(try present(try longLength()))
    }

    mutating func nullableBytes(_ value: inout ByteBuffer?) throws(WireError) {
        if let count = try longLength() { value = try slice(count) } else { value = nil }
    }

    mutating func records(_ value: inout RecordData?) throws(WireError) {
        if let count = try longLength() { value = RecordData(try slice(count)) } else { value = nil }
    }

    @inline(__always)
    mutating func array<Element: WireValue>(_ value: inout [Element]) throws(WireError) {
        let count = try present(try longLength())
        value = try elements(count)
    }

    @inline(__always)
    mutating func nullableArray<Element: WireValue>(_ value: inout [Element]?) throws(WireError) {
        if let count = try longLength() { value = try elements(count) } else { value = nil }
    }

    private mutating func elements<Element: WireValue>(_ count: Int) throws(WireError) -> [Element] {
        var result: [Element] = []
        if count == 0 { return result }
        // Trust the count only as far as the bytes that are there back it.
        let justified = remaining &* 8 / MemoryLayout<Element>.stride &+ 1
        result.reserveCapacity(min(count, justified))
        for _ in 0..<count {
            var element = Element.wireDefault
            try element.walkValue(&self)
            result.append(element)
        }
        return result
    }
}

// MARK: - Structs

extension ReadWalker {
    @inline(__always)
    mutating func structure<Value: WireStruct>(_ value: inout Value) throws(WireError) {
        tagsDone = false
        try value.walk(&self)
        if isFlexible && !tagsDone { try skipTags() }
        tagsDone = false
    }

    mutating func nullableStructure<Value: WireStruct>(_ value: inout Value?) throws(WireError) {
        let marker = try integer(Int8.self)
        if marker < 0 {
            value = nil
        } else {
            var present = Value()
            try structure(&present)
            value = present
        }
    }

    private mutating func skipTags() throws(WireError) {
        let count = try varint()
        if count == 0 { return }
        for _ in 0..<count {
            _ = try varint()
            let size = Int(try varint())
            guard size <= remaining else { throw failure(.truncated) }
            position &+= size
        }
    }

    mutating func tagged(_ fields: (inout ReadWalker) throws(WireError) -> Void) throws(WireError) {
        guard isFlexible else { return }
        let count = try varint()
        if count > 0 { try readTags(count, fields) }
        tagsDone = true
    }

    /// Offers each tag to all known fields; the one whose number it is reads it.
    private mutating func readTags(
        _ count: UInt32,
        _ fields: (inout ReadWalker) throws(WireError) -> Void
    ) throws(WireError) {
        for _ in 0..<count {
            pendingTag = try varint()
            let size = Int(try varint())
            guard size <= remaining else { throw failure(.truncated) }
            let end = position &+ size
            tookTag = false
            try fields(&self)
            if !tookTag { position = end }
            guard position == end else { throw failure(.taggedFieldSize) }
        }
    }

    mutating func tag<Value: WireValue>(
        _ tag: UInt32,
        _ value: inout Value,
        _ name: StaticString,
        default: Value
    ) throws(WireError) {
        guard tag == pendingTag && !tookTag else { return }
        try value.walkValue(&self)
        // A struct inside may have had tagged fields of its own.
        pendingTag = tag
        tookTag = true
    }
}
