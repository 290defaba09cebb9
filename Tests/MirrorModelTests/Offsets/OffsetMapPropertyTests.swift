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
        var lastCopy: [Int64: Int64] = [:]
        var scannedEnd: Int64 = 0

        mutating func write(_ source: Int64) -> Int64 {
            lastCopy[source] = Int64(target.count)
            target.append(source)
            return Int64(target.count) - 1
        }

        /// The furthest position from which no mirrored record from `source` on is missed.
        func right(_ source: Int64) -> Int64 {
            lastCopy.lazy.filter { $0.key >= source && $0.key < scannedEnd }.map(\.value).min() ?? Int64(target.count)
        }

        /// Whether nothing but markers lies between two positions.
        func isSame(_ a: Int64, _ b: Int64) -> Bool {
            a == b || (a < b && target[Int(a)..<Int(b)].allSatisfy { $0 == nil })
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
            var random = SeededGenerator(seed: seed)
            // A tight limit makes the map forget; the others must be exact all the time.
            let isTight = Bool.random(using: &random)
            let hasMarkers = Bool.random(using: &random)
            var map = OffsetMap(byteLimit: isTight ? 64 : 1 << 16)
            var model = Model()
            for _ in 0..<Int.random(in: 0...3, using: &random) { model.target.append(-1) }
            map.resume(source: 0, target: Int64(model.target.count))
            for _ in 0..<Int.random(in: 1...(isTight ? 240 : 60), using: &random) {
                step(&map, &model, hasMarkers: hasMarkers, &random)
                if Int.random(in: 0..<10, using: &random) == 0 {
                    let restored = try OffsetMap(encoded: map.encoded(), byteLimit: isTight ? 64 : 1 << 16)
                    #expect(restored == map, "seed \(seed)")
                    map = restored
                }
            }
            var previous: Int64 = 0
            for source in 0...model.scannedEnd + 2 {
                let right = model.right(source)
                let answer = map.translate(source: source)
                let ours = try #require(answer.offset, "seed \(seed)")
                #expect(ours <= right, "seed \(seed): \(source) is ahead")
                #expect(ours >= previous, "seed \(seed): \(source) goes back")
                if case .exact = answer {
                    exact += 1
                    #expect(model.isSame(ours, right), "seed \(seed): \(source) -> \(ours), right is \(right)")
                } else {
                    #expect(isTight || source > model.scannedEnd, "seed \(seed): \(source) is not exact")
                }
                previous = ours
                cases += 1
                // And back again: what a group has not read at the target it must still get at the source.
                if let back = map.translate(target: ours).offset {
                    #expect(back <= max(source, nextRecord(source, model)), "seed \(seed): \(source) back is \(back)")
                }
            }
            lost += Int(map.lostRuns)
            #expect(isTight || map.lostRuns == 0)
            seed += 1
        }
        print("offset map: \(cases) cases in \(seed - first) histories, \(exact) exact, \(lost) runs given up")
        #expect(lost > 0)
    }

    private func nextRecord(_ source: Int64, _ model: Model) -> Int64 {
        model.lastCopy.keys.filter { $0 >= source && $0 < model.scannedEnd }.min() ?? max(source, model.scannedEnd)
    }

    private func step(
        _ map: inout OffsetMap,
        _ model: inout Model,
        hasMarkers: Bool,
        _ random: inout SeededGenerator
    ) {
        switch Int.random(in: 0..<12, using: &random) {
        case 0:
            // A restart or a truncated source: records are read again, and may be others now.
            let source = Int64.random(in: max(model.scannedEnd - 8, 0)...model.scannedEnd, using: &random)
            model.scannedEnd = source
            model.lastCopy = model.lastCopy.filter { $0.key < source }
            map.resume(source: source, target: Int64(model.target.count))
        case 1 where hasMarkers:
            model.target.append(nil)
        case 2...4:
            // Holes: compaction, control records, aborted or filtered records.
            model.scannedEnd += Int64.random(in: 1...4, using: &random)
            map.advance(scannedEnd: model.scannedEnd)
        default:
            let count = Int64.random(in: 1...12, using: &random)
            let source = model.scannedEnd
            let target = Int64(model.target.count)
            for offset in source..<source + count { _ = model.write(offset) }
            model.scannedEnd += count
            map.append(source: source, target: target, count: count)
        }
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
