#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Text as Kafka compares it: byte by byte.
///
/// Swift's `String` treats different Unicode spellings of the same text as equal; two topics whose names differ only
/// in that way would become one. This type keeps a `String` but compares, orders and hashes its UTF-8 bytes.
public struct KafkaString: Sendable {
    public var string: String

    @inlinable
    public init(_ string: String) {
        self.string = string
    }

    /// Whether there is no text.
    @inlinable
    public var isEmpty: Bool { string.isEmpty }

    @inlinable
    public var utf8: String.UTF8View { string.utf8 }
}

extension KafkaString: Hashable, Comparable {
    public static func == (left: KafkaString, right: KafkaString) -> Bool {
        let left = left.string.utf8
        let right = right.string.utf8
        guard left.count == right.count else { return false }
        // Byte by byte through iterators costs more than everything else that is done with a name.
        let isEqual = unsafe left.withContiguousStorageIfAvailable { left in
            unsafe right.withContiguousStorageIfAvailable { right in
                guard let first = left.baseAddress, let second = right.baseAddress else { return true }
                return unsafe memcmp(first, second, left.count) == 0
            }
        }
        return (isEqual ?? nil) ?? left.elementsEqual(right)
    }

    public static func < (left: KafkaString, right: KafkaString) -> Bool {
        left.string.utf8.lexicographicallyPrecedes(right.string.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        var copy = string
        copy.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // Keeps the ends of neighbouring strings apart.
        hasher.combine(0xff as UInt8)
    }
}

extension KafkaString: ExpressibleByStringInterpolation, CustomStringConvertible {
    @inlinable
    public init(stringLiteral value: String) {
        self.init(value)
    }

    public var description: String { string }
}
