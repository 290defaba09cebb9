public import NIOCore

/// One element of fetched records: a batch of version 2 or a message of an older version.
public enum ScannedBatch: Sendable {
    case batch(RecordBatchView)
    case legacy(LegacyMessage)

    /// The last offset inside.
    public var lastOffset: Int64 {
        switch self {
        case .batch(let batch): batch.lastOffset
        case .legacy(let message): message.offset
        }
    }

    /// Where reading goes on after this element.
    public var nextOffset: Int64 { lastOffset &+ 1 }

    public var sizeInBytes: Int {
        switch self {
        case .batch(let batch): batch.sizeInBytes
        case .legacy(let message): message.sizeInBytes
        }
    }

    /// The format version.
    public var magic: Int8 {
        switch self {
        case .batch: BatchHeader.magic
        case .legacy(let message): message.magic
        }
    }

    /// Whether the stored checksum is that of the bytes.
    public func isValidCRC() -> Bool {
        switch self {
        case .batch(let batch): batch.isValidCRC()
        case .legacy(let message): message.isValidCRC()
        }
    }

    /// All records; decompresses where necessary.
    public func records(
        codecs: (any RecordCodecs)?,
        limit: Int = RecordLimits.decompressedBytes
    ) throws(RecordError) -> [Record] {
        switch self {
        case .batch(let batch): try batch.records(codecs: codecs, limit: limit)
        case .legacy(let message): try message.records(codecs: codecs, limit: limit)
        }
    }
}

/// Walks over fetched records of any format, batch by batch.
///
/// A fetch may cut off its last batch: the scanner stops in front of it and ``unreadBytes`` stays above zero. Bytes
/// that can never become a batch throw instead, and nothing after them can be trusted.
///
/// Each element is checked by itself: offsets lie outside the checksums, and whether they go on where the element
/// before ended is for the caller to judge, who knows the position.
public struct RecordBatchScanner: Sendable {
    private var rest: ByteBuffer
    private let checksCRC: Bool

    /// - Parameter checkCRCs: as the consumer property `check.crcs`; costs about 0.04 s per GB.
    public init(_ records: ByteBuffer, checkCRCs: Bool = true) {
        rest = records
        checksCRC = checkCRCs
    }

    /// The bytes not handed out; after the last element those of a batch that was cut off.
    public var unreadBytes: Int { rest.readableBytes }

    /// The next complete element, or nil at the end or in front of a cut-off batch.
    public mutating func next() throws(RecordError) -> ScannedBatch? {
        guard let (offset, length, magic) = front() else { return nil }
        guard length >= LegacyMessage.minimumLength else {
            throw RecordError(.length, "a batch has the length \(length)", offset: offset)
        }
        guard let magic else { return nil }
        guard (0...BatchHeader.magic).contains(magic) else {
            throw RecordError(.magic, "unknown format version \(magic)", offset: offset)
        }
        guard magic != BatchHeader.magic || Int(length) >= BatchHeader.size - BatchHeader.lengthOverhead else {
            throw RecordError(.length, "a batch has the length \(length)", offset: offset)
        }
        let size = Int(length) + BatchHeader.lengthOverhead
        guard size <= rest.readableBytes else { return nil }
        let element: ScannedBatch
        if magic == BatchHeader.magic {
            element = .batch(try RecordBatchView(rest, checkCRC: checksCRC))
        } else {
            element = .legacy(try LegacyMessage(rest))
            guard !checksCRC || element.isValidCRC() else {
                throw RecordError(.crc, "the checksum of \(size) bytes does not match", offset: offset)
            }
        }
        try Self.checkRange(element, from: offset)
        rest.moveReaderIndex(forwardBy: size)
        return element
    }

    /// Offset, length and, where that much is there, format version of the element in front.
    private func front() -> (offset: Int64, length: Int32, magic: Int8?)? {
        try? rest.withCursor { cursor throws(RecordError) in
            let offset = try cursor.integer(as: Int64.self)
            let length = try cursor.integer(as: Int32.self)
            guard cursor.remaining > 4 else { return (offset, length, nil) }
            try cursor.skip(4)
            return (offset, length, try cursor.integer(as: Int8.self))
        }
    }

    /// The last offset that the header of the element in front claims, for an element that is damaged; nil where it can
    /// not be read or makes no sense.
    public var lastOffsetInFront: Int64? {
        guard let first = rest.getInteger(at: rest.readerIndex, as: Int64.self), first >= 0,
            let length = rest.getInteger(at: rest.readerIndex &+ BatchHeader.Position.batchLength, as: Int32.self),
            length >= LegacyMessage.minimumLength, Int(length) + BatchHeader.lengthOverhead <= rest.readableBytes,
            let magic = rest.getInteger(at: rest.readerIndex &+ BatchHeader.Position.magic, as: Int8.self)
        else { return nil }
        guard magic == BatchHeader.magic else { return magic >= 0 && magic < BatchHeader.magic ? first : nil }
        guard Int(length) >= BatchHeader.size - BatchHeader.lengthOverhead,
            let delta = rest.getInteger(
                at: rest.readerIndex &+ BatchHeader.Position.lastOffsetDelta,
                as: Int32.self
            ), delta >= 0
        else { return nil }
        let (last, overflow) = first.addingReportingOverflow(Int64(delta))
        return overflow ? nil : last
    }

    /// Positions must move forward, or a reader would go round in circles.
    private static func checkRange(_ element: ScannedBatch, from offset: Int64) throws(RecordError) {
        guard offset >= 0, element.lastOffset >= offset, element.lastOffset < Int64.max else {
            throw RecordError(.content, "offsets from \(offset) to \(element.lastOffset)", offset: offset)
        }
    }
}
