public import NIOCore

/// New values for header fields of a batch whose records stay as they are.
///
/// Nil keeps a field. The checksum is patched, not computed again: a CRC is linear, so its change depends only on the
/// changed bits and on how many bytes follow. That takes about 0.2 us for any size, and a byte that was damaged on
/// the way still makes the checksum wrong for the next reader.
public struct BatchHeaderPatch: Hashable, Sendable {
    public var baseOffset: Int64?
    public var partitionLeaderEpoch: Int32?
    public var producer: ProducerFields?
    public var isTransactional: Bool?
    public var timestampType: TimestampType?
    public var maxTimestamp: Int64?

    /// The fields by which a broker recognises repeated batches.
    public struct ProducerFields: Hashable, Sendable {
        public var id: Int64
        public var epoch: Int16
        public var baseSequence: Int32

        public init(id: Int64, epoch: Int16, baseSequence: Int32) {
            self.id = id
            self.epoch = epoch
            self.baseSequence = baseSequence
        }

        /// A producer that is not idempotent.
        public static let none = ProducerFields(id: -1, epoch: -1, baseSequence: -1)
    }

    /// A patch that changes nothing.
    public init() {}

    /// What turns a fetched batch into one that a producer may send.
    public static func forwarding(
        producer: ProducerFields = .none,
        isTransactional: Bool = false
    ) -> BatchHeaderPatch {
        var patch = BatchHeaderPatch()
        patch.baseOffset = 0
        patch.partitionLeaderEpoch = -1
        patch.producer = producer
        patch.isTransactional = isTransactional
        return patch
    }

    /// What a broker sets when it appends a batch to its log.
    ///
    /// - Parameter logAppendTime: the time of a topic with `message.timestamp.type=LogAppendTime`; nil for the other
    ///   type, which is set in the batch whatever the producer said.
    public static func appending(
        at baseOffset: Int64,
        leaderEpoch: Int32,
        logAppendTime: Int64? = nil
    ) -> BatchHeaderPatch {
        var patch = BatchHeaderPatch()
        patch.baseOffset = baseOffset
        patch.partitionLeaderEpoch = leaderEpoch
        patch.timestampType = logAppendTime == nil ? .createTime : .logAppendTime
        patch.maxTimestamp = logAppendTime
        return patch
    }

    /// Appends the patched 61 bytes of `batch`'s header to `output`.
    public func writeHeader(of batch: RecordBatchView, into output: inout ByteBuffer) {
        var header = batch.header
        change(&header)
        header.crc ^= crcChange(from: batch.header, to: header, size: batch.sizeInBytes)
        header.append(to: &output)
    }

    /// The batch with a fresh header in front of the same records; nothing but the header is copied.
    public func apply(to batch: RecordBatchView) -> PatchedBatch {
        var header = ByteBufferAllocator().buffer(capacity: BatchHeader.size)
        writeHeader(of: batch, into: &header)
        return PatchedBatch(header: header, body: batch.recordsSection)
    }

    /// A copy of the whole batch with the patched header, in storage of its own.
    public func copy(of batch: RecordBatchView) -> ByteBuffer {
        var copy = ByteBufferAllocator().buffer(capacity: batch.sizeInBytes)
        writeHeader(of: batch, into: &copy)
        copy.writeImmutableBuffer(batch.recordsSection)
        return copy
    }

    private func change(_ header: inout BatchHeader) {
        if let baseOffset { header.baseOffset = baseOffset }
        if let partitionLeaderEpoch { header.partitionLeaderEpoch = partitionLeaderEpoch }
        if let producer {
            header.producerID = producer.id
            header.producerEpoch = producer.epoch
            header.baseSequence = producer.baseSequence
        }
        if let isTransactional { header.attributes.isTransactional = isTransactional }
        if let timestampType { header.attributes.timestampType = timestampType }
        if let maxTimestamp { header.maxTimestamp = maxTimestamp }
    }

    private func crcChange(from old: BatchHeader, to new: BatchHeader, size: Int) -> UInt32 {
        // Only these fields can change under the checksum; the record count and the records follow them.
        var difference = CheckedFields()
        difference.attributes = (old.attributes.rawValue ^ new.attributes.rawValue).bigEndian
        difference.maxTimestamp = (old.maxTimestamp ^ new.maxTimestamp).bigEndian
        difference.producerID = (old.producerID ^ new.producerID).bigEndian
        difference.producerEpoch = (old.producerEpoch ^ new.producerEpoch).bigEndian
        difference.baseSequence = (old.baseSequence ^ new.baseSequence).bigEndian
        return difference.crcChange(followedBy: size - CheckedFields.end)
    }
}

/// A batch in two pieces: the patched header and the records where they were.
public struct PatchedBatch: Hashable, Sendable {
    public var header: ByteBuffer
    public var body: ByteBuffer

    public var byteCount: Int { header.readableBytes + body.readableBytes }

    /// Both pieces as they are sent.
    public var parts: [ByteBuffer] { [header, body] }

    /// One contiguous copy.
    public func joined() -> ByteBuffer {
        var joined = ByteBufferAllocator().buffer(capacity: byteCount)
        joined.writeImmutableBuffer(header)
        joined.writeImmutableBuffer(body)
        return joined
    }
}
