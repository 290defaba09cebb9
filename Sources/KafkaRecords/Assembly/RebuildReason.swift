/// Why a batch cannot be sent on with nothing but a new header.
public enum RebuildReason: String, CaseIterable, Hashable, Sendable {
    /// Format 0 or 1.
    case oldFormat = "old-format"
    /// Compaction removed records: brokers refuse batches whose offsets have gaps.
    case gaps
    /// The records' timestamps hide behind the append time, which the target would drop.
    case appendTime = "append-time"
    /// The base timestamp is the time after which the source may drop tombstones; it means nothing at the target.
    case deleteHorizon = "delete-horizon"
    /// Some records lie below the start.
    case trimmed
    /// The target does not take this codec.
    case codec
    /// The target does not take batches of this size.
    case size
}

extension ScannedBatch {
    /// Why this element needs a ``BatchRebuilder``, or nil when a ``BatchHeaderPatch`` is enough.
    ///
    /// Control batches have no business at the target and are for the caller to drop.
    ///
    /// - Parameters:
    ///   - start: the first offset wanted.
    ///   - maxBytes: the largest batch that the target takes.
    ///   - codecs: those that the target takes.
    public func rebuildReason(
        from start: Int64 = 0,
        maxBytes: Int = .max,
        codecs: Set<CompressionCodec>? = nil
    ) -> RebuildReason? {
        guard case .batch(let batch) = self else { return .oldFormat }
        if batch.baseOffset < start { return .trimmed }
        if !batch.isDense { return .gaps }
        if batch.timestampType == .logAppendTime { return .appendTime }
        if batch.hasDeleteHorizon { return .deleteHorizon }
        // An unknown codec is reported by the rebuilder, with the offset.
        guard let codec = batch.codec else { return .codec }
        // Where all are taken nothing has to be looked up.
        if let codecs, codecs.count < CompressionCodec.count, !codecs.contains(codec) { return .codec }
        return batch.sizeInBytes > maxBytes ? .size : nil
    }
}
