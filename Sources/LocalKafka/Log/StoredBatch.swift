package import KafkaRecords
package import NIOCore

/// One batch in a log: the produced bytes and the offsets that the log has given them.
///
/// The bytes stay where they were received; base offset and leader epoch, which lie outside the checksum, are kept in
/// ``header`` and put in front when the batch is read.
package struct StoredBatch {
    /// The header as readers shall see it.
    package private(set) var header: BatchHeader
    private var bytes: ByteBuffer
    /// Where the batch begins in its segment file.
    var position = 0
    /// The first bytes of ``bytes`` are not those of ``header`` and have to be replaced.
    private var isPrefixStale: Bool

    /// Base offset, length and leader epoch.
    static let prefixSize = 16
    /// Batches below this are copied: a slice would cost more than it saves and would hold on to a whole request.
    private static let copyLimit = 1024

    /// Keeps `view` with its offsets moved to `baseOffset`.
    init(_ view: RecordBatchView, baseOffset: Int64, leaderEpoch: Int32) {
        self.header = view.header
        self.header.baseOffset = baseOffset
        self.header.partitionLeaderEpoch = leaderEpoch
        self.bytes = view.buffer
        self.isPrefixStale =
            view.baseOffset != baseOffset || view.partitionLeaderEpoch != leaderEpoch
        if self.isPrefixStale, view.sizeInBytes < Self.copyLimit {
            var copy = ByteBufferAllocator().buffer(capacity: view.sizeInBytes)
            copy.writeImmutableBuffer(view.buffer)
            copy.setInteger(baseOffset, at: 0)
            copy.setInteger(leaderEpoch, at: 12)
            self.bytes = copy
            self.isPrefixStale = false
        }
    }

    /// Keeps a message of an old format, whose bytes hold its offset already.
    ///
    /// - Parameter baseOffset: where the offsets of a wrapper begin, as far as it is known without looking inside.
    init(_ message: LegacyMessage, baseOffset: Int64) {
        var header = BatchHeader()
        header.baseOffset = min(max(baseOffset, message.offset - Int64(Int32.max)), message.offset)
        header.lastOffsetDelta = Int32(clamping: message.offset - header.baseOffset)
        header.attributes.timestampType = message.timestampType ?? .createTime
        header.baseTimestamp = message.timestamp
        header.maxTimestamp = message.timestamp
        self.header = header
        self.bytes = message.buffer
        self.isPrefixStale = false
    }

    package var baseOffset: Int64 { self.header.baseOffset }
    package var lastOffset: Int64 { self.header.baseOffset + Int64(self.header.lastOffsetDelta) }
    package var leaderEpoch: Int32 { self.header.partitionLeaderEpoch }
    package var maxTimestamp: Int64 { self.header.maxTimestamp }
    package var size: Int { self.bytes.readableBytes }

    /// Appends the batch's bytes to a gather list, with new prefixes from `prefixes`.
    func gather(into parts: inout [ByteBuffer]) {
        guard self.isPrefixStale else {
            parts.append(self.bytes)
            return
        }
        var prefix = ByteBufferAllocator().buffer(capacity: Self.prefixSize)
        prefix.writeMultipleIntegers(self.header.baseOffset, self.header.batchLength, self.header.partitionLeaderEpoch)
        parts.append(prefix)
        if let rest = self.bytes.getSlice(
            at: self.bytes.readerIndex + Self.prefixSize,
            length: self.bytes.readableBytes - Self.prefixSize
        ) {
            parts.append(rest)
        }
    }

    /// The batch in one buffer, as a reader sees it.
    package func joined() -> ByteBuffer {
        guard self.isPrefixStale else { return self.bytes }
        var copy = ByteBufferAllocator().buffer(capacity: self.size)
        copy.writeImmutableBuffer(self.bytes)
        copy.setInteger(self.header.baseOffset, at: 0)
        copy.setInteger(self.header.partitionLeaderEpoch, at: 12)
        return copy
    }

    /// The batch as a view; `nil` for an old format, or if its bytes were damaged after they were checked.
    package var view: RecordBatchView? { try? RecordBatchView(self.joined()) }

    /// All records, of any format.
    package func records(codecs: (any RecordCodecs)?) throws(RecordError) -> [Record] {
        var scanner = RecordBatchScanner(self.joined(), checkCRCs: false)
        return try scanner.next()?.records(codecs: codecs) ?? []
    }
}
