public import NIOCore

/// What log cleaning leaves of a batch.
public enum CompactedBatch: Hashable, Sendable {
    /// All records stay, and so do the bytes.
    case unchanged
    /// Some records are gone; the range of offsets is the same.
    case rewritten(ByteBuffer)
    /// No record is left: a header that remembers the producer and the range of offsets.
    case emptied(ByteBuffer)
}

extension RecordBatchView {
    /// Removes records as a log cleaner does: offsets, producer, sequence and codec of the batch stay.
    ///
    /// - Parameter deleteHorizon: the time to note in a batch that has none yet.
    public func compacted(
        codecs: (any RecordCodecs)?,
        deleteHorizon horizon: Int64? = nil,
        keep: (Record) -> Bool
    ) throws(RecordError) -> CompactedBatch {
        let horizon = deleteHorizon ?? horizon
        var builder = RecordBatchBuilder(
            baseOffset: baseOffset,
            codec: codec ?? .none,
            deleteHorizon: horizon,
            capacity: sizeInBytes
        )
        var iterator = try RecordIterator(self, codecs: codecs)
        while let record = try iterator.next() {
            if keep(record) { builder.append(record) }
        }
        guard builder.count > 0 else { return recordCount == 0 ? .unchanged : .emptied(try emptied()) }
        guard builder.count < recordCount || horizon != deleteHorizon else { return .unchanged }
        copyFields(to: &builder)
        return .rewritten(try builder.build(codecs: codecs))
    }

    private func emptied() throws(RecordError) -> ByteBuffer {
        var builder = RecordBatchBuilder(baseOffset: baseOffset)
        copyFields(to: &builder)
        return try builder.build()
    }

    private func copyFields(to builder: inout RecordBatchBuilder) {
        builder.partitionLeaderEpoch = partitionLeaderEpoch
        builder.producerID = producerID
        builder.producerEpoch = producerEpoch
        builder.baseSequence = baseSequence
        builder.isTransactional = isTransactional
        builder.isControl = isControl
        builder.lastOffset = lastOffset
        builder.emptyMaxTimestamp = maxTimestamp
        if timestampType == .logAppendTime { builder.logAppendTime = maxTimestamp }
    }
}
