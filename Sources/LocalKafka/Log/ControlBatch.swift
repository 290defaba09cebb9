import KafkaRecords
package import NIOCore

/// Control batches, which brokers write to end transactions.
package enum ControlBatch {
    /// A batch with one COMMIT or ABORT marker, base offset 0 and leader epoch -1.
    package static func transactionEnd(
        producerID: Int64,
        producerEpoch: Int16,
        coordinatorEpoch: Int32,
        isCommit: Bool,
        timestamp: Int64
    ) -> ByteBuffer {
        var record = ByteBuffer()
        // Attributes, timestamp delta, offset delta.
        record.writeRepeatingByte(0, count: 3)
        // Key: length 4, version 0, type.
        record.writeInteger(UInt8(4 << 1))
        record.writeMultipleIntegers(Int16(0), Int16(isCommit ? 1 : 0))
        // Value: length 6, version 0, coordinator epoch; no headers.
        record.writeInteger(UInt8(6 << 1))
        record.writeMultipleIntegers(Int16(0), coordinatorEpoch)
        record.writeInteger(UInt8(0))
        var section = ByteBuffer()
        section.writeInteger(UInt8(record.readableBytes << 1))
        section.writeImmutableBuffer(record)

        var header = BatchHeader()
        header.attributes = BatchAttributes(isTransactional: true, isControl: true)
        header.baseTimestamp = timestamp
        header.maxTimestamp = timestamp
        header.producerID = producerID
        header.producerEpoch = producerEpoch
        header.baseSequence = -1
        header.recordCount = 1
        return BatchRewriter.batch(header, section: section)
    }

    /// Whether a control batch rolls its producer's transaction back.
    static func isAbort(_ batch: RecordBatchView) -> Bool {
        guard let record = try? batch.records(codecs: nil).first, let key = record.key else { return false }
        return key.getInteger(at: key.readerIndex + 2, as: Int16.self) == 0
    }
}
