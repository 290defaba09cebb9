import KafkaProtocol
import NIOCore
import TestSupport

/// Turns a message into the JSON of the golden data: schema names in schema order, hex for bytes.
///
/// The golden data lists tagged fields where the schema declares them, so members are compared by name (see
/// `sameFields`); everything else must match exactly.
struct JSONWalker: Walker, ~Copyable {
    let version: Int16
    let isFlexible: Bool
    static var refusesLoss: Bool { false }

    private(set) var result = JSONValue.null
    private var members: [(name: String, value: JSONValue)] = []
    private var name = ""
    private var isInStruct = false

    init(version: Int16, isFlexible: Bool) {
        self.version = version
        self.isFlexible = isFlexible
    }

    static func json<M: KafkaMessage>(of message: M, version: Int16) throws -> JSONValue {
        var copy = message
        var walker = JSONWalker(version: version, isFlexible: version >= M.flexibleSince)
        try walker.structure(&copy)
        return walker.result
    }

    private mutating func put(_ value: JSONValue) {
        result = value
    }

    /// Visits one value and returns what it became.
    private mutating func visit<Value: WireValue>(_ value: inout Value) throws(WireError) -> JSONValue {
        try value.walkValue(&self)
        return result
    }

    /// The value of the member that was announced last goes to its struct when the next one is announced.
    private mutating func flush() {
        if isInStruct { members.append((name: name, value: result)) }
        isInStruct = false
    }

    mutating func willVisit(_ name: StaticString) {
        flush()
        self.name = name.description
        isInStruct = true
    }

    mutating func bool(_ value: inout Bool) throws(WireError) { put(.bool(value)) }
    mutating func int8(_ value: inout Int8) throws(WireError) { put(.integer(Int64(value))) }
    mutating func int16(_ value: inout Int16) throws(WireError) { put(.integer(Int64(value))) }
    mutating func uint16(_ value: inout UInt16) throws(WireError) { put(.integer(Int64(value))) }
    mutating func int32(_ value: inout Int32) throws(WireError) { put(.integer(Int64(value))) }
    mutating func int64(_ value: inout Int64) throws(WireError) { put(.integer(value)) }
    mutating func float64(_ value: inout Double) throws(WireError) { put(.number(value)) }
    mutating func uuid(_ value: inout KafkaUUID) throws(WireError) { put(.string(Self.dashed(value))) }
    mutating func string(_ value: inout KafkaString) throws(WireError) { put(.string(value.string)) }

    mutating func nullableString(_ value: inout KafkaString?) throws(WireError) {
        put(value.map { .string($0.string) } ?? .null)
    }

    mutating func legacyString(_ value: inout KafkaString?) throws(WireError) { try nullableString(&value) }
    mutating func bytes(_ value: inout ByteBuffer) throws(WireError) { put(.string(Hex.encode(value))) }

    mutating func nullableBytes(_ value: inout ByteBuffer?) throws(WireError) {
        put(value.map { .string(Hex.encode($0)) } ?? .null)
    }

    mutating func records(_ value: inout RecordData?) throws(WireError) {
        put(value.map { .string(Hex.encode($0.joined())) } ?? .null)
    }

    mutating func structure<Value: WireStruct>(_ value: inout Value) throws(WireError) {
        let outer = (members, name, isInStruct)
        members = []
        isInStruct = false
        try value.walk(&self)
        flush()
        put(.object(members))
        (members, name, isInStruct) = outer
    }

    mutating func nullableStructure<Value: WireStruct>(_ value: inout Value?) throws(WireError) {
        if var present = value { try structure(&present) } else { put(.null) }
    }

    mutating func array<Element: WireValue>(_ value: inout [Element]) throws(WireError) {
        var elements: [JSONValue] = []
        for index in value.indices { elements.append(try visit(&value[index])) }
        put(.array(elements))
    }

    mutating func nullableArray<Element: WireValue>(_ value: inout [Element]?) throws(WireError) {
        if var present = value { try array(&present) } else { put(.null) }
    }

    mutating func tagged(_ fields: (inout JSONWalker) throws(WireError) -> Void) throws(WireError) {
        try fields(&self)
    }

    mutating func tag<Value: WireValue>(
        _ tag: UInt32,
        _ value: inout Value,
        _ name: StaticString,
        default: Value
    ) throws(WireError) {
        willVisit(name)
        try value.walkValue(&self)
    }

    private static func dashed(_ uuid: KafkaUUID) -> String {
        var bytes = ByteBuffer()
        bytes.writeInteger(uuid.high)
        bytes.writeInteger(uuid.low)
        let hex = Array(Hex.encode(bytes))
        let groups = [hex[0..<8], hex[8..<12], hex[12..<16], hex[16..<20], hex[20..<32]]
        return groups.map { String($0) }.joined(separator: "-")
    }
}

extension JSONValue {
    /// Equal, except that members may come in another order.
    func sameFields(as other: JSONValue) -> Bool {
        switch (self, other) {
        case (.object(let left), .object(let right)):
            guard left.count == right.count else { return false }
            return left.allSatisfy { member in
                guard let value = other[member.name] else { return false }
                return member.value.sameFields(as: value)
            }
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.sameFields(as: $1) }
        default:
            return self == other
        }
    }
}
