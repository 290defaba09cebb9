import DequeModule
package import KafkaRecords
import MirrorModel

/// Compares the end of a mirrored partition with its source, record by record.
///
/// After a crash the target may hold records that progress does not tell of. Reading both sides shows which of them are
/// copies, so that mirroring goes on behind the last one: nothing is lost, nothing comes twice. What is read is at most
/// what was mirrored since the last write of progress.
struct TailComparison: Sendable {
    private let targetStart: Int64
    private let targetEnd: Int64
    private var nextTarget: Int64
    private var originals: Side
    private var copies: Side
    /// Target offsets below are deleted: they stand for one source record each.
    private var deletedUntil: Int64
    /// The next original, if it was not the one of the copies looked at last.
    private var pending: SeenRecord?
    /// The progress that the target's end proves.
    private(set) var found: ProgressRecord?
    /// Where the copies came from; those that the target has deleted meanwhile are left out.
    private(set) var copied: [OffsetMap.Run] = []
    /// Records that are no copies of what follows at the source.
    private(set) var foreignCount: Int64 = 0
    private(set) var question: ResumePlan.Question?

    /// How many offsets of the target have been looked at.
    var comparedCount: Int64 { nextTarget - targetStart }

    private struct Side: Sendable {
        var next: Int64
        var records: Deque<SeenRecord> = []
        var hasAnswered = false
        var isAtEnd = false

        mutating func take(_ found: [SeenRecord], next: Int64) {
            hasAnswered = true
            guard next > self.next else {
                isAtEnd = true
                return
            }
            let from = self.next
            records += found.filter { $0.record.offset >= from }
            self.next = next
        }

        mutating func begins(at offset: Int64) {
            hasAnswered = true
            isAtEnd = offset <= next
            next = max(next, offset)
        }
    }

    init(sourceAfter: Int64, targetAfter: Int64, targetEnd: Int64) {
        self.targetStart = targetAfter + 1
        self.targetEnd = targetEnd
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
        case (.logStart(.source), .offset(let offset)): originals.begins(at: offset)
        case (.logStart(.target), .offset(let offset)):
            copies.begins(at: offset)
            deletedUntil = min(copies.next, targetEnd)
        default: return
        }
        compare()
    }

    private mutating func compare() {
        question = nil
        while nextTarget < targetEnd {
            if nextTarget < deletedUntil {
                guard let original = nextOriginal() else {
                    if question != nil { return }
                    nextTarget = deletedUntil
                    continue
                }
                found = original.progress(copiedTo: nextTarget)
                nextTarget += 1
                continue
            }
            guard let copy = copies.records.first?.record else {
                if !copies.isAtEnd, copies.next < targetEnd { question = .records(.target, from: copies.next) }
                return
            }
            guard copy.offset < targetEnd else { return }
            // Offsets that compaction has emptied still stand for one source record each.
            while nextTarget < copy.offset {
                if nextOriginal() == nil, question != nil { return }
                nextTarget += 1
            }
            let original = nextOriginal()
            if question != nil { return }
            copies.records.removeFirst()
            nextTarget = copy.offset + 1
            if let original, original.record.isCopied(by: copy) {
                found = original.progress(copiedTo: copy.offset)
                copied.append(source: original.record.offset, target: copy.offset)
            } else {
                pending = original
                foreignCount += 1
            }
        }
    }

    /// The next source record; nil when there is none, or when it has to be asked for first.
    private mutating func nextOriginal() -> SeenRecord? {
        if let record = pending {
            pending = nil
            return record
        }
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

/// A record and the leader epoch of its batch; -1 where the format has none.
package struct SeenRecord: Sendable {
    package var record: Record
    package var epoch: Int32

    package init(_ record: Record, epoch: Int32) {
        self.record = record
        self.epoch = epoch
    }

    /// The progress of a partition whose last record is this one.
    func progress(copiedTo target: Int64) -> ProgressRecord {
        ProgressRecord(offset: record.offset, targetOffset: target, leaderEpoch: epoch >= 0 ? epoch : nil)
    }
}

extension Record {
    /// Whether `other` is this record mirrored: everything but the offset is the same.
    func isCopied(by other: Record) -> Bool {
        key == other.key && value == other.value && timestamp == other.timestamp && headers == other.headers
    }
}
