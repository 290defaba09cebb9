/// Writes JSON as Jackson does: compact, with quotation marks, backslashes, control characters and what lies beyond
/// U+FFFF escaped.
struct JSONText {
    private(set) var bytes: [UInt8] = []

    mutating func raw(_ text: StaticString) {
        bytes.append(contentsOf: text.description.utf8)
    }

    mutating func member(_ name: StaticString, _ text: String) {
        self.name(name)
        string(text)
    }

    mutating func member(_ name: StaticString, _ number: Int64) {
        self.name(name)
        bytes.append(contentsOf: String(number).utf8)
    }

    mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            case "\u{8}": raw("\\b")
            case "\t": raw("\\t")
            case "\n": raw("\\n")
            case "\u{C}": raw("\\f")
            case "\r": raw("\\r")
            case _ where scalar.value < 0x20 || scalar.value > 0xFFFF:
                for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter { escape(unit) }
            default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func name(_ name: StaticString) {
        raw("\"")
        raw(name)
        raw("\":")
    }

    private mutating func escape(_ unit: UInt16) {
        raw("\\u")
        for shift in [12, 8, 4, 0] {
            let digit = UInt8(unit >> UInt16(shift) & 0xF)
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
        }
    }
}
