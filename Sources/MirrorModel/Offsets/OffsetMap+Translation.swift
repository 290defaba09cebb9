extension OffsetMap {
    /// The position in the mirror of the next record that a group with this committed source offset would read.
    package func translate(source: Int64) -> OffsetTranslation {
        guard !isEmpty else { return .unknown(.nothingMirrored) }
        guard source >= sealed.baseSource else {
            return isOrigin ? .beforeHistory(earliest: sealed.baseTarget) : .unknown(.beforeKnownHistory)
        }
        if source >= sourceEnd {
            // Its next record is not mirrored yet and will be written at the end.
            let isKnown = source <= scannedEnd && (pendingGap == .scanned || source == sourceEnd)
            if pendingGap == .scanned { return isKnown ? .exact(targetEnd) : .bounded(targetEnd) }
            let end = tail.count > 0 ? tail.targetEnd : sealed.targetEnd
            return targetEnd == end && isKnown ? .exact(end) : .bounded(end)
        }
        if tail.count > 0, source >= tail.source { return .exact(tail.target + (source - tail.source)) }
        var before = (source: sealed.baseSource, target: sealed.baseTarget)
        for entry in sealed {
            if source < entry.run.source { return Self.translate(source, before, entry.run, entry.gap) }
            if source < entry.run.sourceEnd { return .exact(entry.run.target + (source - entry.run.source)) }
            before = (entry.run.sourceEnd, entry.run.targetEnd)
        }
        return Self.translate(source, before, tail, tailGap)
    }

    private static func translate(
        _ source: Int64,
        _ before: (source: Int64, target: Int64),
        _ next: Run,
        _ gap: Gap
    ) -> OffsetTranslation {
        switch gap {
        case .scanned: return .exact(next.target)
        case .unknown: return .bounded(before.target)
        case .counted:
            // There cannot be more records up to the next run than offsets, nor more before than offsets.
            let lowest = max(before.target, next.target - (next.source - source))
            let highest = min(next.target, before.target + (source - before.source))
            return lowest == highest ? .exact(lowest) : .bounded(lowest)
        }
    }

    /// The source offset from which a group goes on that has read the mirror up to this target offset (failback).
    package func translate(target: Int64) -> OffsetTranslation {
        guard !isEmpty else { return .unknown(.nothingMirrored) }
        guard target >= sealed.baseTarget else {
            return isOrigin ? .beforeHistory(earliest: sealed.baseSource) : .unknown(.beforeKnownHistory)
        }
        if tail.count > 0, target >= tail.target {
            if target < tail.targetEnd { return .exact(tail.source + (target - tail.target)) }
            return translateAfterLast(target: target)
        }
        var before = (source: sealed.baseSource, target: sealed.baseTarget)
        for entry in sealed {
            if target < entry.run.target { return Self.translate(target: target, before, entry.run, entry.gap) }
            if target < entry.run.targetEnd { return .exact(entry.run.source + (target - entry.run.target)) }
            before = (entry.run.sourceEnd, entry.run.targetEnd)
        }
        guard tail.count > 0 else { return translateAfterLast(target: target) }
        return Self.translate(target: target, before, tail, tailGap)
    }

    private func translateAfterLast(target: Int64) -> OffsetTranslation {
        if pendingGap != .scanned { return .bounded(sourceEnd) }
        return target <= targetEnd ? .exact(scannedEnd) : .bounded(scannedEnd)
    }

    private static func translate(
        target: Int64,
        _ before: (source: Int64, target: Int64),
        _ next: Run,
        _ gap: Gap
    ) -> OffsetTranslation {
        switch gap {
        case .scanned: return .exact(next.source)
        case .unknown: return .bounded(before.source)
        case .counted:
            let lowest = before.source + (target - before.target)
            let highest = next.source - (next.target - target)
            return lowest == highest ? .exact(lowest) : .bounded(min(lowest, highest))
        }
    }
}
