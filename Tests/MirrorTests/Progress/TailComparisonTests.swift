import KafkaRecords
import MirrorModel
import NIOCore
import Testing

@testable import Mirror

/// Which records at the end of a mirror are copies, when offsets without records stand among them.
@Suite struct TailComparisonTests {
    /// What one side holds; offsets that are missing have no visible record.
    private struct Log {
        var start: Int64 = 0
        var end: Int64
        var records: [SeenRecord]

        init(_ values: [Int64: String], start: Int64 = 0, end: Int64? = nil, producerID: Int64 = -1, time: Int64 = 7) {
            self.start = start
            self.end = end ?? (values.keys.max() ?? -1) + 1
            records = values.sorted { $0.key < $1.key }.map { offset, value in
                SeenRecord(
                    Record(offset: offset, timestamp: time, key: nil, value: ByteBuffer(string: value)),
                    epoch: 0,
                    producerID: producerID
                )
            }
        }

        /// Two records at a time, so that every place in the comparison is one where it has to ask.
        func answer(_ question: ResumePlan.Question) -> ResumePlan.Answer {
            guard case .records(_, let from) = question else { return .offset(start) }
            if from < start || from > end { return .outOfRange }
            let found = records.filter { $0.record.offset >= from }.prefix(2)
            return .records(Array(found), next: found.count == 2 ? (found.last?.record.offset ?? from) + 1 : end)
        }
    }

    private func compare(
        _ source: Log,
        after sourceOffset: Int64 = -1,
        _ target: Log,
        after targetOffset: Int64 = -1,
        producerID: Int64? = nil
    ) -> TailComparison {
        var comparison = TailComparison(
            sourceAfter: sourceOffset,
            targetAfter: targetOffset,
            targetEnd: target.end,
            producerID: producerID
        )
        var asked = 0
        while let question = comparison.question, asked < 10_000 {
            asked += 1
            switch question {
            case .records(.source, _), .logStart(.source): comparison.answer(source.answer(question))
            default: comparison.answer(target.answer(question))
            }
        }
        #expect(asked < 10_000)
        return comparison
    }

    private func expect(
        _ comparison: TailComparison,
        copied source: Int64?,
        to target: Int64?,
        foreign: Int64 = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(comparison.found?.offset == source, sourceLocation: sourceLocation)
        #expect(comparison.found?.targetOffset == target, sourceLocation: sourceLocation)
        #expect(comparison.foreignCount == foreign, sourceLocation: sourceLocation)
    }

    @Test func offsetsEmptiedByCompactionStandForRecords() {
        let source = Log([0: "a", 1: "b", 2: "c", 3: "d", 4: "e"])
        expect(compare(source, Log([0: "a", 3: "d"])), copied: 3, to: 3)
        // Identical records, of which the target has kept the second.
        expect(compare(Log([0: "a", 1: "a", 2: "b", 3: "c"]), Log([1: "a", 2: "b"])), copied: 2, to: 2)
        // Both sides have lost the same.
        expect(compare(Log([0: "a", 3: "d", 4: "e"]), Log([0: "a", 3: "d"])), copied: 3, to: 3)
        expect(compare(Log([3: "d", 4: "e"]), Log([3: "d"])), copied: 3, to: 3)
    }

    @Test func markersStandForNothing() {
        let source = Log([0: "a", 1: "b", 2: "c"])
        expect(compare(source, Log([0: "a", 2: "b"])), copied: 1, to: 2)
        expect(compare(source, Log([1: "a", 4: "b", 5: "c"])), copied: 2, to: 5)
        expect(compare(source, Log([0: "a"], end: 2)), copied: 0, to: 0)
        // A foreign record between markers.
        expect(compare(source, Log([0: "a", 2: "x", 4: "b", 5: "c"])), copied: 2, to: 5, foreign: 1)
    }

    @Test func manyEmptyOffsets() {
        let values = Dictionary(uniqueKeysWithValues: (0..<5_000).map { (Int64($0), "\($0)") })
        expect(compare(Log(values), Log([0: "0", 4_900: "4900"])), copied: 4_900, to: 4_900)
        expect(compare(Log([0: "0", 4_900: "4900"]), Log([0: "0", 4_900: "4900"])), copied: 4_900, to: 4_900)
        expect(
            compare(Log([0: "0", 4_900: "4900", 4_901: "1"]), Log([0: "0", 4_900: "4900", 4_901: "x", 4_902: "1"])),
            copied: 4_901,
            to: 4_902,
            foreign: 1
        )
    }

