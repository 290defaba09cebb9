/// How the records of a batch are compressed.
public enum CompressionCodec: Int8, CaseIterable, Hashable, Sendable {
    case none = 0
    case gzip = 1
    case snappy = 2
    case lz4 = 3
    case zstd = 4

    /// How many there are.
    static let count = 5

    /// Reads the name that Kafka's configurations use: `none`, `uncompressed`, `gzip`, `snappy`, `lz4` or `zstd`.
    public init?(name: String) {
        switch name {
        case "none", "uncompressed": self = .none
        case "gzip": self = .gzip
        case "snappy": self = .snappy
        case "lz4": self = .lz4
        case "zstd": self = .zstd
        default: return nil
        }
    }

    /// The name in Kafka's configurations.
    public var name: String {
        switch self {
        case .none: "none"
        case .gzip: "gzip"
        case .snappy: "snappy"
        case .lz4: "lz4"
        case .zstd: "zstd"
        }
    }
}

extension CompressionCodec: CustomStringConvertible {
    public var description: String { name }
}
