import Foundation
package import NIOCore

extension Vectors {
    /// A file with one JSON object on each line, as values of a type that names the members it wants.
    package static func lines<Line: Decodable>(_ path: String, as type: Line.Type) throws -> [Line] {
        let decoder = JSONDecoder()
        return try data(path).split(separator: UInt8(ascii: "\n")).map { try decoder.decode(Line.self, from: Data($0)) }
    }
}

/// Bytes that golden data writes as hexadecimal digits.
package struct HexBytes: Decodable, Hashable, Sendable {
    package var buffer: ByteBuffer

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let buffer = Hex.decode(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not hexadecimal")
        }
        self.buffer = buffer
    }
}
