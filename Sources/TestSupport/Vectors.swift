import Foundation
package import NIOCore

/// Finds and reads the golden data in `Tests/Vectors`.
package enum Vectors {
    package struct Missing: Error, CustomStringConvertible {
        package var description: String
    }

    /// The folder `Tests/Vectors` of this package.
    package static let folder: String = {
        // .../Sources/TestSupport/Vectors.swift
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/") + "/Tests/Vectors"
    }()

    /// The bytes of a file, named relative to the folder: `protocol/FetchRequest.jsonl`.
    package static func data(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: folder + "/" + path) else {
            throw Missing(description: "no golden data at \(folder)/\(path)")
        }
        return [UInt8](data)
    }

    /// A whole file of JSON.
    package static func json(_ path: String) throws -> JSONValue {
        try JSONValue(parsing: try data(path))
    }

    /// A file with one JSON value on each line.
    package static func lines(_ path: String) throws -> [JSONValue] {
        var result: [JSONValue] = []
        for line in try data(path).split(separator: UInt8(ascii: "\n")) {
            result.append(try JSONValue(parsing: Array(line)))
        }
        return result
    }

    /// The names of the files in a folder, sorted.
    package static func files(in path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder + "/" + path).sorted()
    }
}

/// Bytes written as pairs of hexadecimal digits.
package enum Hex {
    package static func decode(_ text: String) -> ByteBuffer? {
        var digits: [UInt8] = []
        digits.reserveCapacity(text.utf8.count)
        for character in text.utf8 {
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digits.append(character - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digits.append(character - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digits.append(character - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            bytes.append(digits[index] << 4 | digits[index + 1])
        }
        return ByteBuffer(bytes: bytes)
    }

    package static func encode(_ buffer: ByteBuffer) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(buffer.readableBytes * 2)
        for byte in buffer.readableBytesView {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 0x0f)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
