import Foundation
import NIOCore

/// Reads golden data: one JSON object per line.
enum Vector {
    static func lines<Line: Decodable>(_ path: String, as type: Line.Type = Line.self) throws -> [Line] {
        let decoder = JSONDecoder()
        return try data(path).split(separator: UInt8(ascii: "\n")).map { try decoder.decode(Line.self, from: Data($0)) }
    }

    static func data(_ path: String) throws -> Data {
        try Data(contentsOf: folder.appending(path: path))
    }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Vectors")
}

/// Bytes written as hexadecimal digits.
struct Hex: Decodable, Hashable {
    var buffer: ByteBuffer

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        var digits = text.utf8.makeIterator()
        buffer = ByteBufferAllocator().buffer(capacity: text.utf8.count / 2)
        while let high = digits.next() {
            guard let low = digits.next(), let first = Self.value(high), let second = Self.value(low) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "not hexadecimal")
            }
            buffer.writeInteger(first << 4 | second)
        }
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
