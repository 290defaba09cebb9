/// A 128-bit identifier: of topics, directories, members and incarnations.
public struct KafkaUUID: Hashable, Sendable {
    /// The first eight bytes, big-endian.
    public var high: UInt64

    /// The last eight bytes, big-endian.
    public var low: UInt64

    /// What Kafka sends when there is no identifier.
    public static let zero = KafkaUUID(high: 0, low: 0)

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A random identifier (version 4), none that Kafka reserves and none that begins with a dash.
    public static func random() -> KafkaUUID {
        var generator = SystemRandomNumberGenerator()
        return random(using: &generator)
    }

    /// A random identifier from the given source of randomness.
    public static func random<Generator: RandomNumberGenerator>(using generator: inout Generator) -> KafkaUUID {
        while true {
            let high = generator.next() & 0xffff_ffff_ffff_0fff | 0x4000
            let low = generator.next() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
            // 62 is the dash of base64url: a leading one upsets command lines.
            if high >> 58 != 62 { return KafkaUUID(high: high, low: low) }
        }
    }
}

// MARK: - Text

extension KafkaUUID: CustomStringConvertible {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// Kafka's form: 22 characters of base64url.
    public var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(22)
        for index in 0..<22 { text.append(Self.alphabet[Int(sextet(index))]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Six bits, counted from the front; the last two bits of the identifier are followed by four zeros.
    private func sextet(_ index: Int) -> UInt64 {
        let end = index * 6 + 6
        if end <= 64 { return high >> UInt64(64 - end) & 0x3f }
        if end <= 70 { return (high << UInt64(end - 64) | low >> UInt64(128 - end)) & 0x3f }
        if end <= 128 { return low >> UInt64(128 - end) & 0x3f }
        return low << UInt64(end - 128) & 0x3f
    }

    /// Reads Kafka's form; nil for anything else.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 22 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            guard let position = Self.alphabet.firstIndex(of: byte) else { return nil }
            let value = UInt64(position)
            let end = index * 6 + 6
            if end <= 64 {
                high |= value << UInt64(64 - end)
            } else if end <= 70 {
                high |= value >> UInt64(end - 64)
                low |= value << UInt64(128 - end)
            } else if end <= 128 {
                low |= value << UInt64(128 - end)
            } else {
                guard value & 0x0f == 0 else { return nil }
                low |= value >> UInt64(end - 128)
            }
        }
        self.init(high: high, low: low)
    }
}
