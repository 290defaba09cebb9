public import NIOCore

/// Encodes records as a version 2 batch.
///
/// Appending never throws: what the format cannot express is reported by ``build(codecs:)``.
public struct RecordBatchBuilder: Sendable {
    /// The offset of the first record unless it was removed; record offsets count from here.
    public private(set) var baseOffset: Int64
    public var codec: CompressionCodec
    /// As in `compression.<codec>.level`; nil is the codec's default.
    public var level: Int?
    public var partitionLeaderEpoch: Int32 = -1
    public var producerID: Int64 = -1
    public var producerEpoch: Int16 = -1
    public var baseSequence: Int32 = -1
    public var isTransactional = false
    public var isControl = false
    /// Marks the batch as stamped by the broker at this time: consumers see it instead of the records' timestamps.
    public var logAppendTime: Int64?
    /// The batch's last offset where it is not that of the last record: after compaction.
    public var lastOffset: Int64?
    /// The maximum timestamp of a batch without records.
    public var emptyMaxTimestamp: Int64 = -1

    /// The number of records appended.
    public private(set) var count: Int32 = 0
    private let deleteHorizon: Int64?
    private var fixedBaseTimestamp: Int64?
    private var baseTimestamp: Int64 = -1
    private var maxTimestamp: Int64 = -1
    private var lastRecordOffset: Int64
    private var buffer: ByteBuffer
    private var failure: RecordError?

    /// - Parameters:
    ///   - baseOffset: 0 in what producers send.
    ///   - baseTimestamp: nil takes that of the first record, as Kafka's own builder does.
    ///   - deleteHorizon: takes the place of the base timestamp.
    ///   - capacity: the expected size of the uncompressed batch.
    public init(
        baseOffset: Int64 = 0,
        codec: CompressionCodec = .none,
        level: Int? = nil,
        baseTimestamp: Int64? = nil,
        deleteHorizon: Int64? = nil,
        capacity: Int = 512
    ) {
        self.baseOffset = baseOffset
        self.codec = codec
        self.level = level
        self.deleteHorizon = deleteHorizon
        fixedBaseTimestamp = deleteHorizon ?? baseTimestamp
        lastRecordOffset = baseOffset &- 1
        buffer = Self.emptyBuffer(capacity: capacity)
    }

    /// The bytes of the batch without compression.
    public var uncompressedSize: Int { buffer.readableBytes }

    /// The offset that the next record gets by default.
    public var nextOffset: Int64 { lastRecordOffset &+ 1 }

    /// Adds a record with the next offset.
    public mutating func append(
        timestamp: Int64,
        key: ByteBuffer?,
        value: ByteBuffer?,
        headers: [RecordHeader] = []
    ) {
        append(Record(offset: nextOffset, timestamp: timestamp, key: key, value: value, headers: headers))
    }

    /// Adds a record with its own offset, which must lie behind the one before it.
    public mutating func append(_ record: Record) {
        guard let deltas = deltas(offset: record.offset, timestamp: record.timestamp) else { return }
        let tailSize = Self.tailSize(record)
        write(deltas, attributes: 0, tailSize: tailSize) { sink in
            sink.nullable(record.key)
            sink.nullable(record.value)
            sink.varint(Int64(record.headers.count))
            for header in record.headers {
                sink.nullable(header.key)
                sink.nullable(header.value)
            }
        }
    }

    /// Adds records with their own offsets.
    public mutating func append(contentsOf records: some Sequence<Record>) {
        for record in records { append(record) }
    }

    /// Adds a record of another batch: new deltas before the same bytes.
    mutating func append(_ frame: RecordFrame, from cursor: borrowing ByteCursor, offset: Int64, timestamp: Int64) {
        guard let deltas = deltas(offset: offset, timestamp: timestamp) else { return }
        let cursor = copy cursor
        write(deltas, attributes: UInt8(bitPattern: frame.attributes), tailSize: frame.tail.count) { sink in
            unsafe cursor.withBytes(frame.tail) { unsafe sink.append($0) }
        }
    }

    /// The size that the batch would have, uncompressed, with one more record of another batch.
    func uncompressedSize(adding frame: RecordFrame, offset: Int64, timestamp: Int64) -> Int {
        let base = fixedBaseTimestamp ?? (count == 0 ? timestamp : baseTimestamp)
        let body = Self.bodySize((offset &- baseOffset, timestamp &- base), tailSize: frame.tail.count)
        return buffer.readableBytes + ByteSink.size(ofVarint: Int64(body)) + body
    }

    /// What has to be undone to take back the records appended since.
    struct Checkpoint {
        fileprivate var count: Int32
        fileprivate var baseTimestamp: Int64
        fileprivate var maxTimestamp: Int64
        fileprivate var lastRecordOffset: Int64
        fileprivate var writerIndex: Int
    }

    var checkpoint: Checkpoint {
        Checkpoint(
            count: count,
            baseTimestamp: baseTimestamp,
            maxTimestamp: maxTimestamp,
            lastRecordOffset: lastRecordOffset,
            writerIndex: buffer.writerIndex
        )
    }

    mutating func restore(_ checkpoint: Checkpoint) {
        count = checkpoint.count
        baseTimestamp = checkpoint.baseTimestamp
        maxTimestamp = checkpoint.maxTimestamp
        lastRecordOffset = checkpoint.lastRecordOffset
        buffer.moveWriterIndex(to: checkpoint.writerIndex)
        failure = nil
    }

