import Foundation
import MirrorModel
import TestSupport
import Testing

/// The offset map against arrays of records.
///
/// `OFFSET_MAP_CASES` sets the number of questions, a million without it, `OFFSET_MAP_SEED` the first history.
@Suite struct OffsetMapPropertyTests {
    /// The mirror as it is: which source record each target offset holds, nil for a marker.
    private struct Model {
        var target: [Int64?] = []
        /// What is before is deleted by retention.
        var targetStart: Int64 = 0
        var lastCopy: [Int64: Int64] = [:]
        var scannedEnd: Int64 = 0

        mutating func write(_ source: Int64) {
            lastCopy[source] = Int64(target.count)
            target.append(source)
        }

        /// For every source offset up to `end`: the furthest position from which no mirrored record from there on is
        /// missed, and the source record that comes next of those that the target still has.
        func answers(upTo end: Int64) -> [(right: Int64, next: Int64)] {
            var answers = (0...end).map { (right: Int64(target.count), next: max($0, scannedEnd)) }
            var answer = (right: Int64(target.count), next: scannedEnd)
            for source in stride(from: scannedEnd - 1, through: 0, by: -1) {
                if let copy = lastCopy[source], copy >= targetStart { answer = (min(copy, answer.right), source) }
                answers[Int(source)] = answer
            }
            return answers
        }

        /// How many target offsets before each one hold a record.
        func recordsBefore() -> [Int] {
            var count = 0
            return target.map { record in
                defer { count += record == nil ? 0 : 1 }
                return count
            } + [count]
        }
    }

    /// One history: the map, the truth, and what was kept of the map.
    private struct History {
        let seed: UInt64
        /// A tight limit makes the map forget; the others must be exact all the time.
        let isTight: Bool
        let hasMarkers: Bool
        let losesSight: Bool
        var map: OffsetMap
        var model = Model()
        var kept: (bytes: [UInt8], end: OffsetMap.Bookmark)?
        var random: SeededGenerator

        var limit: Int { isTight ? 64 : 1 << 16 }

        init(seed: UInt64) {
            self.seed = seed
            random = SeededGenerator(seed: seed)
            isTight = Bool.random(using: &random)
            hasMarkers = Bool.random(using: &random)
            losesSight = Int.random(in: 0..<4, using: &random) == 0
            map = OffsetMap(byteLimit: isTight ? 64 : 1 << 16)
            for _ in 0..<Int.random(in: 0...3, using: &random) { model.target.append(-1) }
            map.resume(source: 0, target: Int64(model.target.count))
        }

        mutating func step() throws {
            switch Int.random(in: 0..<40, using: &random) {
            case 0...2:
                // A restart or a truncated source: records are read again, and may be others now.
                let source = Int64.random(in: max(model.scannedEnd - 8, 0)...model.scannedEnd, using: &random)
                model.scannedEnd = source
                model.lastCopy = model.lastCopy.filter { $0.key < source }
                map.resume(source: source, target: Int64(model.target.count))
            case 3: truncateTarget()
            case 4:
                model.targetStart = Int64.random(
                    in: model.targetStart...min(model.targetStart + 5, Int64(model.target.count)),
                    using: &random
                )
                map.trim(targetStart: model.targetStart)
            case 5 where losesSight:
                for offset in model.scannedEnd..<model.scannedEnd + 3 { model.write(offset) }
                model.scannedEnd += 3
                map.loseSight(scannedEnd: model.scannedEnd)
            case 6: kept = (map.encoded(), map.bookmark)
            case 7, 8: try restore()
            case 9...12 where hasMarkers: model.target.append(nil)
            case 13...18:
                // Holes: compaction, control records, aborted or filtered records.
                model.scannedEnd += Int64.random(in: 1...4, using: &random)
                map.advance(scannedEnd: model.scannedEnd)
            default:
                let count = Int64.random(in: 1...12, using: &random)
                let source = model.scannedEnd
                let target = Int64(model.target.count)
                for offset in source..<source + count { model.write(offset) }
                model.scannedEnd += count
                map.append(source: source, target: target, count: count)
            }
        }

        /// The target loses its tail; the map says from where it has to be copied again.
        private mutating func truncateTarget() {
            let count = Int64(model.target.count)
            let end = Int64.random(in: max(count - 9, model.targetStart)...count, using: &random)
            guard let source = map.truncate(target: end) else { return }
            let isWrong = model.lastCopy.contains { ($0.key < source) != ($0.value < end) && $0.key < model.scannedEnd }
            #expect(!isWrong || losesSight, "seed \(seed): cut off at \(end), copied again from \(source)")
            model.target.removeLast(Int(count - end))
            model.lastCopy = model.lastCopy.filter { $0.key < source && $0.value < end }
            model.scannedEnd = source
        }

