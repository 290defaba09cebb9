import DequeModule
import KafkaRecords
import MirrorModel

/// Compares the end of a mirrored partition with its source, record by record.
///
/// After a crash the target may hold records that progress does not tell of. Reading both sides shows which of them are
/// copies, so that mirroring goes on behind the last one: nothing is lost, nothing comes twice. What is read is at most
/// what was mirrored since the last write of progress.
///
/// # Implementation
/// Both sides are walked in order. A target offset without a visible record was emptied by compaction or deleted, and then
/// stands for a source record; or it holds a marker or what a transaction has taken back, and then does not. So each may
/// account for one source record without a copy, now or later, and need not.
struct TailComparison: Sendable {
    private let targetStart: Int64
    private let targetEnd: Int64
    private let sourceStart: Int64
    /// Who has written the last record that is known to be a copy.
    private let producerID: Int64?
    private var nextTarget: Int64
    private var originals: Side
    private var copies: Side
    /// Target offsets below are deleted.
    private var deletedUntil: Int64
    /// Originals that are not the ones of the copies looked at so far, but may be of those that follow.
    private var pending: Deque<SeenRecord> = []
    /// Originals that are not the one of the copy looked at now; the last of them.
    private var tried: Deque<SeenRecord> = []
    private var triedCount: Int64 = 0
    /// Empty target offsets before the last copy that no original has been found for.
    private var unused: Int64 = 0
    /// How many copies may come from source records that were removed since.
    private var removedCount: Int64 = 0
    /// Source offsets that were removed and whose records the target does not hold.
    private(set) var removed: Range<Int64>?
    /// Source offsets that were removed; the target may hold records of some of them.
    private(set) var passedOver: Range<Int64>?
    /// The progress that the target's end proves.
    private(set) var found: ProgressRecord?
    /// Where the copies came from; those that the target has deleted meanwhile are left out.
    private(set) var copied: [OffsetMap.Run] = []
    /// Records that are no copies of what follows at the source.
    private(set) var foreignCount: Int64 = 0
    /// Where they are, with what is between them.
    private(set) var foreign: ClosedRange<Int64>?
    /// Idempotent producers that have written some of them.
    private(set) var foreignProducers: Set<Int64> = []
    private(set) var question: ResumePlan.Question?

    /// After so many empty answers, a tenth of a second each, a log is believed to end there.
    private static let patience = 10
    /// How many originals are kept that may still be the ones of later copies.
    private static let triedLimit = 1_000

    /// How many offsets of the target have been looked at.
    var comparedCount: Int64 { nextTarget - targetStart }

    private struct Side: Sendable {
        var next: Int64
        var records: Deque<SeenRecord> = []
        var hasAnswered = false
        var isAtEnd = false
        /// How often in a row nothing came.
        var emptyAnswers = 0

        mutating func take(_ found: [SeenRecord], next: Int64) {
            hasAnswered = true
            guard next > self.next else {
                // A leader that is new, or whose followers lag, shows less than there is for a moment.
                emptyAnswers += 1
                isAtEnd = emptyAnswers >= TailComparison.patience
                return
            }
            emptyAnswers = 0
            let from = self.next
            records += found.filter { $0.record.offset >= from }
            self.next = next
        }

        mutating func begins(at offset: Int64) {
            hasAnswered = true
            // What was asked for is beyond the end.
            isAtEnd = offset <= next
            next = max(next, offset)
        }
    }

    /// - Parameter producerID: Who has written the target's record before the first that is compared, if it was an
    ///   idempotent producer of ours.
    init(sourceAfter: Int64, targetAfter: Int64, targetEnd: Int64, producerID: Int64? = nil) {
        self.targetStart = targetAfter + 1
        self.targetEnd = targetEnd
        self.sourceStart = sourceAfter + 1
        self.producerID = producerID
        nextTarget = targetAfter + 1
        deletedUntil = nextTarget
        originals = Side(next: sourceAfter + 1)
        copies = Side(next: targetAfter + 1)
        compare()
    }

