import KafkaProtocol
import NIOCore
import TestSupport
import Testing

/// Every stored property is visited by its struct's walk, in some version.
@Suite struct CompletenessTests {
    @Test func everyPropertyIsWalked() throws {
        var structs = 0
        for type in Messages.all {
            let (stored, visited) = try names(type)
            #expect(stored == visited, "\(type)")
            structs += stored.count
        }
        print("structs whose properties are all walked: \(structs)")
        #expect(structs > 200)
    }

    /// Names of stored properties and of visited fields in lower case, by struct.
    private func names<M: KafkaMessage>(
        _ type: M.Type
    ) throws -> (stored: [String: Set<String>], visited: [String: Set<String>]) {
        var stored: [String: Set<String>] = [:]
        var visited: [String: Set<String>] = [:]
        for version in M.supportedVersions {
            var message = try RandomWalker.message(
                M.self,
                version: version,
                seed: 1,
                counts: 1...1,
                hasNulls: false
            )
            var walker = NameWalker(version: version, isFlexible: version >= M.flexibleSince)
            try walker.structure(&message)
            stored.merge(walker.stored) { $0.union($1) }
            visited.merge(walker.visited) { $0.union($1) }
        }
        return (stored, visited)
    }
}

/// Notes what it visits.
private struct NameWalker: Walker, ~Copyable {
    let version: Int16
    let isFlexible: Bool
    static var refusesLoss: Bool { false }

    private(set) var stored: [String: Set<String>] = [:]
    private(set) var visited: [String: Set<String>] = [:]
    private var current = ""

    init(version: Int16, isFlexible: Bool) {
        self.version = version
        self.isFlexible = isFlexible
    }

    mutating func willVisit(_ name: StaticString) {
        visited[current, default: []].insert(name.description.lowercased())
    }

    mutating func structure<Value: WireStruct>(_ value: inout Value) throws(WireError) {
        let outer = current
        current = String(reflecting: Value.self)
        let labels = Swift.Mirror(reflecting: value).children.compactMap { $0.label?.lowercased() }
        stored[current, default: []].formUnion(labels)
        visited[current, default: []].formUnion([])
        try value.walk(&self)
        current = outer
    }

    mutating func nullableStructure<Value: WireStruct>(_ value: inout Value?) throws(WireError) {
        if var present = value { try structure(&present) }
    }

    mutating func array<Element: WireValue>(_ value: inout [Element]) throws(WireError) {
        for index in value.indices { try value[index].walkValue(&self) }
    }

    mutating func nullableArray<Element: WireValue>(_ value: inout [Element]?) throws(WireError) {
        if var present = value { try array(&present) }
    }

    mutating func tagged(_ fields: (inout NameWalker) throws(WireError) -> Void) throws(WireError) {
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

    mutating func bool(_ value: inout Bool) throws(WireError) {}
    mutating func int8(_ value: inout Int8) throws(WireError) {}
    mutating func int16(_ value: inout Int16) throws(WireError) {}
    mutating func uint16(_ value: inout UInt16) throws(WireError) {}
    mutating func int32(_ value: inout Int32) throws(WireError) {}
    mutating func int64(_ value: inout Int64) throws(WireError) {}
    mutating func float64(_ value: inout Double) throws(WireError) {}
    mutating func uuid(_ value: inout KafkaUUID) throws(WireError) {}
    mutating func string(_ value: inout KafkaString) throws(WireError) {}
    mutating func nullableString(_ value: inout KafkaString?) throws(WireError) {}
    mutating func legacyString(_ value: inout KafkaString?) throws(WireError) {}
    mutating func bytes(_ value: inout ByteBuffer) throws(WireError) {}
    mutating func nullableBytes(_ value: inout ByteBuffer?) throws(WireError) {}
    mutating func records(_ value: inout RecordData?) throws(WireError) {}
}
