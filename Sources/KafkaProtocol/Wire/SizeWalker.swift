import NIOCore

/// Counts the bytes that a message takes, and finds values that its version cannot carry.
struct SizeWalker: Walker, ~Copyable {
    let version: Int16
    let isFlexible: Bool
    static var refusesLoss: Bool { true }

    /// All bytes, including those referenced.
    private(set) var size = 0

    /// Bytes of long record parts, which need not be copied.
    private(set) var referenced = 0

    private var tagsDone = false
    private var tagCount = 0

    init(version: Int16, isFlexible: Bool) {
        self.version = version
        self.isFlexible = isFlexible
    }

    /// How many bytes an unsigned varint takes.
    @inline(__always)
    static func varintSize(_ value: Int) -> Int {
        value < 0x80 ? 1 : (UInt.bitWidth &- value.leadingZeroBitCount &+ 6) / 7
    }
}

// MARK: - Fixed width

extension SizeWalker {
    @inline(__always)
    mutating func bool(_ value: inout Bool) throws(WireError) { size &+= 1 }

    @inline(__always)
    mutating func int8(_ value: inout Int8) throws(WireError) { size &+= 1 }

    @inline(__always)
    mutating func int16(_ value: inout Int16) throws(WireError) { size &+= 2 }

    @inline(__always)
    mutating func uint16(_ value: inout UInt16) throws(WireError) { size &+= 2 }

    @inline(__always)
    mutating func int32(_ value: inout Int32) throws(WireError) { size &+= 4 }

    @inline(__always)
    mutating func int64(_ value: inout Int64) throws(WireError) { size &+= 8 }

    @inline(__always)
    mutating func float64(_ value: inout Double) throws(WireError) { size &+= 8 }

    @inline(__always)
    mutating func uuid(_ value: inout KafkaUUID) throws(WireError) { size &+= 16 }
}

// MARK: - Variable length

extension SizeWalker {
    @inline(__always)
    private mutating func stringLength(_ count: Int) throws(WireError) {
        size &+= isFlexible ? Self.varintSize(count &+ 1) : 2
        // Kafka's limit, in flexible versions as well.
        if count > Int(Int16.max) { throw tooLong() }
        size &+= count
    }

    @inline(__always)
    private mutating func longLength(_ count: Int) throws(WireError) {
        size &+= isFlexible ? Self.varintSize(count &+ 1) : 4
        if count >= Int(Int32.max) { throw tooLong() }
    }

    @inline(__always)
    private mutating func null(_ width: Int) { size &+= isFlexible ? 1 : width }

    @inline(never)
    private func tooLong() -> WireError { WireError(.tooLong, at: size, version: version) }

    @inline(__always)
    mutating func string(_ value: inout KafkaString) throws(WireError) {
        try stringLength(value.string.utf8.count)
    }

    @inline(__always)
    mutating func nullableString(_ value: inout KafkaString?) throws(WireError) {
        if let value { try stringLength(value.string.utf8.count) } else { null(2) }
    }

    mutating func legacyString(_ value: inout KafkaString?) throws(WireError) {
        let count = value?.string.utf8.count ?? 0
        if count > Int(Int16.max) { throw tooLong() }
        size &+= 2 &+ count
    }

    mutating func bytes(_ value: inout ByteBuffer) throws(WireError) {
        try longLength(value.readableBytes)
        size &+= value.readableBytes
    }

    mutating func nullableBytes(_ value: inout ByteBuffer?) throws(WireError) {
        guard let value else { return null(4) }
        try longLength(value.readableBytes)
        size &+= value.readableBytes
    }

    mutating func records(_ value: inout RecordData?) throws(WireError) {
        guard let value else { return null(4) }
        try longLength(value.byteCount)
        size &+= value.byteCount
        referenced &+= value.longByteCount
    }

    @inline(__always)
    mutating func array<Element: WireValue>(_ value: inout [Element]) throws(WireError) {
        try elements(value)
    }

    @inline(__always)
    mutating func nullableArray<Element: WireValue>(_ value: inout [Element]?) throws(WireError) {
        if let value { try elements(value) } else { null(4) }
    }

    private mutating func elements<Element: WireValue>(_ value: [Element]) throws(WireError) {
        try longLength(value.count)
        // Walking a copy of each element leaves the array shared: no copy of its storage.
        for var element in value { try element.walkValue(&self) }
    }
}

// MARK: - Structs

extension SizeWalker {
    @inline(__always)
    mutating func structure<Value: WireStruct>(_ value: inout Value) throws(WireError) {
        tagsDone = false
        try value.walk(&self)
        if isFlexible && !tagsDone { size &+= 1 }
        tagsDone = false
    }

    mutating func nullableStructure<Value: WireStruct>(_ value: inout Value?) throws(WireError) {
        size &+= 1
        if var present = value { try structure(&present) }
    }

    mutating func tagged(_ fields: (inout SizeWalker) throws(WireError) -> Void) throws(WireError) {
        let outer = tagCount
        tagCount = 0
        // Also in versions without tagged fields: a value there is lost.
        try fields(&self)
        if isFlexible { size &+= Self.varintSize(tagCount) }
        tagCount = outer
        tagsDone = true
    }

    mutating func tag<Value: WireValue>(
        _ tag: UInt32,
        _ value: inout Value,
        _ name: StaticString,
        default standard: Value
    ) throws(WireError) {
        guard value != standard else { return }
        let start = size
        try value.walkValue(&self)
        size &+= Self.varintSize(Int(tag)) &+ Self.varintSize(size &- start)
        tagCount &+= 1
    }
}