        /// A stop or a crash: the map is read back, in one piece or in two.
        private mutating func restore() throws {
            var restored = try OffsetMap(encoded: map.encoded(), byteLimit: limit)
            #expect(restored == map, "seed \(seed)")
            if let kept, let later = map.encoded(since: kept.end) {
                restored = try OffsetMap(encoded: later, byteLimit: limit)
                let meeting = restored.adopt(try OffsetMap(encoded: kept.bytes, byteLimit: limit))
                #expect(meeting != nil, "seed \(seed)")
                self.kept = meeting.map { (kept.bytes, $0) }
                for _ in 0..<(isTight ? 0 : 20) {
                    let source = Int64.random(in: 0...model.scannedEnd + 2, using: &random)
                    let (before, after) = (map.translate(source: source), restored.translate(source: source))
                    if before != after { Issue.record("seed \(seed): \(source) is \(before), restored \(after)") }
                }
            } else {
                kept = nil
            }
            map = restored
        }
    }

    private struct Totals {
        var cases = 0
        var exact = 0
        var lost = 0
        var histories = 0

        static func += (a: inout Totals, b: Totals) {
            a.cases += b.cases
            a.exact += b.exact
            a.lost += b.lost
            a.histories += b.histories
        }
    }

    /// Lives through one history and asks for every source offset in it.
    ///
    /// What is expected is checked without a macro: a million times each would take longer than the map does.
    private static func check(seed: UInt64, _ totals: inout Totals) throws {
        var history = History(seed: seed)
        let length = history.isTight ? 240 : 60
        for _ in 0..<Int.random(in: 1...length, using: &history.random) { try history.step() }
        let (map, model) = (history.map, history.model)
        let answers = model.answers(upTo: model.scannedEnd + 2)
        let recordsBefore = model.recordsBefore()
        func fail(_ text: String) { Issue.record("seed \(seed): \(text)") }
        var previous: Int64 = 0
        for source in 0...model.scannedEnd + 2 {
            let (right, next) = answers[Int(source)]
            let answer = map.translate(source: source)
            let ours: Int64
            if case .beforeHistory(let earliest) = answer {
                ours = earliest
            } else {
                ours = try #require(answer.offset, "seed \(seed)")
            }
            if ours > right { fail("\(source) is ahead: \(ours), right is \(right)") }
            if ours < previous { fail("\(source) goes back from \(previous) to \(ours)") }
            if case .exact = answer {
                totals.exact += 1
                // Nothing but markers may lie between.
                if ours <= right, recordsBefore[Int(ours)] != recordsBefore[Int(right)] {
                    fail("\(source) -> \(ours), right is \(right)")
                }
            } else if source <= model.scannedEnd, !history.isTight, !history.losesSight,
                answer != .beforeHistory(earliest: ours)
            {
                fail("\(source) is not exact but \(answer)")
            }
            previous = ours
            totals.cases += 1
            // And back again: what a group has not read at the target it must still get at the source.
            if let back = map.translate(target: ours).offset, back > max(source, next) {
                fail("\(source) back is \(back)")
            }
        }
        totals.lost += Int(map.lostRuns)
        if !history.isTight, map.lostRuns > 0 { fail("runs are given up though there is room") }
        totals.histories += 1
    }

    @Test func neverAheadAndExactWhereKnown() async throws {
        let environment = ProcessInfo.processInfo.environment
        let wanted = environment["OFFSET_MAP_CASES"].flatMap { Int($0) } ?? 1_000_000
        let first = environment["OFFSET_MAP_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0..<1 << 40)
        print("offset map histories from OFFSET_MAP_SEED=\(first)")
        let workers = ProcessInfo.processInfo.activeProcessorCount
        let totals = try await withThrowingTaskGroup(of: Totals.self) { group in
            for worker in 0..<workers {
                group.addTask {
                    var totals = Totals()
                    var seed = first + UInt64(worker)
                    while totals.cases < (wanted + workers - 1) / workers {
                        try Self.check(seed: seed, &totals)
                        seed += UInt64(workers)
                    }
                    return totals
                }
            }
            var all = Totals()
            for try await totals in group { all += totals }
            return all
        }
        print(
            "offset map: \(totals.cases) cases in \(totals.histories) histories, \(totals.exact) exact,",
            "\(totals.lost) runs given up"
        )
        #expect(totals.cases >= wanted && totals.exact > totals.cases / 2 && totals.lost > 0)
    }

    @Test func fiftyThousandLongHistoriesFit() {
        let limit = OffsetMap.byteLimit(partitions: 50_000)
        var map = OffsetMap(byteLimit: limit)
        var source: Int64 = 1_000_000
        var target: Int64 = 500_000
        for index in 0..<20_000 {
            let count = Int64(50 + index % 300)
            map.append(source: source, target: target, count: count)
            source += count + 1
            target += count
        }
        let total = 50_000 * (MemoryLayout<OffsetMap>.stride * 4 / 3 + 48 + map.byteCount)
        print(
            "offset map: \(MemoryLayout<OffsetMap>.stride) bytes + \(map.byteCount) for \(map.runCount) runs,",
            "\(map.byteCount * 10 / map.runCount) tenths of a byte per run; 50,000 partitions: \(total >> 20) MiB"
        )
        #expect(total <= 64 << 20)
        #expect(map.lostRuns > 0)
    }
}
