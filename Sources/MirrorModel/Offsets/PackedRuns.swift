/// Runs of an offset map as differences to their predecessor, in variable-length integers.
struct PackedRuns: Sendable, Equatable {
    struct Entry {
        var run: OffsetMap.Run
        /// What lies between the run and its predecessor.
        var gap: OffsetMap.Gap
    }

    /// The position before the first run.
    var baseSource: Int64
    var baseTarget: Int64
    /// The position after the last run.
    var sourceEnd: Int64
    var targetEnd: Int64
    var bytes: [UInt8] = []
    var count: UInt32 = 0

    init(baseSource: Int64 = 0, baseTarget: Int64 = 0) {
        self.baseSource = baseSource
        self.baseTarget = baseTarget
        self.sourceEnd = baseSource
        self.targetEnd = baseTarget
    }

    /// The beginning of what is left when the target begins at `targetStart`, before the first run that is still there.
    init(from first: Entry, behind before: (source: Int64, target: Int64), at targetStart: Int64) {
        if first.gap == .scanned || first.run.target <= targetStart {
            let rest = Self.rest(of: first, at: targetStart).run
            self.init(baseSource: rest.source, baseTarget: rest.target)
        } else {
            // Records before the run may still be there.
            self.init(baseSource: before.source, baseTarget: Swift.max(before.target, targetStart))
        }
    }

    /// The part of a run that is still there when the target begins at `targetStart`.
    static func rest(of entry: Entry, at targetStart: Int64) -> Entry {
        let skipped = targetStart - entry.run.target
        guard skipped > 0 else { return entry }
        let run = OffsetMap.Run(
            source: entry.run.source + skipped,
            target: entry.run.target + skipped,
            count: entry.run.count - skipped
        )
        return Entry(run: run, gap: .scanned)
    }

    mutating func append(_ entry: Entry) { append(entry.run, entry.gap) }

    /// Adds a run that begins at or after the end of the last one, on both sides.
    mutating func append(_ run: OffsetMap.Run, _ gap: OffsetMap.Gap) {
        if bytes.capacity < bytes.count + 32 {
            // Growing by an eighth keeps the unused part small; doubling would waste half of the budget.
            bytes.reserveCapacity(bytes.count + Swift.max(bytes.count / 8, 32))
        }
        let jump = UInt64(bitPattern: run.target - targetEnd)
        let skipped = UInt64(bitPattern: run.source - sourceEnd)
        // Three bits of flags; the rest of the first number would overflow only beyond 2^60.
        bytes.append(UInt8(gap.rawValue << 1 | (jump == 0 ? 0 : 1)) | (skipped < 16 ? UInt8(skipped) << 3 : 0x80))
        if skipped >= 16 { Self.write(skipped, to: &bytes) }
        Self.write(UInt64(bitPattern: run.count), to: &bytes)
        if jump != 0 { Self.write(jump, to: &bytes) }
        sourceEnd = run.sourceEnd
        targetEnd = run.targetEnd
        count += 1
    }

    /// Removes the runs that end after a source offset and returns the first of them.
    mutating func cut(at source: Int64) -> Entry? {
        var iterator = makeIterator()
        while true {
            let before = iterator
            guard let entry = iterator.next() else { return nil }
            guard entry.run.sourceEnd > source else { continue }
            bytes.removeSubrange(before.index...)
            count = before.passed
            sourceEnd = before.sourceEnd
            targetEnd = before.targetEnd
            return entry
        }
    }

    static func write(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    static func read(_ bytes: [UInt8], _ index: inout Int) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while index < bytes.count, shift < 64 {
            let byte = bytes[index]
            index += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }
}

extension PackedRuns: Sequence {
    struct Iterator: IteratorProtocol {
        let bytes: [UInt8]
        var index = 0
        var passed: UInt32 = 0
        var sourceEnd: Int64
        var targetEnd: Int64

        /// The next run; nil at the end and at bytes that are no run.
        mutating func next() -> Entry? {
            guard index < bytes.count else { return nil }
            var at = index
            let first = bytes[at]
            at += 1
            var skipped = UInt64(first >> 3)
            if first & 0x80 != 0 {
                guard first & 0x78 == 0, let long = PackedRuns.read(bytes, &at) else { return nil }
                skipped = long
            }
            guard let gap = OffsetMap.Gap(rawValue: first >> 1 & 3), let count = PackedRuns.read(bytes, &at)
            else { return nil }
            var jump: UInt64 = 0
            if first & 1 != 0 {
                guard let long = PackedRuns.read(bytes, &at) else { return nil }
                jump = long
            }
            guard let source = Self.sum(sourceEnd, skipped), let target = Self.sum(targetEnd, jump),
                let sourceAfter = Self.sum(source, count), let targetAfter = Self.sum(target, count), count > 0
            else { return nil }
            index = at
            passed += 1
            sourceEnd = sourceAfter
            targetEnd = targetAfter
            return Entry(run: OffsetMap.Run(source: source, target: target, count: Int64(count)), gap: gap)
        }

        private static func sum(_ a: Int64, _ b: UInt64) -> Int64? {
            guard let b = Int64(exactly: b) else { return nil }
            let (sum, overflow) = a.addingReportingOverflow(b)
            return overflow ? nil : sum
        }
    }

    func makeIterator() -> Iterator {
        Iterator(bytes: bytes, sourceEnd: baseSource, targetEnd: baseTarget)
    }
}
