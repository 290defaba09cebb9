/// Why bytes are not the records they claim to be.
public struct RecordError: Error, Hashable, Sendable {
    /// What kind of damage was found.
    public enum Code: String, Sendable {
        /// The bytes end before the batch does.
        case truncated
        /// A length field contradicts the format.
        case length
        /// The format version is not 0, 1 or 2.
        case magic
        /// The checksum does not match.
        case crc
        /// The checksum is right, but what it covers makes no sense.
        case content
        /// The codec number is unknown, or no codec was supplied for it.
        case codec
        /// The compressed data cannot be decompressed.
        case compression
        /// Decompressing would give more bytes than allowed.
        case limit
        /// A record or batch does not fit into the size asked for.
        case tooLarge
        /// A caller asked for records that the format cannot express.
        case unrepresentable
    }

    /// The kind of damage.
    public var code: Code
    /// The offset of the batch or record, where it could be read.
    public var offset: Int64?
    /// One line for people.
    public var cause: String

    public init(_ code: Code, _ cause: String, offset: Int64? = nil) {
        self.code = code
        self.offset = offset
        self.cause = cause
    }

    func at(_ offset: Int64) -> RecordError {
        var error = self
        if error.offset == nil { error.offset = offset }
        return error
    }
}

extension RecordError: CustomStringConvertible {
    public var description: String {
        guard let offset else { return "\(code.rawValue): \(cause)" }
        return "\(code.rawValue) at offset \(offset): \(cause)"
    }
}
