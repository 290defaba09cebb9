import NIOCore

/// Writes the fields of a message into memory that a `SizeWalker` found large enough.
///
/// Long parts of records are not written but noted, with the place where they belong.
@safe
struct WriteWalker: Walker, ~Copyable {
    /// A part that stays where it is and follows the first `position` bytes written.
    struct Reference {
        var position: Int
        var part: ByteBuffer
    }

    let version: Int16
    let isFlexible: Bool

    /// The size walk has already refused what would be lost.
    static var refusesLoss: Bool { false }

    private let bytes: UnsafeMutableRawBufferPointer
    private let gathers: Bool
    private(set) var position = 0
    private(set) var references: [Reference] = []

    private var tagsDone = false

    /// Tagged fields are walked twice: their number comes first.
    private var countsTags = false
    private var tagCount = 0

    /// - Parameter gathers: Whether long parts of records are referenced, not copied.
    init(_ bytes: UnsafeMutableRawBufferPointer, gathers: Bool, version: Int16, isFlexible: Bool) {
        unsafe self.bytes = bytes
        self.gathers = gathers
        self.version = version
        self.isFlexible = isFlexible
    }
}

// MARK: - Fixed width

extension WriteWalker {
    /// Room for `count` more bytes; short only if the value changed since it was measured, which it cannot.
    @inline(__always)
    private func require(_ count: Int) {
        precondition(unsafe bytes.count &- position >= count, "a message grew while it was being written")
    }

    @inline(__always)
    private mutating func integer<I: FixedWidthInteger>(_ value: I) {
        require(MemoryLayout<I>.size)
        unsafe bytes.storeBytes(of: value.bigEndian, toByteOffset: position, as: I.self)
        position &+= MemoryLayout<I>.size
    }

    @inline(__always)
    mutating func bool(_ value: inout Bool) throws(WireError) { integer(UInt8(value ? 1 : 0)) }

    @inline(__always)
    mutating func int8(_ value: inout Int8) throws(WireError) { integer(value) }

    @inline(__always)
    mutating func int16(_ value: inout Int16) throws(WireError) { integer(value) }

    @inline(__always)
    mutating func uint16(_ value: inout UInt16) throws(WireError) { integer(value) }

    @inline(__always)
    mutating func int32(_ value: inout Int32) throws(WireError) { integer(value) }

    @inline(__always)
    mutating func int64(_ value: inout Int64) throws(WireError) { integer(value) }

    @inline(__always)
    mutating func float64(_ value: inout Double) throws(WireError) { integer(value.bitPattern) }

    @inline(__always)
    mutating func uuid(_ value: inout KafkaUUID) throws(WireError) {
        integer(value.high)
        integer(value.low)
    }
}

// MARK: - Variable length

extension WriteWalker {
    @inline(__always)
    private mutating func varint(_ value: Int) {
        var rest = UInt32(truncatingIfNeeded: value)
        while rest >= 0x80 {
            integer(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        integer(UInt8(truncatingIfNeeded: rest))
    }

    @inline(__always)
    private mutating func stringLength(_ count: Int) {
        if isFlexible { varint(count &+ 1) } else { integer(Int16(truncatingIfNeeded: count)) }
    }

    @inline(__always)
    private mutating func longLength(_ count: Int) {
        if isFlexible { varint(count &+ 1) } else { integer(Int32(truncatingIfNeeded: count)) }
    }

    private mutating func text(_ value: KafkaString) {
        var string = value.string
        string.withUTF8 { utf8 in
            unsafe copy(UnsafeRawBufferPointer(utf8))
        }
    }

    private mutating func copy(_ source: UnsafeRawBufferPointer) {
        require(source.count)
        if source.count > 0 {
            let target = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[position..<position &+ source.count])
            unsafe target.copyMemory(from: source)
        }
        position &+= source.count
    }

    private mutating func copy(_ part: ByteBuffer) {
        unsafe part.withUnsafeReadableBytes { unsafe copy($0) }
    }

    @inline(__always)
    mutating func string(_ value: inout KafkaString) throws(WireError) {
        stringLength(value.string.utf8.count)
        text(value)
    }

    @inline(__always)
    mutating func nullableString(_ value: inout KafkaString?) throws(WireError) {
        guard let value else { return stringLength(-1) }
        stringLength(value.string.utf8.count)
        text(value)
    }

    mutating func legacyString(_ value: inout KafkaString?) throws(WireError) {
        integer(Int16(truncatingIfNeeded: value?.string.utf8.count ?? -1))
        if let value { text(value) }
    }

    mutating func bytes(_ value: inout ByteBuffer) throws(WireError) {
        longLength(value.readableBytes)
        copy(value)
    }

    mutating func nullableBytes(_ value: inout ByteBuffer?) throws(WireError) {
        guard let value else { return longLength(-1) }
        longLength(value.readableBytes)
        copy(value)
    }

    mutating func records(_ value: inout RecordData?) throws(WireError) {
        guard let value else { return longLength(-1) }
        longLength(value.byteCount)
        value.forEachPart { part in
            if gathers && RecordData.isLong(part) {
                references.append(Reference(position: position, part: part))
            } else {
                copy(part)
            }
        }
    }

    @inline(__always)
    mutating func array<Element: WireValue>(_ value: inout [Element]) throws(WireError) {
        try elements(value)
    }

    @inline(__always)
    mutating func nullableArray<Element: WireValue>(_ value: inout [Element]?) throws(WireError) {
        if let value { try elements(value) } else { longLength(-1) }
    }

    private mutating func elements<Element: WireValue>(_ value: [Element]) throws(WireError) {
        longLength(value.count)
        for var element in value { try element.walkValue(&self) }
    }
}

// MARK: - Structs

extension WriteWalker {
    @inline(__always)
    mutating func structure<Value: WireStruct>(_ value: inout Value) throws(WireError) {
        tagsDone = false
        try value.walk(&self)
        if isFlexible && !tagsDone { integer(0 as UInt8) }
        tagsDone = false
    }

    mutating func nullableStructure<Value: WireStruct>(_ value: inout Value?) throws(WireError) {
        guard var present = value else { return integer(-1 as Int8) }
        integer(1 as Int8)
        try structure(&present)
    }

    mutating func tagged(_ fields: (inout WriteWalker) throws(WireError) -> Void) throws(WireError) {
        guard isFlexible else { return }
        let outer = (countsTags, tagCount)
        countsTags = true
        tagCount = 0
        try fields(&self)
        varint(tagCount)
        countsTags = false
        if tagCount > 0 { try fields(&self) }
        (countsTags, tagCount) = outer
        tagsDone = true
    }

    mutating func tag<Value: WireValue>(
        _ tag: UInt32,
        _ value: inout Value,
        _ name: StaticString,
        default standard: Value
    ) throws(WireError) {
        guard value != standard else { return }
        if countsTags {
            tagCount &+= 1
        } else {
            var sizer = SizeWalker(version: version, isFlexible: isFlexible)
            try value.walkValue(&sizer)
            varint(Int(tag))
            varint(sizer.size)
            try value.walkValue(&self)
        }
    }
}
