import NIOCore

/// The fixed fields at the start of a version 2 batch.
///
/// The base offset, the length and the leader epoch lie outside the checksum; everything after it is covered.
public struct BatchHeader: Hashable, Sendable {
    public var baseOffset: Int64 = 0
    /// The number of bytes after this field.
    public var batchLength: Int32 = 0
    public var partitionLeaderEpoch: Int32 = -1
    public var crc: UInt32 = 0
    public var attributes = BatchAttributes()
    public var lastOffsetDelta: Int32 = 0
    /// The timestamp that record deltas count from, or the delete horizon.
    public var baseTimestamp: Int64 = -1
    public var maxTimestamp: Int64 = -1
    public var producerID: Int64 = -1
    public var producerEpoch: Int16 = -1
    public var baseSequence: Int32 = -1
    public var recordCount: Int32 = 0

    /// The format version, always 2.
    public static let magic: Int8 = 2
    /// The bytes that the header takes.
    public static let size = 61

    public init() {}

    init(from cursor: inout ByteCursor) throws(RecordError) {
        baseOffset = try cursor.integer()
        batchLength = try cursor.integer()
        partitionLeaderEpoch = try cursor.integer()
        try cursor.skip(1)
        crc = try cursor.integer()
        attributes = BatchAttributes(rawValue: try cursor.integer())
        lastOffsetDelta = try cursor.integer()
        baseTimestamp = try cursor.integer()
        maxTimestamp = try cursor.integer()
        producerID = try cursor.integer()
        producerEpoch = try cursor.integer()
        baseSequence = try cursor.integer()
        recordCount = try cursor.integer()
    }

    /// Writes the 61 bytes at `index`, as they are: length and checksum are not computed.
    func set(in buffer: inout ByteBuffer, at index: Int) {
        let end = buffer.writerIndex
        buffer.moveWriterIndex(to: index)
        append(to: &buffer)
        buffer.moveWriterIndex(to: end)
    }

    /// Appends the 61 bytes.
    func append(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(baseOffset, batchLength, partitionLeaderEpoch, Self.magic, crc)
        buffer.writeMultipleIntegers(attributes.rawValue, lastOffsetDelta, baseTimestamp, maxTimestamp)
        buffer.writeMultipleIntegers(producerID, producerEpoch, baseSequence, recordCount)
    }

    /// Where fields lie in a batch.
    enum Position {
        static let batchLength = 8
        static let partitionLeaderEpoch = 12
        static let magic = 16
        static let crc = 17
        /// The first byte under the checksum.
        static let attributes = 21
        static let lastOffsetDelta = 23
    }

    /// The bytes before the ones that `batchLength` counts.
    static let lengthOverhead = 12
}
