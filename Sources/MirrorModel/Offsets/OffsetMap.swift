/// What a source offset is in the mirror, or the other way round.
package enum OffsetTranslation: Sendable, Equatable {
    /// There is no answer, and why.
    case unknown(Reason)
    /// The offset lies before where mirroring began, or before what the mirror still holds; `earliest` is the first
    /// position there is.
    case beforeHistory(earliest: Int64)
    /// The next record that the group would read is here, or nothing but markers lies between.
    case exact(Int64)
    /// Never past an unread record, but some records may be read again.
    case bounded(Int64)

    /// Why an offset cannot be translated.
    package enum Reason: String, Sendable {
        /// No record of the partition has been mirrored as far as anybody knows.
        case nothingMirrored
        /// Records were mirrored before the oldest one that is known, and where they went is not.
        case beforeKnownHistory
    }

    /// The position, unless there is none that is known to be right.
    package var offset: Int64? {
        switch self {
        case .exact(let offset), .bounded(let offset): offset
        case .unknown, .beforeHistory: nil
        }
    }
}

/// Where the records of one source partition are in its mirror, both ways.
///
/// The history is a list of runs in which the difference between the two offsets is constant. The last run grows in
/// place; the others are kept as differences to their predecessor in variable-length integers, two to four bytes for
/// a usual run. Beyond `byteLimit` older runs are merged: what is then answered in their place can lie further back
/// than before, never further ahead, and `lostRuns` and `lostRecords` count it.
package struct OffsetMap: Sendable, Equatable {
    /// Records at consecutive offsets on both sides.
    package struct Run: Sendable, Equatable {
        package var source: Int64
        package var target: Int64
        package var count: Int64

        package init(source: Int64, target: Int64, count: Int64) {
            self.source = source
            self.target = target
            self.count = count
        }

        var sourceEnd: Int64 { source + count }
        var targetEnd: Int64 { target + count }
    }

    /// What is known of the source offsets between two runs.
    package enum Gap: UInt8, Sendable {
        /// They hold no record that is mirrored: holes of compaction, control records, aborted or filtered records.
        case scanned = 0
        /// They may hold records, and every target offset in between is one of them, in the same order.
        case counted = 1
        /// They may hold records.
        case unknown = 2
    }

    package static let defaultByteLimit = 16 * 1024

    package internal(set) var byteLimit: Int32
    /// How many runs were given up to stay within `byteLimit`.
    package internal(set) var lostRuns: UInt32 = 0
    /// How many records these runs had.
    package internal(set) var lostRecords: Int64 = 0
    /// How often the target's offsets went back, which ends all that was known.
    package internal(set) var targetResets: UInt32 = 0

    /// All runs but the last.
    var sealed = PackedRuns()
    /// The last run; it has no records when there is none after the sealed ones.
    var tail = Run(source: 0, target: 0, count: 0)
    var tailGap = Gap.scanned
    /// What is known of the offsets between the last run and `scannedEnd`.
    var pendingGap = Gap.scanned
    /// The next source offset that has not been looked at.
    package internal(set) var scannedEnd: Int64 = -1
    /// Whether nothing was mirrored before the first known position, or it is no longer there.
    package var isOrigin = false
    /// Whether what was before is kept somewhere else and has to be adopted.
    package internal(set) var isContinuation = false
    /// How often what is sealed was written anew instead of being added to; tells whether a `Bookmark` still holds.
    package internal(set) var edition: UInt32 = 0
    /// The target offset after all that was ever written; it stays when the source is rewound.
    package internal(set) var targetEnd: Int64 = -1

    /// - Parameter byteLimit: how many bytes the runs may take.
    package init(byteLimit: Int = OffsetMap.defaultByteLimit) {
        self.byteLimit = Int32(clamping: max(byteLimit, 64))
    }

    /// The limit per partition with which the maps of `partitions` together stay within `budget` bytes.
    package static func byteLimit(partitions: Int, budget: Int = 64 << 20) -> Int {
        // The value itself, its place in a table that is three quarters full, and the head of the array.
        // The array itself may be an eighth longer than its contents.
        let overhead = MemoryLayout<OffsetMap>.stride * 4 / 3 + 96
        return min(max((budget / max(partitions, 1) - overhead) * 8 / 9 - 32, 64), 64 << 10)
    }

    /// Whether nothing at all is known, not even where the mirror begins.
    package var isEmpty: Bool { scannedEnd < 0 }

    /// The source offsets that are known; empty when nothing is.
    package var sourceOffsets: Range<Int64> { isEmpty ? 0..<0 : sealed.baseSource..<max(scannedEnd, sealed.baseSource) }

    /// The target offsets that are known; empty when nothing is.
    package var targetOffsets: Range<Int64> { isEmpty ? 0..<0 : sealed.baseTarget..<max(targetEnd, sealed.baseTarget) }

    /// The end of the history: all that offset syncs are made of.
    package struct Latest: Sendable, Equatable {
        /// The last record before the last run.
        package var previous: (source: Int64, target: Int64)?
        package var run: Run

        package static func == (a: Self, b: Self) -> Bool {
            a.run == b.run && a.previous?.source == b.previous?.source && a.previous?.target == b.previous?.target
        }
    }

    /// The last run; nil when there is none.
    package var latest: Latest? {
        guard tail.count > 0 else { return nil }
        return Latest(previous: sealed.count > 0 ? (sealed.sourceEnd - 1, sealed.targetEnd - 1) : nil, run: tail)
    }

    /// All runs in order.
    package var runs: [Run] { sealed.map(\.run) + (tail.count > 0 ? [tail] : []) }

    /// The number of runs.
    package var runCount: Int { Int(sealed.count) + (tail.count > 0 ? 1 : 0) }

    /// The bytes that the runs may take from now on; what is over the limit goes at once.
    package mutating func limit(bytes: Int) {
        byteLimit = Int32(clamping: max(bytes, 64))
        if sealed.bytes.count > Int(byteLimit) { coarsen() }
    }

    /// Whether the next run but the last could be one too many for `byteLimit`.
    package var isNearlyFull: Bool { sealed.bytes.count + 32 > Int(byteLimit) }

    /// The bytes that the runs take, without the value itself.
    package var byteCount: Int { sealed.bytes.capacity }

    /// The source offset after the last known record.
    var sourceEnd: Int64 { tail.count > 0 ? tail.sourceEnd : sealed.sourceEnd }

    // MARK: Writing the history

    /// Says where the mirror continues, before the first record and after every interruption.
    /// - Parameters:
    ///   - source: the next source offset that is read.
    ///   - target: the end of the target's log, where the next record will be.
    ///   - isSkippedPartEmpty: whether the offsets between the last known one and `source` will never be mirrored
    ///     (deleted by retention); otherwise they may have been, unseen.
    ///   - isOrigin: whether nothing of the source was mirrored before, if nothing is known yet.
    package mutating func resume(
        source: Int64,
        target: Int64,
        isSkippedPartEmpty: Bool = false,
        isOrigin: Bool = false
    ) {
        guard source >= 0, target >= 0 else { return }
        if isEmpty {
            begin(source: source, target: target)
            self.isOrigin = self.isOrigin || isOrigin || source == 0 || target == 0
            return
        }
        if target < targetEnd {
            reset(source: source, target: target)
            return
        }
        if source < scannedEnd { rewind(to: source) }
        if source > scannedEnd {
            if !isSkippedPartEmpty { pendingGap = .unknown }
            scannedEnd = source
        }
        if target > targetEnd {
            // Unseen records or markers. They belong to the source's unscanned part, if there is one.
            targetEnd = target
        }
    }

    /// Adds records that were written, in the order of the source, all records in between having been looked at.
    package mutating func append(source: Int64, target: Int64, count: Int64) {
        // Almost every call goes on where the last one ended.
        if tail.count > 0, source == scannedEnd, target == targetEnd, count > 0,
            source &- tail.source == tail.count, target &- tail.target == tail.count
        {
            let (sourceEnd, sourceOverflow) = source.addingReportingOverflow(count)
            let (end, targetOverflow) = target.addingReportingOverflow(count)
            guard !sourceOverflow, !targetOverflow else { return }
            tail.count += count
            scannedEnd = sourceEnd
            targetEnd = end
            pendingGap = .scanned
            return
        }
        add(Run(source: source, target: target, count: count), .scanned)
    }

    /// Notes that there is nothing to mirror before this source offset.
    package mutating func advance(scannedEnd end: Int64) {
        guard !isEmpty else { return }
        scannedEnd = max(scannedEnd, end)
    }

    /// Notes that records up to this source offset were written, where nobody knows.
    package mutating func loseSight(scannedEnd end: Int64) {
        guard !isEmpty else {
            isOrigin = false
            return
        }
        guard end > scannedEnd else { return }
        pendingGap = .unknown
        scannedEnd = end
    }

    /// Adds what an offset sync says; syncs come in the order of their topic.
    ///
    /// MirrorMaker 2 drops syncs when it is busy, so nothing is concluded about the records between two of them.
    package mutating func apply(source: Int64, target: Int64) {
        if knows(source: source, target: target) { return }
        add(Run(source: source, target: target, count: 1), .unknown)
    }

    /// Forgets what the target lost at its end; the source is read again from the offset returned.
    ///
    /// Nil, and nothing is changed, when it is not known exactly where the record at `target` came from.
    package mutating func truncate(target: Int64) -> Int64? {
        guard target < targetEnd, case .exact(let source) = translate(target: target) else { return nil }
        rewind(to: source)
        targetEnd = target
        return source
    }

    /// Forgets what lies behind a position that is known to be the end of the mirror.
    ///
    /// The map may be ahead of the progress it was kept with, and the target may have lost its tail.
    package mutating func goBack(source: Int64, target: Int64) {
        guard !isEmpty else { return }
        if target < targetEnd, truncate(target: target) == nil { return }
        if source < scannedEnd { rewind(to: source) }
    }

    /// Forgets what the target has deleted.
    package mutating func trim(targetStart: Int64) {
        guard !isEmpty, targetStart > sealed.baseTarget else { return }
        edition &+= 1
        isOrigin = true
        isContinuation = false
        var before = (source: sealed.baseSource, target: sealed.baseTarget)
        var kept: PackedRuns?
        for entry in sealed {
            if entry.run.targetEnd > targetStart {
                if kept == nil { kept = PackedRuns(from: entry, behind: before, at: targetStart) }
                kept?.append(PackedRuns.rest(of: entry, at: targetStart))
            }
            before = (entry.run.sourceEnd, entry.run.targetEnd)
        }
        if let kept {
            sealed = kept
        } else if tail.count > 0, tail.targetEnd > targetStart {
            let rest = PackedRuns.rest(of: PackedRuns.Entry(run: tail, gap: tailGap), at: targetStart)
            sealed = PackedRuns(from: PackedRuns.Entry(run: tail, gap: tailGap), behind: before, at: targetStart)
            (tail, tailGap) = (rest.run, rest.gap)
        } else if pendingGap == .scanned {
            let resets = targetResets
            begin(source: scannedEnd, target: max(targetEnd, targetStart))
            targetResets = resets
        } else {
            // Records whose place is not known may still be there.
            sealed = PackedRuns(baseSource: sourceEnd, baseTarget: targetStart)
            tail.count = 0
            targetEnd = max(targetEnd, targetStart)
        }
    }

    private mutating func begin(source: Int64, target: Int64) {
        sealed = PackedRuns(baseSource: source, baseTarget: target)
        edition &+= 1
        isContinuation = false
        tail.count = 0
        tailGap = .scanned
        pendingGap = .scanned
        scannedEnd = source
        targetEnd = target
    }

    private mutating func reset(source: Int64, target: Int64) {
        begin(source: source, target: target)
        isOrigin = target == 0
        targetResets &+= 1
    }

    mutating func add(_ run: Run, _ kind: Gap) {
        guard run.source >= 0, run.target >= 0, run.count > 0,
            !run.source.addingReportingOverflow(run.count).overflow,
            !run.target.addingReportingOverflow(run.count).overflow
        else { return }
        if isEmpty {
            begin(source: run.source, target: run.target)
            isOrigin = isOrigin || run.source == 0 || run.target == 0
        } else if run.target < targetEnd {
            reset(source: run.source, target: run.target)
        }
        let isRewind = run.source < scannedEnd
        if isRewind { rewind(to: run.source) }
        let skipped = run.source - sourceEnd
        let isContiguous = tail.count > 0 && run.target >= tail.targetEnd
        let jump = run.target - (tail.count > 0 ? tail.targetEnd : sealed.targetEnd)
        var gap = max(kind, pendingGap)
        if gap == .counted {
            // Counting begins at a record and must not meet target offsets that belong to something else.
            if isRewind {
                gap = .scanned
            } else if tail.count == 0 || targetEnd != tail.targetEnd || jump > skipped {
                gap = .unknown
            }
        } else if isRewind, pendingGap == .scanned {
            gap = .scanned
        }
        if skipped == 0 { gap = .scanned }
        if isContiguous, jump == skipped, skipped == 0 || gap == .counted {
            tail.count += skipped + run.count
        } else {
            sealTail()
            tail = run
            tailGap = gap
        }
        pendingGap = .scanned
        scannedEnd = run.sourceEnd
        targetEnd = run.targetEnd
    }

    mutating func sealTail() {
        guard tail.count > 0 else { return }
        sealed.append(tail, tailGap)
        tail.count = 0
        if sealed.bytes.count > Int(byteLimit) { coarsen() }
    }

    private mutating func rewind(to source: Int64) {
        if source < sealed.baseSource {
            let end = targetEnd
            begin(source: source, target: end)
            return
        }
        if tail.count > 0, source > tail.source {
            tail.count = min(tail.count, source - tail.source)
        } else if sourceEnd > source || tail.count > 0 {
            if tail.count > 0, source >= sealed.sourceEnd {
                pendingGap = tailGap == .scanned ? .scanned : .unknown
                tail.count = 0
            } else {
                tail.count = 0
                pendingGap = .scanned
                edition &+= 1
                if let cut = sealed.cut(at: source) {
                    if cut.run.source < source {
                        tail = cut.run
                        tail.count = min(tail.count, source - tail.source)
                        tailGap = cut.gap
                    } else if cut.gap != .scanned {
                        pendingGap = .unknown
                    }
                }
            }
        }
        scannedEnd = source
    }

    private func knows(source: Int64, target: Int64) -> Bool {
        guard !isEmpty, source < sourceEnd else { return false }
        if tail.count > 0, source >= tail.source { return target - tail.target == source - tail.source }
        var sourceBefore = sealed.baseSource
        var targetBefore = sealed.baseTarget
        func isWithin(_ run: Run, _ gap: Gap) -> Bool {
            gap != .scanned && source >= sourceBefore && target >= targetBefore && target < run.target
        }
        for entry in sealed {
            if source < entry.run.source { return isWithin(entry.run, entry.gap) }
            if source < entry.run.sourceEnd { return target - entry.run.target == source - entry.run.source }
            sourceBefore = entry.run.sourceEnd
            targetBefore = entry.run.targetEnd
        }
        return tail.count > 0 && isWithin(tail, tailGap)
    }
}

extension OffsetMap {
    /// Whether both say the same; how they came to it does not count.
    package static func == (a: OffsetMap, b: OffsetMap) -> Bool {
        a.scannedEnd == b.scannedEnd && a.targetEnd == b.targetEnd && a.tail == b.tail && a.tailGap == b.tailGap
            && a.pendingGap == b.pendingGap && a.isOrigin == b.isOrigin && a.isContinuation == b.isContinuation
            && a.byteLimit == b.byteLimit
            && a.lostRuns == b.lostRuns && a.lostRecords == b.lostRecords && a.targetResets == b.targetResets
            && a.sealed == b.sealed
    }
}

extension OffsetMap.Gap: Comparable {
    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
