package import KafkaRecords
package import NIOCore

/// Decides for each fetched batch how it goes on: passed through, encoded again, or left out.
///
/// Pure. What it cannot explain it does not forward: damage ends the plan, and what stands before it still counts.
package struct BatchPlanner: Sendable {
    /// What the target and the configuration demand.
    package struct Settings: Sendable, Equatable {
        /// `check.crcs`.
        package var checksCRCs = true
        /// Codecs the target topic accepts.
        package var allowedCodecs: Set<CompressionCodec> = Set(CompressionCodec.allCases)
        /// What replaces a codec that is not allowed: one that costs little and keeps data small, if there is one.
        package var replacementCodec: CompressionCodec {
            [CompressionCodec.lz4, .snappy, .gzip].first(where: self.allowedCodecs.contains) ?? .none
        }
        /// The largest batch the target accepts, as far as known.
        package var maxBatchBytes = Int.max

        package init() {}
    }

    /// What to do with one batch.
    package enum Step: Sendable {
        /// Leave it out; the position moves to `through`.
        case skip(Skip, through: Int64, epoch: Int32)
        /// Pass it through with a patched header.
        case fast(RecordBatchView)
        /// Decode it and encode it again.
        case slow(ScannedBatch, RebuildReason)
    }

    /// Why a batch is left out.
    package enum Skip: Sendable, Hashable {
        case belowPosition, control, aborted, empty
    }

    /// What makes a batch unusable.
    package enum Damage: Sendable, Equatable {
        /// `lastOffset` is what the header says, where it can be read.
        case broken(RecordError, lastOffset: Int64?)
        case unknownCodec(offset: Int64, lastOffset: Int64)
    }

    /// What comes next in an answer.
    package enum Outcome: Sendable {
        case step(Step)
        /// What follows cannot be used.
        case damage(Damage)
        case end
    }

    /// A place in one fetch answer: batches are looked at when their turn comes, not all at once.
    package struct Cursor: Sendable {
        fileprivate var scanner: RecordBatchScanner
        fileprivate var filter: AbortedTransactionFilter

        /// The bytes of batches that were not looked at.
        var unreadBytes: Int { self.scanner.unreadBytes }
    }

    package var settings: Settings

    package init(settings: Settings = Settings()) {
        self.settings = settings
    }

    /// Begins with the records of an answer.
    ///
    /// - Parameter aborted: The aborted transactions of the answer; empty unless reading committed data only.
    package func cursor(_ records: ByteBuffer, aborted: [AbortedTransaction]) -> Cursor {
        Cursor(
            scanner: RecordBatchScanner(records, checkCRCs: self.settings.checksCRCs),
            filter: AbortedTransactionFilter(aborted)
        )
    }

    /// Decides about the next batch.
    ///
    /// - Parameter position: The first source offset that is still wanted.
    package func next(_ cursor: inout Cursor, position: Int64) -> Outcome {
        do throws(RecordError) {
            guard let element = try cursor.scanner.next() else { return .end }
            let visibility = try cursor.filter.visibility(of: element)
            guard let step = self.step(for: element, visibility, position: position) else {
                return .damage(
                    .unknownCodec(offset: max(position, element.firstOffset), lastOffset: element.lastOffset)
                )
            }
            return .step(step)
        } catch {
            return .damage(.broken(error, lastOffset: cursor.scanner.lastOffsetInFront))
        }
    }

    private func step(for element: ScannedBatch, _ visibility: BatchVisibility, position: Int64) -> Step? {
        let last = element.lastOffset
        guard last >= position else { return .skip(.belowPosition, through: last, epoch: element.leaderEpoch) }
        switch visibility {
        case .control: return .skip(.control, through: last, epoch: element.leaderEpoch)
        case .aborted: return .skip(.aborted, through: last, epoch: element.leaderEpoch)
        case .visible: break
        }
        switch element {
        case .legacy:
            return .slow(element, .oldFormat)
        case .batch(let batch):
            if batch.recordCount == 0 { return .skip(.empty, through: last, epoch: element.leaderEpoch) }
            guard batch.codec != nil else { return nil }
            // A single record cannot be split; the target decides about it.
            let limit = batch.recordCount > 1 ? self.settings.maxBatchBytes : .max
            let codecs = self.settings.allowedCodecs
            if let reason = element.rebuildReason(from: position, maxBytes: limit, codecs: codecs) {
                return .slow(element, reason)
            }
            return .fast(batch)
        }
    }
}

extension ScannedBatch {
    /// The first offset of its range; for an old message, its own.
    var firstOffset: Int64 {
        switch self {
        case .batch(let batch): batch.baseOffset
        case .legacy(let message): message.offset
        }
    }

    /// Leader epoch under which it was written; -1 for old formats.
    var leaderEpoch: Int32 {
        switch self {
        case .batch(let batch): batch.partitionLeaderEpoch
        case .legacy: -1
        }
    }
}
