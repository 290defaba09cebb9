package import KafkaClient
import KafkaProtocol
import KafkaRecords
package import MirrorModel

/// Finds where one partition goes on, question by question: from its progress and from what both clusters hold.
///
/// # Responsibilities
/// 1. Progress that the target's end confirms is taken as it is.
/// 2. Records behind the progress are compared with the source, one by one: those that are copies are not copied again.
/// 3. A target that lost its tail is met at the source record of its last one.
/// 4. What cannot be proven, or is somebody else's, becomes a notice.
///
/// # Implementation
/// A value without sockets: `next` names a question or the end, `answer` takes what a cluster said to it.
/// `ResumeResolver` (or a simulation) asks.
package struct ResumePlan: Sendable {
    package enum Side: Sendable, Hashable {
        case source, target
    }

    /// What has to be asked.
    package enum Question: Sendable, Hashable {
        /// The first offset that is still there.
        case logStart(Side)
        /// The visible records of one fetch from an offset on.
        case records(Side, from: Int64)
        /// Where a leader epoch ends at the source.
        case epochEnd(Int32)
    }

    /// What a cluster says.
    package enum Answer: Sendable {
        /// -1 when it is not known.
        case offset(Int64)
        /// `next` is the offset behind what was looked at; the one asked for when there is nothing.
        case records([SeenRecord], next: Int64)
        /// The offset asked for is not in the log.
        case outOfRange
    }

    package enum Step: Sendable {
        case ask(Question)
        case begin(PartitionAssignment)
        /// `auto.offset.reset` forbids to choose a place.
        case forbidden
        /// The target does not show records that it has said to hold: everything has to be asked again later.
        case unreadable
    }

    /// So many records that are not the source's, without one that is, show that a target without progress is not our
    /// mirror; as soon as there is one, all of them are compared.
    private static let foreignLimit: Int64 = 10_000

    private enum Stage: Sendable {
        case done(Step)
        case targetStart(behind: ProgressRecord?)
        case sourceStart(behind: ProgressRecord?, targetStart: Int64)
        /// Progress that the target's end does not confirm: is the source still the one it is about?
        case epochEnd(Int32, ProgressRecord)
        /// Compares the target's tail; goes on behind the last copy, or at the fallback.
        case comparing(TailComparison, fallback: PartitionAssignment, isUnproven: Bool)
        /// Some brokers list an end that is too low; what counts is whether the record is there.
        case holding(ProgressRecord, targetOffset: Int64, end: Int64)
        /// Markers and what was not committed stand behind progress of a transaction: what comes after them counts.
        case behindTransaction(ProgressRecord, from: Int64)
        case lastCopy(ProgressRecord, targetOffset: Int64, end: Int64)
        case goingBack(BackwardSearch, ProgressRecord, targetOffset: Int64)
    }

    package let mirrored: TopicPlan.Mirrored
    /// What people should know of the decision.
    package private(set) var notices: [ResumeNotice] = []
    private var stage: Stage

    /// Whether the end of the target's log decides.
    package static func needsTargetEnd(
        _ resumption: ProgressLedger.Resumption,
        startOffset: FlowConfiguration.StartOffset
    ) -> Bool {
        switch resumption {
        case .after(let record): record.targetOffset != nil || record.isStart
        case .nothingKnown: startOffset != .none
        case .sourceRecreated, .targetRecreated, .behind: true
        case .exactly: false
        }
    }

    /// - Parameters:
    ///   - isInitial: The partition was there when the flow started; others are mirrored from their first record even
    ///     when the flow starts with the latest, or what came before they were seen would be lost.
    ///   - targetEnd: The end of the target's log where `needsTargetEnd`.
    package init(
        _ mirrored: TopicPlan.Mirrored,
        resumption: ProgressLedger.Resumption,
        startOffset: FlowConfiguration.StartOffset,
        isInitial: Bool,
        targetEnd: Int64?
    ) {
        self.mirrored = mirrored
        switch resumption {
        case .nothingKnown:
            let beginning = Self.beginning(mirrored, at: .earliest)
            switch startOffset {
            case _ where !isInitial: stage = .done(.begin(beginning))
            case .earliest where targetEnd ?? 0 > 0: stage = .targetStart(behind: nil)
            case .earliest: stage = .done(.begin(beginning))
            case .latest: stage = .done(.begin(Self.beginning(mirrored, at: .latest)))
            case .none: stage = .done(.forbidden)
            }
        case .sourceRecreated(let before):
            notices = [.sourceRecreated(before: before)]
            tailFrom = (before.targetOffset ?? -1) + 1
            // Not where it begins by now: what was removed from it before it was mirrored must show as a gap.
            var record = ProgressRecord(offset: -1)
            record.targetOffset = before.targetOffset
            record.isApart = true
            if let id = before.targetTopicID, mirrored.targetTopicID != .zero, id != mirrored.targetTopicID {
                // So was the target topic.
                notices.append(.targetRecreated(before: before))
                record.targetOffset = nil
                tailFrom = 0
            }
            if record.targetOffset == nil, targetEnd ?? 0 > 0 {
                // A run before may have begun with it.
                stage = .targetStart(behind: record)
            } else {
                stage = Self.stage(behind: record, mirrored, end: targetEnd ?? 0)
            }
        case .targetRecreated(let before):
            notices = [.targetRecreated(before: before)]
            // Some of the new topic's records may be copies already, from before this was noticed or from a run before.
            let beginning = Self.beginning(mirrored, at: .earliest)
            stage = targetEnd ?? 0 > 0 ? .targetStart(behind: nil) : .done(.begin(beginning))
        case .behind(let record, let anchor):
            // What MirrorMaker 2 wrote since the sync is there, and perhaps more than its progress tells of.
            let goingOn = Self.after(record, mirrored)
            let (end, known) = (targetEnd ?? 0, anchor.targetOffset ?? .max)
            if end > known {
                let comparison = TailComparison(sourceAfter: anchor.offset, targetAfter: known, targetEnd: end)
                stage = .comparing(comparison, fallback: goingOn, isUnproven: false)
                least = record.offset
            } else {
                stage = .done(.begin(goingOn))
            }
        case .exactly(let record):
            stage = .done(.begin(Self.after(record, mirrored)))
        case .after(let record):
            isTakenBack = record.isDoubtful
            tailFrom = (record.targetOffset ?? -1) + 1
            if let epoch = record.leaderEpoch, let written = record.targetOffset, targetEnd != written + 1 {
                stage = .epochEnd(epoch, record)
            } else {
                stage = Self.stage(behind: record, mirrored, end: targetEnd ?? 0)
            }
        }
        self.targetEnd = targetEnd ?? 0
    }

    let targetEnd: Int64
    /// The progress that does not depend on what is found.
    private var least: Int64 = -1
    /// A comparison that is through but for the question whether it began where it should.
    private var compared: Stage?
    /// The comparison began at a record that is the copy of its original.
    private var hasMet = false
    /// Idempotent producers of records that are no copies.
    private var foreignProducers: Set<Int64> = []
    /// The target has lost records that were mirrored from there on.
    private var isTakenBack = false
    /// The last target offset that was written before the target lost records.
    private var lostUpTo: Int64?
    /// Where the source was cut off below the progress.
    private var cut: (at: Int64, mirroredTo: Int64)?
    /// Where the target records begin that are compared.
    private var tailFrom: Int64 = 0

    /// How to go on behind known progress.
    private static func stage(behind record: ProgressRecord, _ mirrored: TopicPlan.Mirrored, end: Int64) -> Stage {
        let goingOn = Self.after(record, mirrored)
        if let targetOffset = record.targetOffset {
            if record.isDoubtful, !record.isApart, targetOffset >= 0, end > 0 {
                return .lastCopy(record, targetOffset: targetOffset, end: min(end, targetOffset + 1))
            }
            if end == targetOffset + 1 { return .done(.begin(goingOn)) }
            if record.isTransactional, end > targetOffset {
                return .behindTransaction(record, from: targetOffset + 1)
            }
            guard end > targetOffset else { return .holding(record, targetOffset: targetOffset, end: end) }
            let comparison = TailComparison(
                sourceAfter: record.offset,
                targetAfter: targetOffset,
                targetEnd: end,
                producerID: record.producer?.id
            )
            return .comparing(comparison, fallback: goingOn, isUnproven: false)
        }
        guard record.isStart, end > record.targetStart ?? 0 else { return .done(.begin(goingOn)) }
        return record.targetStart.map { .sourceStart(behind: record, targetStart: $0) } ?? .targetStart(behind: record)
    }

    /// How many records of the target have been compared with the source.
    package var comparedCount: Int64 {
        guard case .comparing(let comparison, _, _) = stage else { return 0 }
        return comparison.comparedCount
    }

    /// What a comparison that is not through has shown so far, to be written down, so that the next process need not
    /// begin anew.
    package struct Proven: Sendable {
        /// The last record that is known to be copied.
        package var progress: ProgressRecord
        /// Where the copies came from that were not told before.
        package var copied: [OffsetMap.Run]
        /// Whether nothing was mirrored before them.
        package var isFromBeginning: Bool

        package init(progress: ProgressRecord, copied: [OffsetMap.Run], isFromBeginning: Bool) {
            self.progress = progress
            self.copied = copied
            self.isFromBeginning = isFromBeginning
        }
    }

    /// Takes what is proven so far; nil where there is nothing, or where more than a position has to be known of it.
    package mutating func takeProven() -> Proven? {
        guard case .comparing(var comparison, let fallback, let isUnproven) = stage, notices.isEmpty, cut == nil,
            comparison.foreignCount == 0, var progress = comparison.found, progress.offset >= least
        else { return nil }
        progress.sourceTopicID = mirrored.sourceTopicID == .zero ? nil : mirrored.sourceTopicID
        progress.targetTopicID = mirrored.targetTopicID == .zero ? nil : mirrored.targetTopicID
        let copied = comparison.takeCopied()
        guard !copied.isEmpty else { return nil }
        stage = .comparing(comparison, fallback: fallback, isUnproven: isUnproven)
        return Proven(progress: progress, copied: copied, isFromBeginning: isUnproven)
    }

    /// Whether the producer of the target's record at an offset goes on with its next sequence number, as brokers see it:
    /// nothing behind that record is its own.
    package func goesOn(_ producer: ProducerStamp, behind offset: Int64) -> Bool {
        notices.allSatisfy(\.leavesProducer)
            && (!foreignProducers.contains(producer.identity.producerID)
                || notices.allSatisfy { $0.foreignRange.map { $0.upperBound <= offset } ?? true })
    }

    /// The question to ask now, or where the partition goes on.
    package var next: Step {
        switch stage {
        case .done(let step): step
        case .targetStart: .ask(.logStart(.target))
        case .sourceStart: .ask(.logStart(.source))
        case .epochEnd(let epoch, _): .ask(.epochEnd(epoch))
        case .comparing(let comparison, let fallback, _):
            comparison.question.map { .ask($0) } ?? (comparison.isUnreadable ? .unreadable : .begin(fallback))
        case .holding(_, let targetOffset, _): .ask(.records(.target, from: targetOffset))
        case .behindTransaction(_, let from): .ask(.records(.target, from: from))
        case .lastCopy(_, _, let end): .ask(.records(.target, from: end - 1))
        case .goingBack(let search, _, _): .ask(search.question)
        }
    }

    /// Takes the answer to the question of `next`.
    package mutating func answer(_ answer: Answer) {
        switch stage {
        case .done: break
        case .targetStart(let behind):
            guard case .offset(let first) = answer else { return }
            tailFrom = first
            let beginning = behind.map { Self.after($0, mirrored) } ?? Self.beginning(mirrored, at: .earliest)
            guard first < targetEnd else {
                stage = .done(.begin(beginning))
                return
            }
            stage = .sourceStart(behind: behind, targetStart: first)
        case .sourceStart(let behind, let first):
            guard case .offset(let oldest) = answer else { return }
            let comparison = TailComparison(
                sourceAfter: max(oldest - 1, behind?.offset ?? -1),
                targetAfter: first - 1,
                targetEnd: targetEnd
            )
            let beginning = behind.map { Self.after($0, mirrored) } ?? Self.beginning(mirrored, at: .earliest)
            stage = .comparing(comparison, fallback: beginning, isUnproven: true)
            conclude()
        case .epochEnd(_, let record):
            guard case .offset(let end) = answer, end >= 0, end <= record.offset, let written = record.targetOffset,
                targetEnd > written, !record.isDoubtful
            else {
                stage = Self.stage(behind: record, mirrored, end: targetEnd)
                return
            }
            // The source's log was cut off below: what came after the progress are the records from there on.
            let comparison = TailComparison(sourceAfter: end - 1, targetAfter: written, targetEnd: targetEnd)
            stage = .comparing(comparison, fallback: Self.after(record, mirrored), isUnproven: false)
            cut = (at: end, mirroredTo: record.offset)
            conclude()
        case .comparing(var comparison, let fallback, let isUnproven):
            comparison.answer(answer)
            stage = .comparing(comparison, fallback: fallback, isUnproven: isUnproven)
            conclude()
        case .holding(let record, let targetOffset, let end):
            if case .records(let records, _) = answer, records.first?.record.offset == targetOffset {
                let comparison = TailComparison(sourceAfter: record.offset, targetAfter: targetOffset, targetEnd: .max)
                stage = .comparing(comparison, fallback: Self.after(record, mirrored), isUnproven: false)
                conclude()
            } else if end > 0 {
                stage = .lastCopy(record, targetOffset: targetOffset, end: end)
            } else {
                begin(lost: end, written: targetOffset)
            }
        case .behindTransaction(let record, let from):
            guard case .records(let records, let next) = answer else { return }
            var place = record
            place.isTransactional = false
            if let first = records.first {
                place.targetOffset = first.record.offset - 1
            } else if next > from, next < targetEnd {
                stage = .behindTransaction(record, from: next)
                return
            } else {
                place.targetOffset = max(from, next) - 1
            }
            stage = Self.stage(behind: place, mirrored, end: targetEnd)
            conclude()
        case .lastCopy(let record, let targetOffset, let end):
            guard case .records(let records, _) = answer, let last = records.first, last.record.offset == end - 1
            else {
                // Deleted or compacted since: nobody can tell any more.
                if let compared, end == targetOffset + 1 {
                    stage = compared
                    conclude()
                    return
                }
                lookFurtherBack(behind: end - 1, record, targetOffset: targetOffset)
                return
            }
            let search = BackwardSearch(for: last, back: targetOffset + 1 - end, from: record.offset)
            stage = .goingBack(search, record, targetOffset: targetOffset)
        case .goingBack(var search, let record, let targetOffset):
            search.answer(answer)
            switch search.outcome {
            case nil: stage = .goingBack(search, record, targetOffset: targetOffset)
            case .found where search.copy.record.offset == targetOffset && !record.isDoubtful:
                // It is where progress says.
                stage = compared ?? .done(.begin(Self.after(record, mirrored)))
                conclude()
            case .found(let original):
                met(original, at: search.copy.record.offset, record, targetOffset: targetOffset)
            case .gone where targetEnd > targetOffset:
                var record = record
                record.isDoubtful = false
                stage = compared ?? Self.stage(behind: record, mirrored, end: targetEnd)
                conclude()
            case .absent, .gone:
                lookFurtherBack(behind: search.copy.record.offset, record, targetOffset: targetOffset)
            }
        }
    }

    /// The target's record at an offset is the copy of a source record: everything before it is where it belongs.
    private mutating func met(
        _ original: SeenRecord,
        at copy: Int64,
        _ record: ProgressRecord,
        targetOffset: Int64
    ) {
        hasMet = true
        let progress = original.progress(copiedTo: copy)
        guard copy + 1 < targetEnd else {
            if copy < targetOffset { notices.append(.targetTruncated(at: copy + 1, writtenTo: targetOffset)) }
            stage = .done(.begin(Self.after(progress, mirrored)))
            return
        }
        // Behind it is what somebody else wrote in the place of what was lost, and perhaps copies among that.
        tailFrom = copy + 1
        lostUpTo = targetOffset
        let comparison = TailComparison(sourceAfter: progress.offset, targetAfter: copy, targetEnd: targetEnd)
        stage = .comparing(comparison, fallback: Self.after(progress, mirrored), isUnproven: false)
        conclude()
    }

    /// The target's record at an offset is no copy: looks at one further back, each time eight times as far.
    private mutating func lookFurtherBack(behind copy: Int64, _ record: ProgressRecord, targetOffset: Int64) {
        let distance = max(targetEnd - 1 - copy, 1) &* 8
        let place = targetEnd - 1 - distance
        guard place >= 0, targetEnd > 0, targetOffset - place < Self.lookBackLimit else {
            begin(lost: targetEnd, written: targetOffset)
            return
        }
        stage = .lastCopy(record, targetOffset: targetOffset, end: place + 1)
    }

    /// Counting further back than that costs as much as comparing everything.
    private static let lookBackLimit: Int64 = 1 << 24

    /// Ends a comparison that has nothing to ask any more.
    private mutating func conclude() {
        guard case .comparing(let comparison, let fallback, let isUnproven) = stage else { return }
        let isForeign = isUnproven && comparison.found == nil && comparison.foreignCount >= Self.foreignLimit
        guard comparison.question == nil || isForeign && fallback.resumed == nil, !comparison.isUnreadable else {
            return
        }
        if comparison.foreignCount > 0, !isUnproven, compared == nil, !hasMet, let record = fallback.resumed,
            let written = record.targetOffset, written >= 0, record.sourceOffset >= 0, !record.isApart, cut == nil
        {
            // So it is when the target has lost records, and others are in their place: is the last one still there?
            compared = stage
            let progress = ProgressRecord(
                offset: record.sourceOffset,
                targetOffset: written,
                leaderEpoch: record.leaderEpoch
            )
            stage = .lastCopy(progress, targetOffset: written, end: written + 1)
            return
        }
        // Behind the progress of a topic that was deleted may be its last records: nobody can tell any more.
        let isExpected = notices.contains { notice in
            switch notice {
            case .sourceRecreated: true
            case .targetRecreated, .sourceTruncated, .sourceRemoved, .foreign, .unproven, .targetTruncated, .targetLost:
                false
            }
        }
        if comparison.foreignCount > 0, !isExpected {
            let range = comparison.foreign.map { Range($0) } ?? tailFrom..<max(tailFrom, targetEnd)
            notices.append(
                isUnproven
                    ? .unproven(comparison.foreignCount, among: range) : .foreign(comparison.foreignCount, among: range)
            )
        }
        if let removed = comparison.removed ?? (isTakenBack ? comparison.passedOver : nil) {
            notices.append(.sourceRemoved(removed))
        }
        var assignment = fallback
        if let found = comparison.found, found.offset >= least {
            if let cut { notices.append(.sourceTruncated(at: cut.at, mirroredTo: cut.mirroredTo)) }
            assignment = Self.after(found, mirrored)
            assignment.copied = comparison.copied
            assignment.isComparedFromBeginning = isUnproven && comparison.foreignCount == 0
        }
        if let lostUpTo, let kept = assignment.resumed?.targetOffset, kept < lostUpTo {
            notices.append(.targetTruncated(at: kept + 1, writtenTo: lostUpTo))
        }
        foreignProducers = comparison.foreignProducers
        if let producer = assignment.producer, !goesOn(producer, behind: assignment.resumed?.targetOffset ?? -1) {
            assignment.producer = nil
            assignment.resumed?.producer = nil
        }
        stage = .done(.begin(assignment))
    }

    private mutating func begin(lost end: Int64, written: Int64) {
        notices.append(.targetLost(end: end, writtenTo: written))
        // What it still has, or has again since a run before, need not come twice.
        stage = end > 0 ? .targetStart(behind: nil) : .done(.begin(Self.beginning(mirrored, at: .earliest)))
    }

    private static func beginning(_ mirrored: TopicPlan.Mirrored, at start: StartPosition) -> PartitionAssignment {
        PartitionAssignment(
            source: mirrored.source,
            sourceTopicID: mirrored.sourceTopicID,
            target: mirrored.target,
            targetTopicID: mirrored.targetTopicID,
            start: start
        )
    }

    static func after(_ record: ProgressRecord, _ mirrored: TopicPlan.Mirrored) -> PartitionAssignment {
        var assignment = PartitionAssignment(
            source: mirrored.source,
            sourceTopicID: mirrored.sourceTopicID,
            target: mirrored.target,
            targetTopicID: mirrored.targetTopicID,
            start: .offset(record.offset + 1),
            resumed: PartitionPosition(
                sourceOffset: record.offset,
                targetOffset: record.targetOffset,
                leaderEpoch: record.leaderEpoch ?? -1,
                sourceTopicID: mirrored.sourceTopicID,
                producer: record.producer?.stamp
            )
        )
        assignment.resumed?.isApart = record.isApart
        assignment.isComparable = record.targetOffset != nil || record.isStart
        return assignment
    }
}
