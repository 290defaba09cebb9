package import KafkaRecords

/// What went through the pipeline; counted when the target has acknowledged it.
package struct PipelineCounters: Sendable, Equatable {
    /// Records written at the target.
    package var records: Int64 = 0
    /// Bytes of the batches written at the target.
    package var bytes: Int64 = 0
    /// Batches sent to the target.
    package var batches: Int64 = 0
    /// Source batches passed through, by codec.
    package var fastPathBatches: [CompressionCodec: Int64] {
        let counts = CompressionCodec.allCases.map { ($0, self.passed[$0]) }
        return Dictionary(uniqueKeysWithValues: counts.filter { $0.1 > 0 })
    }
    var passed = CodecCounts()
    /// Source batches joined with neighbours on the fast path.
    package var coalescedBatches: Int64 = 0
    /// Compressed source batches joined with neighbours, which meant to compress them again.
    package var recompressedBatches: Int64 = 0
    /// Source batches encoded again, by reason.
    package var slowPathBatches: [RebuildReason: Int64] = [:]
    /// Control batches left out.
    package var controlBatches: Int64 = 0
    /// Batches of aborted transactions left out at read_committed.
    package var abortedBatches: Int64 = 0
    /// Batches without a record left in them.
    package var emptyBatches: Int64 = 0
    /// Batches that had come before.
    package var repeatedBatches: Int64 = 0
    package var quarantines: Int64 = 0
    /// How often unacknowledged data were dropped and read again.
    package var rewinds: Int64 = 0

    package init() {}

    package static func += (left: inout PipelineCounters, right: PipelineCounters) {
        left.records += right.records
        left.bytes += right.bytes
        left.batches += right.batches
        for codec in CompressionCodec.allCases { left.passed[codec] += right.passed[codec] }
        left.coalescedBatches += right.coalescedBatches
        left.recompressedBatches += right.recompressedBatches
        left.slowPathBatches.merge(right.slowPathBatches, uniquingKeysWith: +)
        left.controlBatches += right.controlBatches
        left.abortedBatches += right.abortedBatches
        left.emptyBatches += right.emptyBatches
        left.repeatedBatches += right.repeatedBatches
        left.quarantines += right.quarantines
        left.rewinds += right.rewinds
    }
}

/// A count for each codec: every batch is counted, and a dictionary would hash its codec.
struct CodecCounts: Sendable, Equatable {
    private var none: Int64 = 0
    private var gzip: Int64 = 0
    private var snappy: Int64 = 0
    private var lz4: Int64 = 0
    private var zstd: Int64 = 0

    subscript(codec: CompressionCodec) -> Int64 {
        get {
            switch codec {
            case .none: self.none
            case .gzip: self.gzip
            case .snappy: self.snappy
            case .lz4: self.lz4
            case .zstd: self.zstd
            }
        }
        set {
            switch codec {
            case .none: self.none = newValue
            case .gzip: self.gzip = newValue
            case .snappy: self.snappy = newValue
            case .lz4: self.lz4 = newValue
            case .zstd: self.zstd = newValue
            }
        }
    }
}