    /// Finishes the batch; the builder is then empty and goes on with the next offset.
    ///
    /// - Parameter codecs: may be nil without compression.
    public mutating func build(codecs: (any RecordCodecs)? = nil) throws(RecordError) -> ByteBuffer {
        if let failure { throw failure }
        guard count > 0 || lastOffset != nil else {
            throw RecordError(.unrepresentable, "a batch needs a record or a last offset", offset: baseOffset)
        }
        var batch = Self.emptyBuffer(capacity: 0)
        swap(&batch, &buffer)
        if count > 0, codec != .none { batch = try compress(batch, codecs) }
        try finish(&batch)
        reset()
        return batch
    }

    private func compress(_ plain: ByteBuffer, _ codecs: (any RecordCodecs)?) throws(RecordError) -> ByteBuffer {
        guard let codecs else { throw RecordError(.codec, "\(codec) was asked for without a codec") }
        var records = plain
        records.moveReaderIndex(forwardBy: BatchHeader.size)
        var batch = Self.emptyBuffer(capacity: BatchHeader.size + records.readableBytes / 2)
        try codecs.compress(records, with: codec, level: level, into: &batch)
        return batch
    }

    private func finish(_ batch: inout ByteBuffer) throws(RecordError) {
        let header = try header(size: batch.readableBytes)
        header.set(in: &batch, at: batch.readerIndex)
        let crc = CRC32C.checksum(
            of: batch.readableSlice(BatchHeader.Position.attributes..<batch.readableBytes)
        )
        batch.setInteger(crc, at: batch.readerIndex + BatchHeader.Position.crc)
    }

    private func header(size: Int) throws(RecordError) -> BatchHeader {
        let end = lastOffset ?? lastRecordOffset
        guard let length = Int32(exactly: size - BatchHeader.lengthOverhead) else {
            throw RecordError(.tooLarge, "a batch of \(size) bytes", offset: baseOffset)
        }
        guard end >= lastRecordOffset,
            let lastOffsetDelta = Int32(exactly: end.subtractingReportingOverflow(baseOffset).partialValue),
            lastOffsetDelta >= 0
        else {
            throw RecordError(.unrepresentable, "a batch from \(baseOffset) to \(end)", offset: baseOffset)
        }
        var header = BatchHeader()
        header.baseOffset = baseOffset
        header.batchLength = length
        header.partitionLeaderEpoch = partitionLeaderEpoch
        header.attributes = BatchAttributes(
            codec: count > 0 ? codec : .none,
            timestampType: logAppendTime == nil ? .createTime : .logAppendTime,
            isTransactional: isTransactional,
            isControl: isControl
        )
        header.attributes.hasDeleteHorizon = deleteHorizon != nil
        header.lastOffsetDelta = lastOffsetDelta
        header.baseTimestamp = count > 0 ? baseTimestamp : deleteHorizon ?? -1
        header.maxTimestamp = logAppendTime ?? (count > 0 ? maxTimestamp : emptyMaxTimestamp)
        header.producerID = producerID
        header.producerEpoch = producerEpoch
        header.baseSequence = baseSequence
        header.recordCount = count
        return header
    }

    private mutating func reset() {
        baseOffset = max(lastOffset ?? lastRecordOffset, lastRecordOffset) &+ 1
        lastRecordOffset = baseOffset &- 1
        lastOffset = nil
        count = 0
        maxTimestamp = -1
        if deleteHorizon == nil { fixedBaseTimestamp = nil }
    }

    private typealias Deltas = (offset: Int64, timestamp: Int64)

    /// Also moves the state on to the new record.
    private mutating func deltas(offset: Int64, timestamp: Int64) -> Deltas? {
        let delta = offset.subtractingReportingOverflow(baseOffset)
        guard offset > lastRecordOffset, !delta.overflow, delta.partialValue <= Int64(Int32.max), count < Int32.max
        else {
            failure =
                failure
                ?? RecordError(
                    .unrepresentable,
                    "offset \(offset) after \(lastRecordOffset) in a batch from \(baseOffset)",
                    offset: offset
                )
            return nil
        }
        if count == 0 { baseTimestamp = fixedBaseTimestamp ?? timestamp }
        maxTimestamp = max(maxTimestamp, timestamp)
        lastRecordOffset = offset
        count &+= 1
        // Timestamps may lie further apart than an Int64 holds; readers add with the same wrapping.
        return (delta.partialValue, timestamp &- baseTimestamp)
    }

    private mutating func write(
        _ deltas: Deltas,
        attributes: UInt8,
        tailSize: Int,
        tail: (inout ByteSink) -> Void
    ) {
        let body = Self.bodySize(deltas, tailSize: tailSize)
        buffer.appendBytes(ByteSink.size(ofVarint: Int64(body)) + body) { sink in
            sink.varint(Int64(body))
            sink.byte(attributes)
            sink.varint(deltas.timestamp)
            sink.varint(deltas.offset)
            tail(&sink)
        }
    }

    private static func bodySize(_ deltas: Deltas, tailSize: Int) -> Int {
        1 + ByteSink.size(ofVarint: deltas.timestamp) + ByteSink.size(ofVarint: deltas.offset) + tailSize
    }

    private static func tailSize(_ record: Record) -> Int {
        var size = ByteSink.size(ofNullable: record.key) + ByteSink.size(ofNullable: record.value)
        size += ByteSink.size(ofVarint: Int64(record.headers.count))
        for header in record.headers {
            size += ByteSink.size(ofNullable: header.key) + ByteSink.size(ofNullable: header.value)
        }
        return size
    }

    /// A buffer that starts with room for the header.
    private static func emptyBuffer(capacity: Int) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: max(capacity, BatchHeader.size))
        buffer.writeRepeatingByte(0, count: BatchHeader.size)
        return buffer
    }
}