    mutating func answer(_ answer: ResumePlan.Answer) {
        switch (question, answer) {
        case (.records(.source, _), .records(let records, let next)): originals.take(records, next: next)
        case (.records(.target, _), .records(let records, let next)): copies.take(records, next: next)
        case (.records(.source, _), .outOfRange) where !originals.hasAnswered:
            // Retention may have been faster, or the log was cut off.
            question = .logStart(.source)
            return
        case (.records(.target, _), .outOfRange) where !copies.hasAnswered:
            question = .logStart(.target)
            return
        case (.records(.source, _), .outOfRange): originals.isAtEnd = true
        case (.records(.target, _), .outOfRange): copies.isAtEnd = true
        case (.logStart(.source), .offset(let offset)):
            originals.begins(at: offset)
            removedCount = max(0, offset - sourceStart)
            if removedCount > 0 { passedOver = sourceStart..<offset }
        case (.logStart(.target), .offset(let offset)):
            copies.begins(at: offset)
            deletedUntil = min(copies.next, targetEnd)
        default: return
        }
        compare()
    }

    /// The target does not show what it has said to hold.
    var isUnreadable: Bool { copies.isAtEnd && targetEnd < .max && copies.records.isEmpty && copies.next < targetEnd }

    /// Takes the copies found so far, for whoever keeps them.
    mutating func takeCopied() -> [OffsetMap.Run] {
        defer { copied = [] }
        return copied
    }

    private mutating func compare() {
        question = nil
        while nextTarget < targetEnd {
            guard let copy = copies.records.first else {
                if !copies.isAtEnd, copies.next < targetEnd {
                    question = .records(.target, from: copies.next)
                } else if nextTarget < deletedUntil {
                    countDeleted()
                }
                return
            }
            guard copy.record.offset < targetEnd, look(for: copy) else { return }
            copies.records.removeFirst()
            nextTarget = copy.record.offset + 1
            tried.removeAll(keepingCapacity: true)
            triedCount = 0
        }
    }

    /// Looks for the original of a copy; false when something has to be asked first.
    private mutating func look(for copy: SeenRecord) -> Bool {
        let empty = copy.record.offset - nextTarget
        let limit = empty + min(unused, Int64(Self.triedLimit))
        while triedCount <= limit {
            guard let original = nextOriginal() else {
                if question != nil { return false }
                break
            }
            if original.isCopied(by: copy) {
                found = original.progress(copiedTo: copy.record.offset)
                copied.append(source: original.record.offset, target: copy.record.offset)
                unused = max(0, unused + empty - triedCount)
                // The first copy is that of the first record behind them.
                if removedCount > 0, copy.record.offset == targetStart {
                    removed = sourceStart..<sourceStart + removedCount
                }
                removedCount = 0
                return true
            }
            triedCount += 1
            tried.append(original)
            if tried.count > Self.triedLimit { tried.removeFirst() }
        }
        unused = max(0, unused + empty - (triedCount - Int64(tried.count)))
        pending.prepend(contentsOf: tried)
        if removedCount > 0, let producerID, copy.producerID == producerID {
            // Ours, of a source record that is gone, which stood behind those copied before it.
            removedCount -= 1
            let offset = found?.offset ?? sourceStart - 1
            found = ProgressRecord(offset: offset + 1, targetOffset: copy.record.offset)
        } else {
            foreignCount += 1
            if copy.producerID >= 0 { foreignProducers.insert(copy.producerID) }
            foreign = (foreign?.lowerBound ?? copy.record.offset)...copy.record.offset
        }
        return true
    }

    /// Nothing is left at the target to compare with: deleted offsets stand for one source record each.
    private mutating func countDeleted() {
        while nextTarget < deletedUntil {
            guard let original = nextOriginal() else {
                if question == nil { nextTarget = deletedUntil }
                return
            }
            found = original.progress(copiedTo: nextTarget)
            nextTarget += 1
        }
    }

    /// The next source record; nil when there is none, or when it has to be asked for first.
    private mutating func nextOriginal() -> SeenRecord? {
        if let record = pending.popFirst() { return record }
        if let record = originals.records.popFirst() { return record }
        if !originals.isAtEnd { question = .records(.source, from: originals.next) }
        return nil
    }
}

extension [OffsetMap.Run] {
    /// Adds the next record.
    fileprivate mutating func append(source: Int64, target: Int64) {
        if let last, last.source + last.count == source, last.target + last.count == target {
            self[count - 1].count += 1
        } else {
            append(OffsetMap.Run(source: source, target: target, count: 1))
        }
    }
}
