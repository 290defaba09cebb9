import NIOCore

/// Prints a message for people: `FetchRequest v12 {MaxWaitMs: 500, Topics: [{Topic: orders, ...}], ...}`.
struct DescribeWalker: Walker, ~Copyable {
    let version: Int16
    let isFlexible: Bool
    static var refusesLoss: Bool { false }

    private(set) var text = ""
    private var isFirst = true

    init(version: Int16, isFlexible: Bool) {
        self.version = version
        self.isFlexible = isFlexible
    }
}

extension DescribeWalker {
    mutating func willVisit(_ name: StaticString) {
        if !isFirst { text += ", " }
        isFirst = false
        text += name.description
        text += ": "
    }

    private mutating func put(_ value: some CustomStringConvertible) { text += value.description }

    mutating func bool(_ value: inout Bool) throws(WireError) { put(value) }
    mutating func int8(_ value: inout Int8) throws(WireError) { put(value) }
    mutating func int16(_ value: inout Int16) throws(WireError) { put(value) }
    mutating func uint16(_ value: inout UInt16) throws(WireError) { put(value) }
    mutating func int32(_ value: inout Int32) throws(WireError) { put(value) }
    mutating func int64(_ value: inout Int64) throws(WireError) { put(value) }
    mutating func float64(_ value: inout Double) throws(WireError) { put(value) }
    mutating func uuid(_ value: inout KafkaUUID) throws(WireError) { put(value) }
    mutating func errorCode(_ value: inout ErrorCode) throws(WireError) { put(value) }
    mutating func string(_ value: inout KafkaString) throws(WireError) { text += value.string.debugDescription }

    mutating func nullableString(_ value: inout KafkaString?) throws(WireError) {
        text += value?.string.debugDescription ?? "null"
    }

    mutating func legacyString(_ value: inout KafkaString?) throws(WireError) { try nullableString(&value) }

    mutating func bytes(_ value: inout ByteBuffer) throws(WireError) { text += "<\(value.readableBytes) bytes>" }

    mutating func nullableBytes(_ value: inout ByteBuffer?) throws(WireError) {
        if var present = value { try bytes(&present) } else { text += "null" }
    }

    mutating func records(_ value: inout RecordData?) throws(WireError) {
        text += value.map { "<\($0.byteCount) bytes>" } ?? "null"
    }

    mutating func structure<Value: WireStruct>(_ value: inout Value) throws(WireError) {
        text += "{"
        isFirst = true
        try value.walk(&self)
        isFirst = false
        text += "}"
    }

    mutating func nullableStructure<Value: WireStruct>(_ value: inout Value?) throws(WireError) {
        if var present = value { try structure(&present) } else { text += "null" }
    }

    mutating func array<Element: WireValue>(_ value: inout [Element]) throws(WireError) {
        text += "["
        for (index, element) in value.enumerated() {
            var element = element
            if index > 0 { text += ", " }
            try element.walkValue(&self)
        }
        text += "]"
    }

    mutating func nullableArray<Element: WireValue>(_ value: inout [Element]?) throws(WireError) {
        if var present = value { try array(&present) } else { text += "null" }
    }

    mutating func tagged(_ fields: (inout DescribeWalker) throws(WireError) -> Void) throws(WireError) {
        try fields(&self)
    }

    mutating func tag<Value: WireValue>(
        _ tag: UInt32,
        _ value: inout Value,
        _ name: StaticString,
        default standard: Value
    ) throws(WireError) {
        guard value != standard else { return }
        willVisit(name)
        try value.walkValue(&self)
    }
}

extension KafkaMessage {
    /// The message as a line of text, with the names of Kafka's schema and the fields that `version` has.
    ///
    /// Shows sizes instead of the contents of byte fields and records: they may hold secrets and are long.
    public func describe(version: Int16) -> String {
        var copy = self
        var walker = DescribeWalker(version: version, isFlexible: version >= Self.flexibleSince)
        do throws(WireError) {
            try walker.structure(&copy)
            return "\(Self.self) v\(version) \(walker.text)"
        } catch {
            return "\(Self.self) v\(version) \(walker.text)... (\(error))"
        }
    }
}
