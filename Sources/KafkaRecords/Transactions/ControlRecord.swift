import NIOCore

/// What the key of a control record says.
public enum ControlRecordType: Int16, Hashable, Sendable {
    case abort = 0
    case commit = 1
    case leaderChange = 2
    case snapshotHeader = 3
    case snapshotFooter = 4
    case kraftVersion = 5
    case kraftVoters = 6
}

/// The record in a control batch: usually the end of a transaction.
public struct ControlRecord: Hashable, Sendable {
    /// Nil for a type this code does not know.
    public var type: ControlRecordType?
    /// The epoch of the transaction coordinator that wrote a commit or abort marker.
    public var coordinatorEpoch: Int32?

    /// Decodes key and value.
    public init(_ record: Record) throws(RecordError) {
        guard var key = record.key, let (version, type) = key.readMultipleIntegers(as: (Int16, Int16).self),
            version >= 0
        else { throw RecordError(.content, "a control record has no type", offset: record.offset) }
        self.type = ControlRecordType(rawValue: type)
        guard self.type == .abort || self.type == .commit else { return }
        guard var value = record.value, let (version, epoch) = value.readMultipleIntegers(as: (Int16, Int32).self),
            version >= 0
        else { throw RecordError(.content, "a transaction marker has no epoch", offset: record.offset) }
        coordinatorEpoch = epoch
    }
}

extension RecordBatchView {
    /// The record of a control batch; nil in other batches and where compaction has removed it.
    public func controlRecord() throws(RecordError) -> ControlRecord? {
        guard isControl, recordCount > 0 else { return nil }
        var iterator = try RecordIterator(self, codecs: nil)
        guard let record = try iterator.next() else { return nil }
        return try ControlRecord(record)
    }
}
