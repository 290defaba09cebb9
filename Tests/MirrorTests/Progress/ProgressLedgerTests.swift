import KafkaProtocol
import Mirror
import MirrorModel
import Testing

@Suite struct ProgressLedgerTests {
    private let t0 = TopicPartition(topic: "t", partition: 0)
    private let a = KafkaUUID(high: 0, low: 1)
    private let b = KafkaUUID(high: 0, low: 2)
    private let c = KafkaUUID(high: 0, low: 3)

    private func mirrored(source: KafkaUUID, target: KafkaUUID) -> TopicPlan.Mirrored {
        TopicPlan.Mirrored(
            source: t0,
            sourceTopicID: source,
            target: TopicPartition(topic: "A.t", partition: 0),
            targetTopicID: target
        )
    }

    @Test func onlyWhatIsNewIsWritten() {
        var ledger = ProgressLedger(loaded: [t0: ProgressRecord(offset: 4)])
        #expect(ledger.unwritten.isEmpty)
        ledger.began(mirrored(source: a, target: b))
        ledger.observe([
            t0: PartitionPosition(sourceOffset: 9, targetOffset: 7, leaderEpoch: 2, sourceTopicID: a)
        ])
        let expected = ProgressRecord(
            offset: 9,
            targetOffset: 7,
            leaderEpoch: 2,
            sourceTopicID: a,
            targetTopicID: b
        )
        #expect(ledger.unwritten == [t0: expected])
        ledger.wrote(ledger.unwritten)
        #expect(ledger.unwritten.isEmpty)
        #expect(ledger.resumption(of: mirrored(source: a, target: b)) == .after(expected))
    }

    @Test func whereMirroringBeginsIsProgress() {
        var ledger = ProgressLedger()
        ledger.observe([t0: PartitionPosition(sourceOffset: -1)])
        #expect(ledger.unwritten[t0]?.offset == -1)
        #expect(ledger.unwritten[t0]?.isStart == true)
        ledger.wrote(ledger.unwritten)
        ledger.observe([t0: PartitionPosition(sourceOffset: 0, targetOffset: 0)])
        #expect(ledger.unwritten == [t0: ProgressRecord(offset: 0, targetOffset: 0)])
        // What MirrorMaker wrote says how far it was, not where it began.
        var after = ProgressLedger(loaded: [t0: ProgressRecord(offset: 9)])
        after.observe([t0: PartitionPosition(sourceOffset: 9)])
        #expect(after.unwritten.isEmpty)
    }

