import KafkaProtocol
import NIOCore

/// The header in front of every request.
struct RequestFrame {
    var apiKey: ApiKey
    var version: Int16
    var correlationID: Int32
    var clientID: String?

    /// Reads the header, whose own version follows from the API and version in it.
    ///
    /// - Returns: `nil` for a malformed header.
    init?(_ buffer: inout ByteBuffer, flexibleSince: (ApiKey) -> Int16?) {
        guard
            let (key, version, correlation) = buffer.readMultipleIntegers(as: (Int16, Int16, Int32).self)
        else { return nil }
        self.apiKey = ApiKey(rawValue: key)
        self.version = version
        self.correlationID = correlation
        guard let length = buffer.readInteger(as: Int16.self) else { return nil }
        if length >= 0 {
            guard let text = buffer.readString(length: Int(length)) else { return nil }
            self.clientID = text
        }
        guard let flexible = flexibleSince(self.apiKey), version >= flexible else { return }
        guard let count = Self.readUnsignedVarint(&buffer) else { return nil }
        for _ in 0..<count {
            guard
                Self.readUnsignedVarint(&buffer) != nil,
                let size = Self.readUnsignedVarint(&buffer),
                size <= buffer.readableBytes
            else { return nil }
            buffer.moveReaderIndex(forwardBy: size)
        }
    }

    private static func readUnsignedVarint(_ buffer: inout ByteBuffer) -> Int? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 35, by: 7) {
            guard let byte = buffer.readInteger(as: UInt8.self) else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value <= UInt64(UInt32.max) ? Int(value) : nil }
        }
        return nil
    }
}
