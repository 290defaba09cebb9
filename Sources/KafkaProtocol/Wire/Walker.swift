public import NIOCore

/// Something that visits the fields of a message in wire order.
///
/// Every message describes its layout once, in its `walk`; a walker gives that description a meaning: read the
/// fields, measure them, write them, print them, fill them with random values. Compact lengths, unknown tagged fields
/// and the ends of structs are the walker's business, so message bodies never mention them.
///
/// Messages call the walker itself, once per field:
///
///     try w(&throttleTimeMs, "ThrottleTimeMs", since: 1, ignorable: true)
public protocol Walker: ~Copyable {
    /// The version of the message being walked.
    var version: Int16 { get }

    /// Whether this version has compact lengths and tagged fields (KIP-482).
    var isFlexible: Bool { get }

    /// Whether values that the version cannot carry are an error; true for walkers that lead to bytes.
    static var refusesLoss: Bool { get }

    /// Announces the field whose value is visited next.
    mutating func willVisit(_ name: StaticString)

    mutating func bool(_ value: inout Bool) throws(WireError)
    mutating func int8(_ value: inout Int8) throws(WireError)
    mutating func int16(_ value: inout Int16) throws(WireError)
    mutating func uint16(_ value: inout UInt16) throws(WireError)
    mutating func int32(_ value: inout Int32) throws(WireError)
    mutating func int64(_ value: inout Int64) throws(WireError)
    mutating func float64(_ value: inout Double) throws(WireError)
    mutating func uuid(_ value: inout KafkaUUID) throws(WireError)
    mutating func errorCode(_ value: inout ErrorCode) throws(WireError)
    mutating func string(_ value: inout KafkaString) throws(WireError)
    mutating func nullableString(_ value: inout KafkaString?) throws(WireError)

    /// A nullable string that keeps its 16-bit length in flexible versions: the client id of the request header.
    mutating func legacyString(_ value: inout KafkaString?) throws(WireError)
    mutating func bytes(_ value: inout ByteBuffer) throws(WireError)
    mutating func nullableBytes(_ value: inout ByteBuffer?) throws(WireError)
    mutating func records(_ value: inout RecordData?) throws(WireError)
    mutating func structure<Value: WireStruct>(_ value: inout Value) throws(WireError)
    mutating func nullableStructure<Value: WireStruct>(_ value: inout Value?) throws(WireError)
    mutating func array<Element: WireValue>(_ value: inout [Element]) throws(WireError)
    mutating func nullableArray<Element: WireValue>(_ value: inout [Element]?) throws(WireError)

    /// The tagged fields of a struct, always its last part; `fields` calls `tag` for each that is known.
    mutating func tagged(_ fields: (inout Self) throws(WireError) -> Void) throws(WireError)

    /// One tagged field that exists in this version; on the wire only when its value is not the default.
    mutating func tag<Value: WireValue>(
        _ tag: UInt32,
        _ value: inout Value,
        _ name: StaticString,
        default: Value
    ) throws(WireError)
}

extension Walker where Self: ~Copyable {
    @inline(__always)
    public mutating func errorCode(_ value: inout ErrorCode) throws(WireError) {
        try int16(&value.rawValue)
    }

    @inline(__always)
    public mutating func willVisit(_ name: StaticString) {}
}

// MARK: - What messages call

extension Walker where Self: ~Copyable {
    /// Visits a field, if it exists in this version.
    ///
    /// - Parameters:
    ///   - since: First version with the field.
    ///   - until: Last version with it.
    ///   - ignorable: Whether a value is dropped silently when the version lacks the field; otherwise writing anything
    ///     but the default is an error.
    ///   - default: The schema's default where it is not zero, empty or false.
    @inline(__always)
    public mutating func callAsFunction<Value: WireValue>(
        _ value: inout Value,
        _ name: StaticString,
        since: Int16 = 0,
        until: Int16 = .max,
        ignorable: Bool = false,
        default standard: @autoclosure () -> Value = Value.wireDefault
    ) throws(WireError) {
        if version >= since && version <= until {
            willVisit(name)
            try value.walkValue(&self)
        } else if Self.refusesLoss && !ignorable && value != standard() {
            throw lossError(name)
        }
    }

    /// Visits a field that is nullable in a part of its versions only.
    @inline(__always)
    public mutating func callAsFunction<Value: WireNullable>(
        _ value: inout Value?,
        _ name: StaticString,
        since: Int16 = 0,
        until: Int16 = .max,
        nullableSince: Int16,
        ignorable: Bool = false,
        default standard: @autoclosure () -> Value? = Value.nullableDefault
    ) throws(WireError) {
        if version >= since && version <= until {
            willVisit(name)
            if version >= nullableSince {
                try Value.walkNullable(&value, &self)
            } else {
                if Self.refusesLoss && value == nil {
                    throw WireError(.unexpectedNull, name: name.description, version: version)
                }
                var present: Value = value ?? Value.wireDefault
                try present.walkValue(&self)
                value = present
            }
        } else if Self.refusesLoss && !ignorable && value != standard() {
            throw lossError(name)
        }
    }

    /// Visits a tagged field, if it exists in this version; called inside `tagged` only.
    @inline(__always)
    public mutating func callAsFunction<Value: WireValue>(
        tag number: UInt32,
        _ value: inout Value,
        _ name: StaticString,
        since: Int16 = 0,
        ignorable: Bool = false,
        default standard: @autoclosure () -> Value = Value.wireDefault
    ) throws(WireError) {
        if version >= since && isFlexible {
            try tag(number, &value, name, default: standard())
        } else if Self.refusesLoss && !ignorable && value != standard() {
            throw lossError(name)
        }
    }

    @inline(never)
    func lossError(_ name: StaticString) -> WireError {
        WireError(.unsupportedField, name: name.description, version: version)
    }
}
