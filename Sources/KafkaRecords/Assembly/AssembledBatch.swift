import NIOCore

/// A new batch and the source offsets of its records.
public struct AssembledBatch: Hashable, Sendable {
    /// Records from offset 0 without gaps, CreateTime, no producer: ready for ``BatchHeaderPatch/forwarding(producer:isTransactional:)``.
    public var batch: RecordBatchView
    /// Where the records come from, in order; together they cover all records.
    public var runs: [OffsetRun]

    public var recordCount: Int32 { batch.recordCount }
    public var firstSourceOffset: Int64 { runs.first?.source ?? -1 }
    /// The source offset of the last record.
    public var lastSourceOffset: Int64 { runs.last.map { $0.source + Int64($0.count) - 1 } ?? -1 }

    public static func == (left: AssembledBatch, right: AssembledBatch) -> Bool {
        left.batch.buffer == right.batch.buffer && left.runs == right.runs
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(batch.buffer)
    }
}

/// Neighbouring records of a new batch that were neighbours at the source.
public struct OffsetRun: Hashable, Sendable {
    /// The source offset of the first one.
    public var source: Int64
    /// Its index in the new batch.
    public var index: Int32
    public var count: Int32

    public init(source: Int64, index: Int32, count: Int32) {
        self.source = source
        self.index = index
        self.count = count
    }
}

extension [OffsetRun] {
    /// Adds the next record.
    mutating func append(source: Int64) {
        guard let last = indices.last else { return append(OffsetRun(source: source, index: 0, count: 1)) }
        let run = self[last]
        if run.source &+ Int64(run.count) == source {
            self[last].count += 1
        } else {
            append(OffsetRun(source: source, index: run.index + run.count, count: 1))
        }
    }
}
