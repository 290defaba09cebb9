import DequeModule
import KafkaRecords

/// Finds the source record of the target's last one: so many visible records back.
///
/// Every visible record between the two was mirrored once, so it is enough to count; control records, aborted
/// transactions and holes of compaction make the distance at the source longer than at the target.
struct BackwardSearch: Sendable {
    enum Outcome: Sendable {
        case found(SeenRecord)
        case absent
        /// The source has deleted what would have to be looked at.
        case gone
    }

    let copy: SeenRecord
    private let back: Int64
    private let last: Int64
    private var window: Int64
    private var start: Int64
    private var from: Int64
    /// Where the source begins, once it is known to begin behind where was looked.
    private var logStart: Int64?
    private var seen: Deque<SeenRecord> = []
    private(set) var question: ResumePlan.Question
    private(set) var outcome: Outcome?

    /// - Parameters:
    ///   - copy: The target's last record.
    ///   - back: How many records the target has lost.
    ///   - last: The source offset up to which records were mirrored before.
    init(for copy: SeenRecord, back: Int64, from last: Int64) {
        self.copy = copy
        self.back = back
        self.last = last
        window = back &* 2 &+ 64
        start = max(0, last - window)
        from = start
        question = .records(.source, from: start)
    }

    mutating func answer(_ answer: ResumePlan.Answer) {
        switch answer {
        case .outOfRange where logStart == nil && from == start: question = .logStart(.source)
        case .outOfRange: outcome = .absent
        case .offset(let offset):
            guard offset > start, offset <= last else {
                outcome = offset > last ? .gone : .absent
                return
            }
            logStart = offset
            look(from: offset)
        case .records(let records, let next):
            for seenRecord in records where seenRecord.record.offset >= from && seenRecord.record.offset <= last {
                seen.append(seenRecord)
                if seen.count > back + 1 { seen.removeFirst() }
            }
            guard next <= from || next > last else {
                from = next
                question = .records(.source, from: next)
                return
            }
            conclude()
        }
    }

    private mutating func conclude() {
        if seen.count == back + 1, let original = seen.first {
            outcome = original.isCopied(by: copy) ? .found(original) : .absent
        } else if start == 0 || start == logStart {
            outcome = .absent
        } else {
            window = window &* 4
            look(from: max(logStart ?? 0, last - window))
        }
    }

    private mutating func look(from offset: Int64) {
        start = offset
        from = offset
        seen.removeAll()
        question = .records(.source, from: offset)
    }
}
