/// Why the bytes of one of MirrorMaker's own records cannot be read.
package struct MirrorRecordError: Error, Equatable {
    package let reason: String
}

/// Reads the big-endian fields of MirrorMaker's own records; bytes after the last field are left alone.
struct MirrorRecordReader {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)[...]
    }

    mutating func integer<I: FixedWidthInteger>(_: I.Type = I.self) throws(MirrorRecordError) -> I {
        let size = I.bitWidth / 8
        guard bytes.count >= size else { throw MirrorRecordError(reason: "ends in a number") }
        var value: I = 0
        for byte in bytes.prefix(size) { value = value << 8 | I(truncatingIfNeeded: byte) }
        bytes = bytes.dropFirst(size)
        return value
    }

    mutating func string() throws(MirrorRecordError) -> String {
        let length = Int(try integer(Int16.self))
        guard length >= 0, bytes.count >= length else { throw MirrorRecordError(reason: "ends in a text") }
        guard let text = String(validating: bytes.prefix(length), as: UTF8.self) else {
            throw MirrorRecordError(reason: "holds a text that is not UTF-8")
        }
        bytes = bytes.dropFirst(length)
        return text
    }

    mutating func expectVersion(_ version: Int16) throws(MirrorRecordError) {
        // The version is there to be read, not to be enforced: later versions only append.
        let found = try integer(Int16.self)
        guard found >= version else { throw MirrorRecordError(reason: "has version \(found)") }
    }
}

extension [UInt8] {
    mutating func append(bigEndian value: some FixedWidthInteger) {
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func append(string text: String) throws(MirrorRecordError) {
        guard let length = Int16(exactly: text.utf8.count) else {
            throw MirrorRecordError(reason: "has a text of \(text.utf8.count) bytes, more than 32767")
        }
        append(bigEndian: length)
        append(contentsOf: text.utf8)
    }
}