    @Test func whatTheTargetDeletedMeanwhileCountsAsFarAsItIsKnown() {
        let source = Log([0: "a", 1: "b", 2: "c", 3: "d"])
        expect(compare(source, Log([2: "c"], start: 2)), copied: 2, to: 2)
        expect(compare(source, Log([:], start: 3, end: 3)), copied: 2, to: 2)
        // Two of the deleted offsets were markers: the records that follow say so.
        expect(compare(source, Log([3: "b", 4: "c"], start: 3)), copied: 2, to: 4)
    }

    @Test func timesThatTheTargetSetsDoNotCount() {
        let source = Log([0: "a", 1: "b", 2: "c"])
        var target = Log([0: "a", 1: "b"], time: 99)
        expect(compare(source, target), copied: nil, to: nil, foreign: 2)
        for index in target.records.indices { target.records[index].hasAppendTime = true }
        expect(compare(source, target), copied: 1, to: 1)
    }

    @Test func copiesOfRemovedRecordsAreTheirProducers() {
        // Mirrored to 9, three records came after that; the source has removed what was before 20 since.
        let source = Log([20: "u", 21: "v"], start: 20)
        let copies = Log([5: "k", 6: "l", 7: "m"], producerID: 4)
        expect(compare(source, after: 9, copies, after: 4, producerID: 4), copied: 12, to: 7)
        expect(compare(source, after: 9, copies, after: 4, producerID: 5), copied: nil, to: nil, foreign: 3)
        expect(
            compare(source, after: 9, Log([5: "k", 6: "u", 7: "v"], producerID: 4), after: 4, producerID: 4),
            copied: 21,
            to: 7
        )
        // Not more of them than there were offsets.
        let near = Log([11: "u"], start: 11)
        expect(compare(near, after: 9, copies, after: 4, producerID: 4), copied: 10, to: 5, foreign: 2)
    }

    @Test func whatWasRemovedAndIsNotThereIsKnown() {
        let source = Log([20: "u", 21: "v"], start: 20)
        #expect(compare(source, after: -1, Log([5: "u", 6: "v"]), after: 4).removed == 0..<20)
        #expect(compare(source, after: 9, Log([5: "u"]), after: 4).removed == 10..<20)
        // Some of them are there: how many nobody knows.
        #expect(
            compare(source, after: 9, Log([5: "k", 6: "u"], producerID: 4), after: 4, producerID: 4).removed == nil
        )
        #expect(compare(source, after: 19, Log([5: "u"]), after: 4).removed == nil)
    }

    @Test func anEmptyAnswerIsNoEnd() {
        let (source, target) = (Log([0: "a", 1: "b"]), Log([0: "a", 1: "b"]))
        for empty in [3, 100] {
            var comparison = TailComparison(sourceAfter: -1, targetAfter: -1, targetEnd: target.end)
            var left: [ResumePlan.Side: Int] = [.source: empty, .target: empty]
            var asked = 0
            while let question = comparison.question, case .records(let side, let from) = question, asked < 300 {
                asked += 1
                left[side, default: 0] -= 1
                if left[side, default: 0] >= 0 {
                    comparison.answer(.records([], next: from))
                } else {
                    comparison.answer(side == .source ? source.answer(question) : target.answer(question))
                }
            }
            #expect(asked < 300 && comparison.isUnreadable == (empty == 100))
            #expect(comparison.found?.offset == (empty == 100 ? nil : 1))
        }
    }

    @Test func foreignRecordsDoNotHideCopies() {
        let source = Log([0: "a", 1: "b", 2: "c"])
        expect(compare(source, Log([0: "x", 1: "a", 2: "y", 3: "b"])), copied: 1, to: 3, foreign: 2)
        expect(compare(source, Log([0: "x", 1: "y"])), copied: nil, to: nil, foreign: 2)
        expect(compare(source, Log([0: "a", 1: "b", 2: "c", 3: "z"])), copied: 2, to: 2, foreign: 1)
    }
}
