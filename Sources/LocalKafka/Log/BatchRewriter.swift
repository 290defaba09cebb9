import KafkaProtocol
import KafkaRecords
import NIOCore

/// Makes new batches out of headers and records sections.
enum BatchRewriter {
    /// A batch with `section` as its records; length and checksum follow from the rest.
    static func batch(_ header: BatchHeader, section: ByteBuffer) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: BatchHeader.size + section.readableBytes)
        buffer.writeInteger(header.baseOffset)
        buffer.writeInteger(Int32(BatchHeader.size - 12 + section.readableBytes))
        buffer.writeInteger(header.partitionLeaderEpoch)
        buffer.writeInteger(BatchHeader.magic)
        buffer.writeInteger(UInt32(0))
        buffer.writeInteger(header.attributes.rawValue)
        buffer.writeInteger(header.lastOffsetDelta)
        buffer.writeInteger(header.baseTimestamp)
        buffer.writeInteger(header.maxTimestamp)
        buffer.writeInteger(header.producerID)
        buffer.writeInteger(header.producerEpoch)
        buffer.writeInteger(header.baseSequence)
        buffer.writeInteger(header.recordCount)
        buffer.writeImmutableBuffer(section)
        if let covered = buffer.getSlice(at: 21, length: buffer.readableBytes - 21) {
            buffer.setInteger(CRC32C.checksum(of: covered), at: 17)
        }
        return buffer
    }

    /// The batch as the topic's configs want it stored; mostly the very same bytes.
    static func adapt(
        _ batch: RecordBatchView,
        to rules: LogRules,
        now: Int64,
        codecs: (any RecordCodecs)?
    ) throws(Log.Refusal) -> RecordBatchView {
        if rules.isCompacted { try self.checkKeys(batch, codecs: codecs) }
        let wantsCodec = rules.codec ?? batch.codec
        let setsTime = rules.timestampType == .logAppendTime
        let resetsType = !setsTime && batch.timestampType == .logAppendTime
        guard setsTime || resetsType || wantsCodec != batch.codec else { return batch }

        var header = batch.header
        var section = batch.recordsSection
        do {
            if let codec = wantsCodec, codec != batch.codec {
                section = try self.recompress(batch, with: codec, codecs: codecs)
                header.attributes = BatchAttributes(rawValue: header.attributes.rawValue & ~7 | Int16(codec.rawValue))
            }
            header.attributes.timestampType = rules.timestampType
            if setsTime {
                header.maxTimestamp = now
            } else if resetsType {
                header.maxTimestamp = try self.largestTimestamp(batch, codecs: codecs)
            }
            return try RecordBatchView(self.batch(header, section: section))
        } catch {
            throw Log.Refusal(.corruptMessage, error.cause)
        }
    }

    private static func recompress(
        _ batch: RecordBatchView,
        with codec: CompressionCodec,
        codecs: (any RecordCodecs)?
    ) throws(RecordError) -> ByteBuffer {
        let plain = try self.plainSection(batch, codecs: codecs)
        guard codec != .none else { return plain }
        guard let codecs else { throw RecordError(.codec, "No codecs") }
        var output = ByteBuffer()
        try codecs.compress(plain, with: codec, level: nil, into: &output)
        return output
    }

    static func plainSection(
        _ batch: RecordBatchView,
        codecs: (any RecordCodecs)?
    ) throws(RecordError) -> ByteBuffer {
        guard let codec = batch.codec else { throw RecordError(.codec, "Unknown codec") }
        guard codec != .none else { return batch.recordsSection }
        guard let codecs else { throw RecordError(.codec, "No codecs") }
        return try codecs.decompress(batch.recordsSection, with: codec, limit: RecordLimits.decompressedBytes)
    }

    /// The timestamps of the records themselves, which the append-time bit hid.
    private static func largestTimestamp(
        _ batch: RecordBatchView,
        codecs: (any RecordCodecs)?
    ) throws(RecordError) -> Int64 {
        var header = batch.header
        header.attributes.timestampType = .createTime
        let view = try RecordBatchView(self.batch(header, section: batch.recordsSection))
        return try view.records(codecs: codecs).map(\.timestamp).max() ?? -1
    }

    /// A compacted topic takes no records without a key.
    private static func checkKeys(
        _ batch: RecordBatchView,
        codecs: (any RecordCodecs)?
    ) throws(Log.Refusal) {
        var bad: [Int32: String] = [:]
        do {
            var iterator = try RecordIterator(batch, codecs: codecs)
            var index: Int32 = 0
            while let record = try iterator.next() {
                if record.key == nil {
                    bad[index] = "Compacted topic cannot accept message without key in topic partition"
                }
                index += 1
            }
        } catch {
            throw Log.Refusal(.corruptMessage, error.cause)
        }
        guard bad.isEmpty else {
            throw Log.Refusal(
                .invalidRecord,
                "One or more records have been rejected due to \(bad.count) record errors in total",
                records: bad
            )
        }
    }
}
