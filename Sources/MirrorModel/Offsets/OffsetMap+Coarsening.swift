extension OffsetMap {
    /// Gives up every second run of the older part until a quarter of the limit is free again.
    ///
    /// Where the target's offsets go through without a jump the answer in place of a run is off by no more than the
    /// holes around it; elsewhere it is the end of the run before.
    mutating func coarsen() {
        let goal = Int(byteLimit) * 3 / 4
        while sealed.bytes.count > goal, sealed.count > 1 {
            let entries = Array(sealed)
            // The last one stays, so that what is given up always has a run on both sides.
            let older = max(min(entries.count * 3 / 4, entries.count - 1), 1)
            var isDropped = [Bool](repeating: false, count: entries.count)
            for first in stride(from: 0, to: older, by: 2) {
                let second = first + 1
                // The longer one of two says more.
                let isSecond = second < older && entries[second].run.count < entries[first].run.count
                isDropped[isSecond ? second : first] = true
            }
            rebuild(entries, without: isDropped)
        }
    }

    private mutating func rebuild(_ entries: [PackedRuns.Entry], without isDropped: [Bool]) {
        var result = PackedRuns(baseSource: sealed.baseSource, baseTarget: sealed.baseTarget)
        result.bytes.reserveCapacity(sealed.bytes.count)
        var targetEnd = sealed.baseTarget
        /// What the runs given up since the last kept one leave behind.
        var carried: Gap?
        func merged(_ run: Run, _ gap: Gap) -> Gap {
            guard let carried else { return gap }
            let isCounted = carried == .counted && (gap == .counted || (gap == .scanned && run.target == targetEnd))
            return isCounted ? .counted : .unknown
        }
        for (entry, isDropped) in zip(entries, isDropped) {
            let gap = merged(entry.run, entry.gap)
            if isDropped {
                let isCounted = gap == .counted || (gap == .scanned && entry.run.target == targetEnd)
                carried = isCounted ? .counted : .unknown
                lostRuns &+= 1
                lostRecords += entry.run.count
            } else {
                result.append(entry.run, gap)
                carried = nil
            }
            targetEnd = entry.run.targetEnd
        }
        sealed = result
        edition &+= 1
    }
}
