import Foundation
import MirrorModel
import TestSupport
import Testing

/// The offset map against arrays of records.
///
/// `OFFSET_MAP_CASES` sets the number of questions, `OFFSET_MAP_SEED` the
/// first history.
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

        /// The furthest position from which no mirrored record from `source` on is missed.
        func right(_ source: Int64) -> Int64 {
            lastCopy.lazy.filter { $0.key >= source && $0.key < scannedEnd && $0.value >= targetStart }
                .map(\.value).min() ?? Int64(target.count)
        }

        /// The source record that comes next for a group at `source`, of those that the target still has.
        func next(_ source: Int64) -> Int64 {
            lastCopy.lazy.filter { $0.key >= source && $0.key < scannedEnd && $0.value >= targetStart }.map(\.key).min()
                ?? max(source, scannedEnd)
        }

        /// Whether nothing but markers lies between two positions.
        func isSame(_ a: Int64, _ b: Int64) -> Bool {
            a == b || (a < b && target[Int(a)..<Int(b)].allSatisfy { $0 == nil })
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
                if !isTight {
                    for source in 0...model.scannedEnd + 2 {
                        let (before, after) = (map.translate(source: source), restored.translate(source: source))
                        #expect(before == after, "seed \(seed): \(source)")
                    }
                }
            } else {
                kept = nil
            }
            map = restored
        }
    }

    @Test func neverAheadAndExactWhereKnown() throws {
        let environment = ProcessInfo.processInfo.environment
        let wanted = environment["OFFSET_MAP_CASES"].flatMap { Int($0) } ?? 5_000
        let first = environment["OFFSET_MAP_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0..<1 << 40)
        print("offset map histories from OFFSET_MAP_SEED=\(first)")
        var cases = 0
        var exact = 0
        var lost = 0
        var seed = first
        while cases < wanted {
            var history = History(seed: seed)
            let length = history.isTight ? 240 : 60
            for _ in 0..<Int.random(in: 1...length, using: &history.random) { try history.step() }
            let (map, model) = (history.map, history.model)
            var previous: Int64 = 0
            for source in 0...model.scannedEnd + 2 {
                let right = model.right(source)
                let answer = map.translate(source: source)
                let ours: Int64
                if case .beforeHistory(let earliest) = answer {
                    ours = earliest
                } else {
                    ours = try #require(answer.offset, "seed \(seed)")
                }
                #expect(ours <= right, "seed \(seed): \(source) is ahead")
                #expect(ours >= previous, "seed \(seed): \(source) goes back")
                if case .exact = answer {
                    exact += 1
                    #expect(model.isSame(ours, right), "seed \(seed): \(source) -> \(ours), right is \(right)")
                } else {
                    let isKnown = source <= model.scannedEnd && !history.isTight && !history.losesSight
                    #expect(
                        !isKnown || answer == .beforeHistory(earliest: ours),
                        "seed \(seed): \(source) is not exact"
                    )
                }
                previous = ours
                cases += 1
                // And back again: what a group has not read at the target it must still get at the source.
                if let back = map.translate(target: ours).offset {
                    #expect(back <= max(source, model.next(source)), "seed \(seed): \(source) back is \(back)")
                }
            }
            lost += Int(map.lostRuns)
            #expect(history.isTight || map.lostRuns == 0)
            seed += 1
        }
        print("offset map: \(cases) cases in \(seed - first) histories, \(exact) exact, \(lost) runs given up")
        #expect(lost > 0)
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
