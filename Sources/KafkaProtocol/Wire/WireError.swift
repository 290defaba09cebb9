/// Why bytes are not the message they should be, or why a message cannot be written in a version.
public struct WireError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: String, Hashable, Sendable {
        /// The message ends before its last field.
        case truncated
        /// A length or count is negative where no null is allowed, or cannot fit into what remains.
        case invalidLength
        /// A field that must be there is null.
        case unexpectedNull
        /// A string is not UTF-8.
        case invalidUTF8
        /// A variable-length integer has too many bytes.
        case varintOverflow
        /// A tagged field is shorter or longer than its size says.
        case taggedFieldSize
        /// Bytes follow the message.
        case trailingBytes
        /// The message does not exist in this version.
        case unsupportedVersion
        /// A field has a value that this version cannot carry and that must not be dropped.
        case unsupportedField
        /// A string, byte field or array is too long for its length field.
        case tooLong
    }

    /// What went wrong.
    public var code: Code

    /// Bytes from the start of the message up to the place; 0 for messages that were not written.
    public var position: Int

    /// The field's or message's name in Kafka's schema, where one is known.
    public var name: String

    /// The version of the message.
    public var version: Int16

    public init(_ code: Code, at position: Int = 0, name: String = "", version: Int16) {
        self.code = code
        self.position = position
        self.name = name
        self.version = version
    }

    public var description: String {
        let place = name.isEmpty ? "byte \(position)" : "\(name) (byte \(position))"
        return "\(code.rawValue) at \(place) in version \(version)"
    }
}
