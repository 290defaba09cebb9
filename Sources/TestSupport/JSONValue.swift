package import NIOCore

/// A JSON value that keeps what golden data needs: exact integers, the order of members, text compared by bytes.
package enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([(name: String, value: JSONValue)])
}

extension JSONValue {
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    package var isNull: Bool { if case .null = self { true } else { false } }

    package var object: [(name: String, value: JSONValue)]? {
        if case .object(let members) = self { members } else { nil }
    }

    package var int64: Int64? { if case .integer(let value) = self { value } else { nil } }
    package var int: Int? { int64.flatMap { Int(exactly: $0) } }
    package var int32: Int32? { int64.flatMap { Int32(exactly: $0) } }
    package var int16: Int16? { int64.flatMap { Int16(exactly: $0) } }

    package var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// A string of hexadecimal digits as bytes.
    package var hex: ByteBuffer? { string.flatMap { Hex.decode($0) } }

    /// The member of an object; nil when there is none or this is no object.
    package subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }
}

extension JSONValue: Equatable {
    /// Same structure, members in the same order, text equal byte by byte; 1 equals 1.0.
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null):
            true
        case (.bool(let left), .bool(let right)):
            left == right
        case (.integer(let left), .integer(let right)):
            left == right
        case (.integer, .number), (.number, .integer), (.number, .number):
            left.double == right.double
        case (.string(let left), .string(let right)):
            left.utf8.elementsEqual(right.utf8)
        case (.array(let left), .array(let right)):
            left == right
        case (.object(let left), .object(let right)):
            left.count == right.count
                && zip(left, right).allSatisfy { $0.name.utf8.elementsEqual($1.name.utf8) && $0.value == $1.value }
        default:
            false
        }
    }
}

extension JSONValue: CustomStringConvertible {
    package var description: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value): value.debugDescription
        case .array(let elements): "[" + elements.map(\.description).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { "\($0.name.debugDescription):\($0.value)" }.joined(separator: ",") + "}"
        }
    }
}

// MARK: - Parsing

extension JSONValue {
    package struct ParseError: Error, CustomStringConvertible {
        package var position: Int
        package var description: String { "not JSON at byte \(position)" }
    }

    package init(parsing bytes: [UInt8]) throws {
        var parser = Parser(bytes: bytes)
        self = try parser.value()
        parser.skipSpace()
        guard parser.isAtEnd else { throw ParseError(position: parser.position) }
    }

    private struct Parser {
        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool { position == bytes.count }
        var failure: ParseError { ParseError(position: position) }
        var current: UInt8 { position < bytes.count ? bytes[position] : 0 }

        mutating func skipSpace() {
            while position < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[position]) { position += 1 }
        }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            skipSpace()
            guard current == UInt8(ascii: character), !isAtEnd else { return false }
            position += 1
            return true
        }

        mutating func value() throws -> JSONValue {
            skipSpace()
            switch current {
            case UInt8(ascii: "{"): return try object()
            case UInt8(ascii: "["): return try array()
            case UInt8(ascii: "\""): return .string(try text())
            case UInt8(ascii: "t"): return try word("true", .bool(true))
            case UInt8(ascii: "f"): return try word("false", .bool(false))
            case UInt8(ascii: "n"): return try word("null", .null)
            default: return try number()
            }
        }

        mutating func word(_ word: String, _ value: JSONValue) throws -> JSONValue {
            let end = position + word.utf8.count
            guard end <= bytes.count, bytes[position..<end].elementsEqual(word.utf8) else { throw failure }
            position = end
            return value
        }

        mutating func number() throws -> JSONValue {
            let start = position
            while position < bytes.count, "+-0123456789.eE".utf8.contains(bytes[position]) { position += 1 }
            let text = String(decoding: bytes[start..<position], as: UTF8.self)
            if let integer = Int64(text) { return .integer(integer) }
            if let number = Double(text) { return .number(number) }
            throw failure
        }

        mutating func array() throws -> JSONValue {
            position += 1
            var elements: [JSONValue] = []
            if take("]") { return .array(elements) }
            repeat { elements.append(try value()) } while take(",")
            guard take("]") else { throw failure }
            return .array(elements)
        }

        mutating func object() throws -> JSONValue {
            position += 1
            var members: [(name: String, value: JSONValue)] = []
            if take("}") { return .object(members) }
            repeat {
                skipSpace()
                let name = try text()
                guard take(":") else { throw failure }
                members.append((name: name, value: try value()))
            } while take(",")
            guard take("}") else { throw failure }
            return .object(members)
        }

        mutating func text() throws -> String {
            guard current == UInt8(ascii: "\"") else { throw failure }
            position += 1
            var result: [UInt8] = []
            while current != UInt8(ascii: "\"") {
                guard !isAtEnd else { throw failure }
                if current == UInt8(ascii: "\\") {
                    try escape(into: &result)
                } else {
                    result.append(current)
                    position += 1
                }
            }
            position += 1
            return String(decoding: result, as: UTF8.self)
        }

        mutating func escape(into result: inout [UInt8]) throws {
            position += 1
            let kind = current
            position += 1
            switch kind {
            case UInt8(ascii: "n"): result.append(0x0a)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "r"): result.append(0x0d)
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0c)
            case UInt8(ascii: "u"):
                var unit = try hexUnit()
                if (0xd800..<0xdc00).contains(unit), current == UInt8(ascii: "\\") {
                    position += 2
                    let low = try hexUnit()
                    guard (0xdc00..<0xe000).contains(low) else { throw failure }
                    unit = 0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00)
                }
                guard let scalar = Unicode.Scalar(unit) else { throw failure }
                result.append(contentsOf: Array(String(Character(scalar)).utf8))
            default: result.append(kind)
            }
        }

        mutating func hexUnit() throws -> UInt32 {
            guard position + 4 <= bytes.count else { throw failure }
            let text = String(decoding: bytes[position..<position + 4], as: UTF8.self)
            guard let unit = UInt32(text, radix: 16) else { throw failure }
            position += 4
            return unit
        }
    }
}
