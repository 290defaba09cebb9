public import NIOCore

/// A kind of value that a field can have.
///
/// Each conformance hands itself to the walker's method for its kind.
public protocol WireValue: Equatable, Sendable {
    /// What a field of this kind holds unless its schema says otherwise.
    static var wireDefault: Self { get }

    mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError)
}

/// A kind of value that can be null on the wire.
public protocol WireNullable: WireValue {
    /// What a nullable field of this kind holds unless its schema says otherwise: empty, not null, as in Kafka.
    static var nullableDefault: Self? { get }

    static func walkNullable<W: Walker & ~Copyable>(_ value: inout Self?, _ w: inout W) throws(WireError)
}

extension WireNullable {
    public static var nullableDefault: Self? { wireDefault }
}

/// A group of fields: a message, or a struct inside one.
public protocol WireStruct: WireNullable {
    /// The value with all fields at their defaults.
    init()

    /// Visits every field in wire order.
    mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError)
}

extension WireStruct {
    @inline(__always)
    public static var wireDefault: Self { Self() }

    @inline(__always)
    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w.structure(&self)
    }

    @inline(__always)
    public static func walkNullable<W: Walker & ~Copyable>(_ value: inout Self?, _ w: inout W) throws(WireError) {
        try w.nullableStructure(&value)
    }

    /// Makes a value and fills it in: `FetchRequest.with { $0.maxWaitMs = 500 }`.
    @inlinable
    public static func with<Failure: Error>(_ fill: (inout Self) throws(Failure) -> Void) throws(Failure) -> Self {
        var value = Self()
        try fill(&value)
        return value
    }
}

extension Bool: WireValue {
    @inline(__always)
    public static var wireDefault: Bool { false }

    @inline(__always)
    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) { try w.bool(&self) }
}

extension Int8: WireValue {
    @inline(__always)
    public static var wireDefault: Int8 { 0 }

    @inline(__always)
    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) { try w.int8(&self) }
}

extension Int16: WireValue {
    @inline(__always)
    public static var wireDefault: Int16 { 0 }

    @inline(__always)
    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) { try w.int16(&self) }
}

extension UInt16: WireValue {
    @inline(__always)
    public static var wireDefault: UInt16 { 0 }

    @inline(__always)
    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) { try w.uint16(&self) }
}

extension Int32: WireValue {
    @inline(__always)
    public static var wireDefault: Int32 { 0 }

    @inline(__always)
    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) { try w.int32(&self) }
}

extension Int64: WireValue {
    @inline(__always)
    public static var wireDefault: Int64 { 0 }

    @inline(__always)
    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) { try w.int64(&self) }
}

extension Double: WireValue {
    @inline(__always)
    public static var wireDefault: Double { 0 }

    @inline(__always)
    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) { try w.float64(&self) }
}

extension KafkaUUID: WireValue {
    @inline(__always)
    public static var wireDefault: KafkaUUID { .zero }

    @inline(__always)
    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) { try w.uuid(&self) }
}

extension ErrorCode: WireValue {
    @inline(__always)
    public static var wireDefault: ErrorCode { .none }

    @inline(__always)
    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) { try w.errorCode(&self) }
}

extension KafkaString: WireNullable {
    @inline(__always)
    public static var wireDefault: KafkaString { KafkaString("") }

    @inline(__always)
    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) { try w.string(&self) }

    @inline(__always)
    public static func walkNullable<W: Walker & ~Copyable>(_ value: inout Self?, _ w: inout W) throws(WireError) {
        try w.nullableString(&value)
    }
}

extension ByteBuffer: WireNullable {
    @inline(__always)
    public static var wireDefault: ByteBuffer { ByteBuffer() }

    @inline(__always)
    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) { try w.bytes(&self) }

    @inline(__always)
    public static func walkNullable<W: Walker & ~Copyable>(_ value: inout Self?, _ w: inout W) throws(WireError) {
        try w.nullableBytes(&value)
    }
}

extension RecordData: WireNullable {
    @inline(__always)
    public static var wireDefault: RecordData { RecordData(ByteBuffer()) }

    /// Records are the exception: null unless given.
    @inline(__always)
    public static var nullableDefault: RecordData? { nil }

    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        var value: RecordData? = self
        try w.records(&value)
        self = value ?? .wireDefault
    }

    @inline(__always)
    public static func walkNullable<W: Walker & ~Copyable>(_ value: inout Self?, _ w: inout W) throws(WireError) {
        try w.records(&value)
    }
}

extension Array: WireValue where Element: WireValue {
    @inline(__always)
    public static var wireDefault: [Element] { [] }

    @inline(__always)
    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) { try w.array(&self) }
}

extension Array: WireNullable where Element: WireValue {
    @inline(__always)
    public static func walkNullable<W: Walker & ~Copyable>(_ value: inout Self?, _ w: inout W) throws(WireError) {
        try w.nullableArray(&value)
    }
}

extension Optional: WireValue where Wrapped: WireNullable {
    @inline(__always)
    public static var wireDefault: Wrapped? { Wrapped.nullableDefault }

    @inline(__always)
    public mutating func walkValue<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try Wrapped.walkNullable(&self, &w)
    }
}
