/// The subject of a certificate in the form Kafka uses as a principal (RFC 2253, last attribute first).
struct DistinguishedName: CustomStringConvertible {
    let description: String

    /// Reads the subject out of a DER certificate; `nil` when it is not one.
    init?(subjectOf certificate: [UInt8]) {
        var outer = DERReader(certificate[...])
        guard var body = outer.enter(0x30).flatMap({ DERReader($0).entered(0x30) }) else { return nil }
        if body.peek == 0xA0 { body.skip() }
        // Serial number, signature algorithm, issuer, validity; then the subject.
        for _ in 0..<4 { body.skip() }
        guard let subject = body.enter(0x30) else { return nil }
        var names = DERReader(subject)
        var parts: [String] = []
        while let set = names.enter(0x31) {
            guard let pair = DERReader(set).entered(0x30).flatMap(Self.attribute) else { return nil }
            parts.append(pair)
        }
        self.description = parts.reversed().joined(separator: ",")
    }

    private static func attribute(_ reader: DERReader) -> String? {
        var reader = reader
        guard let type = reader.enter(0x06), let value = reader.enterAny() else { return nil }
        let names: [[UInt8]: String] = [
            [0x55, 4, 3]: "CN", [0x55, 4, 6]: "C", [0x55, 4, 7]: "L", [0x55, 4, 8]: "ST", [0x55, 4, 9]: "STREET",
            [0x55, 4, 10]: "O", [0x55, 4, 11]: "OU",
        ]
        let name = names[Array(type)] ?? type.map { String($0, radix: 16) }.joined(separator: ".")
        return "\(name)=\(self.escaped(String(decoding: value, as: UTF8.self)))"
    }

    private static func escaped(_ value: String) -> String {
        var result = ""
        for (index, character) in value.enumerated() {
            let isSpecial = ",+\"\\<>;".contains(character) || (index == 0 && "# ".contains(character))
            result += isSpecial ? "\\\(character)" : "\(character)"
        }
        return result
    }
}

/// Steps through DER elements without looking into more than it is asked for.
private struct DERReader {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
    }

    var peek: UInt8? { self.bytes.first }

    func entered(_ tag: UInt8) -> DERReader? {
        var copy = self
        return copy.enter(tag).map { DERReader($0) }
    }

    /// The content of the next element if it has this tag.
    mutating func enter(_ tag: UInt8) -> ArraySlice<UInt8>? {
        self.peek == tag ? self.enterAny() : nil
    }

    mutating func skip() {
        _ = self.enterAny()
    }

    mutating func enterAny() -> ArraySlice<UInt8>? {
        var rest = self.bytes.dropFirst()
        guard let first = rest.popFirst() else { return nil }
        var length = Int(first)
        if first >= 0x80 {
            guard first <= 0x84 else { return nil }
            length = 0
            for _ in 0..<(first & 0x7F) {
                guard let byte = rest.popFirst() else { return nil }
                length = length << 8 | Int(byte)
            }
        }
        guard length <= rest.count else { return nil }
        self.bytes = rest.dropFirst(length)
        return rest.prefix(length)
    }
}
