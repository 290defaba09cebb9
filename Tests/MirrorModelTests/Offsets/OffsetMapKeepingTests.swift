import MirrorModel
import TestSupport
import Testing

/// A map that is kept in two pieces is the map.
@Suite struct OffsetMapKeepingTests {
    @Test func whatIsPutTogetherAnswersAsBefore() throws {
        var cases = 0
        for seed in UInt64(1)...200 {
            var random = SeededGenerator(seed: seed)
            var map = OffsetMap(byteLimit: 1 << 16)
            map.resume(source: 0, target: Int64.random(in: 0...3, using: &random))
            /// What has been written as the long part, with its end; the one before it is what a crash may leave.
            var kept: (bytes: [UInt8], end: OffsetMap.Bookmark)?
            var target = map.targetOffsets.upperBound
            var source: Int64 = 0
            for _ in 0..<80 {
                switch Int.random(in: 0..<10, using: &random) {
                case 0: kept = (map.encoded(), map.bookmark)
                case 1:
                    guard let long = kept, let later = map.encoded(since: long.end) else { continue }
                    var restored = try OffsetMap(encoded: later, byteLimit: 1 << 16)
                    #expect(restored.isContinuation)
                    // The long part may be newer than what goes on from it.
                    let newer = Bool.random(using: &random) ? map.encoded() : long.bytes
                    let meeting = restored.adopt(try OffsetMap(encoded: newer, byteLimit: 1 << 16))
                    #expect(meeting != nil, "seed \(seed)")
                    #expect(!restored.isContinuation)
                    for offset in 0...source + 2 {
                        #expect(
                            restored.translate(source: offset) == map.translate(source: offset),
                            "seed \(seed): \(offset)"
                        )
                        cases += 1
                    }
                    for offset in 0...target + 2 {
                        #expect(restored.translate(target: offset) == map.translate(target: offset), "seed \(seed)")
                    }
                    // What comes next goes on from the same long part.
                    if let meeting { #expect(restored.encoded(since: meeting) != nil) }
                    map = restored
                    kept = meeting.map { (long.bytes, $0) }
                case 2: target += 1
                case 3, 4:
                    source += Int64.random(in: 1...4, using: &random)
                    map.advance(scannedEnd: source)
                default:
                    let count = Int64.random(in: 1...9, using: &random)
                    map.append(source: source, target: target, count: count)
                    source += count
                    target += count
                }
            }
        }
        print("offset maps in two pieces: \(cases) cases")
        #expect(cases > 5_000)
    }

    @Test func strangersDoNotMeet() throws {
        var old = OffsetMap()
        old.append(source: 0, target: 0, count: 100)
        var new = OffsetMap()
        new.resume(source: 500, target: 50)
        new.append(source: 500, target: 50, count: 10)
        let meeting = new.adopt(old)
        #expect(meeting == nil)
        #expect(new.translate(source: 505) == .exact(55))
    }

    @Test func aTruncatedTargetTakesTheMapBack() {
        var map = OffsetMap()
        map.append(source: 0, target: 0, count: 10)
        map.append(source: 12, target: 10, count: 10)
        map.append(source: 25, target: 22, count: 10)
        #expect(map.truncate(target: 15) == 17)
        #expect(map.translate(source: 16) == .exact(14))
        #expect(map.translate(source: 30) == .bounded(15))
        map.append(source: 17, target: 15, count: 5)
        #expect(map.translate(source: 20) == .exact(18))
        #expect(map.truncate(target: 40) == nil)
    }

    @Test func recordsInAnUnknownPlaceBoundWhatIsAround() {
        var map = OffsetMap()
        map.append(source: 0, target: 0, count: 10)
        map.loseSight(scannedEnd: 20)
        map.append(source: 20, target: 20, count: 10)
        #expect(map.translate(source: 9) == .exact(9))
        #expect(map.translate(source: 15) == .bounded(10))
        #expect(map.translate(source: 20) == .exact(20))
    }

    @Test func onlyTheBeginningOfTheMirrorIsBeforeHistory() {
        var whole = OffsetMap()
        whole.append(source: 7, target: 0, count: 3)
        #expect(whole.translate(source: 2) == .beforeHistory(earliest: 0))
        var part = OffsetMap()
        part.append(source: 7, target: 5, count: 3)
        #expect(part.translate(source: 2) == .unknown(.beforeKnownHistory))
    }
}
