/// Who sets the timestamps of a batch's records.
public enum TimestampType: UInt8, Hashable, Sendable {
    /// The producer; each record has its own.
    case createTime = 0
    /// The broker; all records have the batch's maximum timestamp.
    case logAppendTime = 1
}

/// The attribute bits of a version 2 batch.
public struct BatchAttributes: RawRepresentable, Hashable, Sendable {
    public var rawValue: Int16

    public init(rawValue: Int16) {
        self.rawValue = rawValue
    }

    /// Attributes as a producer sets them.
    public init(
        codec: CompressionCodec = .none,
        timestampType: TimestampType = .createTime,
        isTransactional: Bool = false,
        isControl: Bool = false
    ) {
        rawValue = Int16(codec.rawValue)
        self.timestampType = timestampType
        self.isTransactional = isTransactional
        self.isControl = isControl
    }

    /// How the records are compressed; nil for a codec this code does not know.
    public var codec: CompressionCodec? {
        CompressionCodec(rawValue: Int8(truncatingIfNeeded: rawValue & Self.codecMask))
    }

    public var timestampType: TimestampType {
        get { rawValue & Self.timestampTypeBit == 0 ? .createTime : .logAppendTime }
        set { set(Self.timestampTypeBit, newValue == .logAppendTime) }
    }

    public var isTransactional: Bool {
        get { rawValue & Self.transactionalBit != 0 }
        set { set(Self.transactionalBit, newValue) }
    }

    public var isControl: Bool {
        get { rawValue & Self.controlBit != 0 }
        set { set(Self.controlBit, newValue) }
    }

    /// Whether the base timestamp field holds the time after which compaction may drop tombstones and markers.
    public var hasDeleteHorizon: Bool {
        get { rawValue & Self.deleteHorizonBit != 0 }
        set { set(Self.deleteHorizonBit, newValue) }
    }

    private mutating func set(_ bit: Int16, _ on: Bool) {
        if on { rawValue |= bit } else { rawValue &= ~bit }
    }

    static let codecMask: Int16 = 0x07
    static let timestampTypeBit: Int16 = 0x08
    static let transactionalBit: Int16 = 0x10
    static let controlBit: Int16 = 0x20
    static let deleteHorizonBit: Int16 = 0x40
}
