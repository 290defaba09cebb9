/// Keeping a map in two pieces: one that is large and rarely written, and the little that came since.
extension OffsetMap {
    /// A place in the history, up to which everything is kept somewhere else.
    package struct Bookmark: Sendable, Equatable {
        var edition: UInt32
        var byteCount: Int
        var runCount: UInt32
        var sourceEnd: Int64
        var targetEnd: Int64
    }

    /// The end of what cannot change any more, but be given up.
    package var bookmark: Bookmark {
        Bookmark(
            edition: edition,
            byteCount: sealed.bytes.count,
            runCount: sealed.count,
            sourceEnd: sealed.sourceEnd,
            targetEnd: sealed.targetEnd
        )
    }

    /// The beginning of all that is known here.
    package var beginning: Bookmark {
        Bookmark(
            edition: edition,
            byteCount: 0,
            runCount: 0,
            sourceEnd: sealed.baseSource,
            targetEnd: sealed.baseTarget
        )
    }

    /// What was before will not be adopted.
    package mutating func endContinuation() {
        isContinuation = false
    }

    /// What came after a bookmark, for `adopt`; nil when what was before has changed since.
    package func encoded(since bookmark: Bookmark) -> [UInt8]? {
        guard !isEmpty, bookmark.edition == edition, bookmark.byteCount <= sealed.bytes.count else { return nil }
        var later = self
        later.sealed = PackedRuns(baseSource: bookmark.sourceEnd, baseTarget: bookmark.targetEnd)
        later.sealed.bytes = Array(sealed.bytes[bookmark.byteCount...])
        later.sealed.count = sealed.count - bookmark.runCount
        later.sealed.sourceEnd = sealed.sourceEnd
        later.sealed.targetEnd = sealed.targetEnd
        later.isOrigin = false
        later.isContinuation = true
        return later.encoded()
    }

    /// Puts what was known earlier before what is known here.
    /// - Returns: the place where the two meet; nil, and nothing is changed, when they do not fit together.
    package mutating func adopt(_ earlier: OffsetMap) -> Bookmark? {
        guard !earlier.isEmpty else { return nil }
        guard !isEmpty else {
            let limit = byteLimit
            self = earlier
            self.limit(bytes: Int(limit))
            return bookmark
        }
        if let before = earlier.prefix(source: sealed.baseSource, target: sealed.baseTarget) {
            let meeting = insert(before)
            isOrigin = earlier.isOrigin
            isContinuation = earlier.isContinuation
            limit(bytes: Int(byteLimit))
            return meeting
        }
        return join(earlier)
    }

    /// The runs that end at this place, where one ends exactly there.
    private func prefix(source: Int64, target: Int64) -> PackedRuns? {
        var runs = sealed
        if tail.count > 0 { runs.append(tail, tailGap) }
        var iterator = runs.makeIterator()
        while iterator.sourceEnd != source || iterator.targetEnd != target {
            guard iterator.sourceEnd <= source, iterator.next() != nil else { return nil }
        }
        var prefix = PackedRuns(baseSource: runs.baseSource, baseTarget: runs.baseTarget)
        prefix.bytes = Array(runs.bytes[..<iterator.index])
        prefix.count = iterator.passed
        return prefix
    }

    private mutating func insert(_ before: PackedRuns) -> Bookmark {
        let meeting = Bookmark(
            edition: edition &+ 1,
            byteCount: before.bytes.count,
            runCount: before.count,
            sourceEnd: sealed.baseSource,
            targetEnd: sealed.baseTarget
        )
        edition &+= 1
        sealed.baseSource = before.baseSource
        sealed.baseTarget = before.baseTarget
        sealed.bytes = before.bytes + sealed.bytes
        sealed.count += before.count
        return meeting
    }

    /// Goes back in the earlier map to where this one begins, and adds what is here.
    private mutating func join(_ earlier: OffsetMap) -> Bookmark? {
        let (source, target) = (sealed.baseSource, sealed.baseTarget)
        var result = earlier
        result.byteLimit = byteLimit
        if target < result.targetEnd {
            // Another history would have put that record somewhere else.
            guard let cut = result.truncate(target: target), cut >= source else { return nil }
        }
        guard source >= result.sealed.baseSource else { return nil }
        result.resume(source: source, target: target)
        result.sealTail()
        let meeting = result.bookmark
        for entry in sealed { result.add(entry.run, entry.gap) }
        if tail.count > 0 { result.add(tail, tailGap) }
        result.pendingGap = max(pendingGap, result.scannedEnd < scannedEnd ? result.pendingGap : .scanned)
        result.scannedEnd = max(result.scannedEnd, scannedEnd)
        result.targetEnd = max(result.targetEnd, targetEnd)
        result.lostRuns = max(lostRuns, earlier.lostRuns) &+ (result.lostRuns &- earlier.lostRuns)
        result.lostRecords = max(lostRecords, earlier.lostRecords) + (result.lostRecords - earlier.lostRecords)
        result.targetResets = max(targetResets, earlier.targetResets)
        result.isContinuation = earlier.isContinuation
        self = result
        return meeting
    }
}
