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
}