    @Test func theBeginningOfARecreatedTopicIsProgress() throws {
        let old = ProgressRecord(offset: 9, targetOffset: 7, sourceTopicID: a, targetTopicID: b)
        var ledger = ProgressLedger(loaded: [t0: old])
        ledger.began(mirrored(source: c, target: b))
        ledger.observe([t0: PartitionPosition(sourceOffset: -1, targetOffset: 7, sourceTopicID: c)])
        let written = try #require(ledger.unwritten[t0])
        #expect(ProgressRecord(bytes: written.bytes) == written)
        let after = ProgressLedger(loaded: [t0: written])
        #expect(
            after.resumption(of: mirrored(source: c, target: b))
                == .after(ProgressRecord(offset: -1, targetOffset: 7, sourceTopicID: c, targetTopicID: b))
        )
    }

    @Test func theBeginningAtATargetThatWasMadeAnewIsAStart() throws {
        var ledger = ProgressLedger(loaded: [
            t0: ProgressRecord(offset: 9, targetOffset: 7, sourceTopicID: a, targetTopicID: b)
        ])
        ledger.began(mirrored(source: a, target: c))
        ledger.observe([t0: PartitionPosition(sourceOffset: 1, sourceTopicID: a)])
        #expect(try #require(ledger.unwritten[t0]).isStart)
        // An unknown place at the same target is none.
        ledger.observe([t0: PartitionPosition(sourceOffset: 5, targetOffset: 3, sourceTopicID: a)])
        ledger.observe([t0: PartitionPosition(sourceOffset: 6, sourceTopicID: a)])
        #expect(try #require(ledger.unwritten[t0]).isStart == false)
    }

    @Test func anotherTopicOfTheSameNameIsNotTheSame() {
        let record = ProgressRecord(offset: 9, targetOffset: 7, sourceTopicID: a, targetTopicID: b)
        let ledger = ProgressLedger(loaded: [t0: record])
        #expect(ledger.resumption(of: mirrored(source: c, target: b)) == .sourceRecreated(before: record))
        #expect(ledger.resumption(of: mirrored(source: a, target: c)) == .targetRecreated(before: record))
        // Old brokers have no ids: nothing says that it is another topic.
        #expect(ledger.resumption(of: mirrored(source: .zero, target: .zero)) == .after(record))
        let fromMirrorMaker = ProgressLedger(loaded: [t0: ProgressRecord(offset: 9)])
        #expect(fromMirrorMaker.resumption(of: mirrored(source: a, target: b)) == .after(ProgressRecord(offset: 9)))
    }

    @Test func aTransactionIsCommittedOnlyIfAllOfItShows() {
        let t1 = TopicPartition(topic: "t", partition: 1)
        func record(_ offset: Int64, isTransactional: Bool = true) -> ProgressRecord {
            var record = ProgressRecord(offset: offset, targetOffset: offset, sourceTopicID: a)
            record.isTransactional = isTransactional
            return record
        }
        let pending = [t0: record(9), t1: record(5)]
        func isCommitted(_ first: ProgressRecord?, _ second: ProgressRecord?) -> Bool {
            var shown: [TopicPartition: ProgressRecord] = [:]
            (shown[t0], shown[t1]) = (first, second)
            return ProgressLedger.isCommitted(pending, accordingTo: shown)
        }
        var withMap = record(9)
        withMap.offsetMap = [1, 2]
        #expect(isCommitted(withMap, record(5)))
        // The other partition only got other particulars: its offsets say nothing of the transaction.
        #expect(!isCommitted(record(4), record(5, isTransactional: false)))
        #expect(!isCommitted(record(9), record(5, isTransactional: false)))
        #expect(!isCommitted(nil, record(5)))
        #expect(!ProgressLedger.isCommitted([:], accordingTo: [t0: record(9)]))
    }

    @Test func whatIsProvenIsProgressWithItsMap() throws {
        var kept = OffsetMap()
        kept.resume(source: 0, target: 0)
        kept.append(source: 0, target: 0, count: 5)
        var record = ProgressRecord(offset: 4, targetOffset: 4, sourceTopicID: a, targetTopicID: b)
        record.offsetMap = kept.encoded()
        var ledger = ProgressLedger(loaded: [t0: record])
        let mirrored = mirrored(source: a, target: b)
        let progress = ProgressRecord(offset: 9, targetOffset: 8, sourceTopicID: a, targetTopicID: b)
        ledger.proved(
            ResumePlan.Proven(
                progress: progress,
                copied: [OffsetMap.Run(source: 6, target: 5, count: 4)],
                isFromBeginning: false
            ),
            of: mirrored
        )
        #expect(ledger.resumption(of: mirrored) == .after(progress))
        let map = try OffsetMap(encoded: try #require(ledger.offsetMap(of: mirrored)))
        #expect(map.translate(source: 3) == .exact(3) && map.translate(source: 7) == .exact(6))
        let taken = ledger.takeOffsetMap(of: mirrored)
        #expect(taken?.translate(source: 7) == .exact(6))
        #expect(ledger.offsetMap(of: mirrored) == nil)
    }

    @Test func theMapOfATopicThatWasReplacedIsNotKept() {
        var kept = OffsetMap()
        kept.resume(source: 0, target: 0)
        var record = ProgressRecord(offset: 4, targetOffset: 4, sourceTopicID: a, targetTopicID: b)
        record.offsetMap = kept.encoded()
        for (source, target, isKept) in [(a, b, true), (c, b, false), (a, c, false)] {
            var ledger = ProgressLedger(loaded: [t0: record])
            #expect((ledger.offsetMap(of: mirrored(source: source, target: target)) != nil) == isKept)
            ledger.begins([t0: ProgressRecord(offset: 4, sourceTopicID: source, targetTopicID: target)])
            #expect((ledger.takeOffsetMap(of: mirrored(source: source, target: target)) != nil) == isKept)
        }
    }
}
