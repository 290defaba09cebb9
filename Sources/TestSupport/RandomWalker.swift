package import KafkaProtocol
package import NIOCore

/// Fills the fields that a version has with random values; the others keep their defaults.
package struct RandomWalker: Walker, ~Copyable {
    package let version: Int16
    package let isFlexible: Bool
    package static var refusesLoss: Bool { false }

    /// How many elements arrays may have.
    private let counts: ClosedRange<Int>
    private let hasNulls: Bool
    private var generator: SeededGenerator

    /// - Parameters:
    ///   - counts: How many elements arrays may have.
    ///   - hasNulls: Whether nullable fields are sometimes null.
    package init(
        seed: UInt64,
        version: Int16,
        isFlexible: Bool,
        counts: ClosedRange<Int> = 0...3,
        hasNulls: Bool = true
    ) {
        self.generator = SeededGenerator(seed: seed)
        self.version = version
        self.isFlexible = isFlexible
        self.counts = counts
        self.hasNulls = hasNulls
    }

    /// A message with random contents that `version` can carry.
    package static func message<M: KafkaMessage>(
        _ type: M.Type,
        version: Int16,
        seed: UInt64,
        counts: ClosedRange<Int> = 0...3,
        hasNulls: Bool = true
    ) throws(WireError) -> M {
        var walker = RandomWalker(
            seed: seed,
            version: version,
            isFlexible: version >= M.flexibleSince,
            counts: counts,
            hasNulls: hasNulls
        )
        var message = M()
        try walker.structure(&message)
        return message
    }
}

// MARK: - Values

extension RandomWalker {
    /// Small values, limits and anything between.
    private mutating func integer<I: FixedWidthInteger>() -> I {
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: 0
        case 1: I.min
        case 2: I.max
        case 3: I(truncatingIfNeeded: -1)
        default: I.random(in: I.min...I.max, using: &generator)
        }
    }

    private mutating func isNull() -> Bool {
        hasNulls && Int.random(in: 0..<4, using: &generator) == 0
    }

    private mutating func text() -> KafkaString {
        let alphabet = ["a", "topic", ".", "-", "\u{e9}", "e\u{301}", "\u{0}", "\u{1f600}", "\u{feff}", "x", "\u{7ff}"]
        // Lengths around 127 need a second byte of varint.
        let longest = Int.random(in: 0..<8, using: &generator) == 0 ? 160 : 6
        var text = ""
        for _ in 0..<Int.random(in: 0...longest, using: &generator) {
            text += alphabet.randomElement(using: &generator) ?? ""
        }
        return KafkaString(text)
    }

    private mutating func blob(_ longest: Int) -> ByteBuffer {
        let count = Int.random(in: 0...longest, using: &generator)
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        for _ in 0..<count { buffer.writeInteger(UInt8.random(in: 0...255, using: &generator)) }
        return buffer
    }
}

// MARK: - Walker

extension RandomWalker {
    package mutating func bool(_ value: inout Bool) throws(WireError) { value = Bool.random(using: &generator) }
    package mutating func int8(_ value: inout Int8) throws(WireError) { value = integer() }
    package mutating func int16(_ value: inout Int16) throws(WireError) { value = integer() }
    package mutating func uint16(_ value: inout UInt16) throws(WireError) { value = integer() }
    package mutating func int32(_ value: inout Int32) throws(WireError) { value = integer() }
    package mutating func int64(_ value: inout Int64) throws(WireError) { value = integer() }

    /// Success half of the time: what follows an error is seldom looked at.
    package mutating func errorCode(_ value: inout ErrorCode) throws(WireError) {
        var code: Int16 = 0
        if Bool.random(using: &generator) {
            code = Bool.random(using: &generator) ? integer() : Int16.random(in: -1...127, using: &generator)
        }
        value = ErrorCode(code)
    }

    package mutating func float64(_ value: inout Double) throws(WireError) {
        value = Double.random(in: -1e300...1e300, using: &generator)
    }

    package mutating func uuid(_ value: inout KafkaUUID) throws(WireError) {
        value = KafkaUUID(high: integer(), low: integer())
    }

    package mutating func string(_ value: inout KafkaString) throws(WireError) { value = text() }

    package mutating func nullableString(_ value: inout KafkaString?) throws(WireError) {
        value = isNull() ? nil : text()
    }

    package mutating func legacyString(_ value: inout KafkaString?) throws(WireError) {
        try nullableString(&value)
    }

    package mutating func bytes(_ value: inout ByteBuffer) throws(WireError) { value = blob(200) }

    package mutating func nullableBytes(_ value: inout ByteBuffer?) throws(WireError) {
        value = isNull() ? nil : blob(20)
    }

    /// Pieces shorter and longer than what the writer copies.
    package mutating func records(_ value: inout RecordData?) throws(WireError) {
        if isNull() {
            value = nil
        } else {
            var parts: [ByteBuffer] = []
            for longest in [40, 800, 0, 800].prefix(Int.random(in: 0...4, using: &generator)) {
                parts.append(blob(longest))
            }
            value = RecordData(parts: parts)
        }
    }

    package mutating func structure<Value: WireStruct>(_ value: inout Value) throws(WireError) {
        try value.walk(&self)
    }

    package mutating func nullableStructure<Value: WireStruct>(_ value: inout Value?) throws(WireError) {
        if isNull() {
            value = nil
        } else {
            var present = Value()
            try structure(&present)
            value = present
        }
    }

    package mutating func array<Element: WireValue>(_ value: inout [Element]) throws(WireError) {
        value = []
        for _ in 0..<Int.random(in: counts, using: &generator) {
            var element = Element.wireDefault
            try element.walkValue(&self)
            value.append(element)
        }
    }

    package mutating func nullableArray<Element: WireValue>(_ value: inout [Element]?) throws(WireError) {
        if isNull() {
            value = nil
        } else {
            var present: [Element] = []
            try array(&present)
            value = present
        }
    }

    package mutating func tagged(_ fields: (inout RandomWalker) throws(WireError) -> Void) throws(WireError) {
        try fields(&self)
    }

    package mutating func tag<Value: WireValue>(
        _ tag: UInt32,
        _ value: inout Value,
        _ name: StaticString,
        default: Value
    ) throws(WireError) {
        // Left at its default now and then, so that it is not written.
        if !isNull() { try value.walkValue(&self) }
    }
}
