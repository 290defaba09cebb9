import MirrorModel
import TestSupport
import Testing

@Suite struct OffsetTranslationVectorTests {
    private struct Line: Decodable {
        let name: String
        let mustReadToEnd: Bool
        let steps: [Step]
    }

    private struct Step: Decodable {
        let load: [[Int64]]?
        let syncs: [[Int64]]?
        let ask: [[Int64?]]?
    }

    private static func lines() throws -> [Line] {
        try Vectors.lines("mirror/offset-translation.jsonl", as: Line.self)
    }

    @Test func theStoreAnswersAsMirrorMakerDoes() throws {
        var cases = 0
        for line in try Self.lines() {
            var store = OffsetSyncStore(keepsHistory: !line.mustReadToEnd)
            for step in line.steps {
                for sync in (step.load ?? []) + (step.syncs ?? []) {
                    store.apply(upstream: sync[0], downstream: sync[1])
                }
                if step.load != nil { store.finishLoading() }
                for ask in step.ask ?? [] {
                    let source = try #require(ask[0])
                    #expect(store.translate(source) == ask[1], "\(line.name): \(source)")
                    cases += 1
                }
            }
        }
        print("offset sync store: \(cases) cases")
        #expect(cases > 5_000)
    }

    /// From the same syncs our answer is never lower than MirrorMaker 2's and never higher than the right one.
    @Test func theMapLiesBetweenMirrorMakerAndTheRightAnswer() throws {
        var cases = 0
        var withExact = 0
        var lag = (ours: Int64(0), theirs: Int64(0), exact: 0)
        for line in try Self.lines() {
            var map = OffsetMap()
            for step in line.steps {
                for sync in (step.load ?? []) + (step.syncs ?? []) {
                    map.apply(source: sync[0], target: sync[1])
                }
                for ask in step.ask ?? [] {
                    let source = try #require(ask[0])
                    let answer = map.translate(source: source)
                    let context = "\(line.name): \(source) -> \(answer), MirrorMaker 2 \(ask[1] ?? -2)"
                    cases += 1
                    if let theirs = ask[1], theirs >= 0 {
                        let ours = try #require(answer.offset, "\(context)")
                        #expect(ours >= theirs, "\(context)")
                        if let exact = ask[2] {
                            lag.ours += exact - ours
                            lag.theirs += exact - theirs
                        }
                    }
                    if let exact = ask[2] {
                        withExact += 1
                        if let ours = answer.offset { #expect(ours <= exact, "\(context), right is \(exact)") }
                        if case .exact(let ours) = answer {
                            #expect(ours == exact, "\(context), right is \(exact)")
                            lag.exact += 1
                        }
                    }
                }
            }
        }
        print(
            "offset map: \(cases) cases, \(withExact) with a known right answer,",
            "\(lag.exact) exact; records read again: ours \(lag.ours), MirrorMaker 2 \(lag.theirs)"
        )
        #expect(cases > 5_000)
    }
}
