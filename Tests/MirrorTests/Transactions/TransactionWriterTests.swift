import KafkaClient
import KafkaProtocol
import KafkaRecords
import MirrorModel
import NIOCore
import Testing

@testable import Mirror

@Suite("What belongs to a transaction")
struct TransactionWriterTests {
    private let source = TopicPartition(topic: "t", partition: 0)
    private let p0 = TopicPartition(topic: "A.t", partition: 0)
    private let p1 = TopicPartition(topic: "A.t", partition: 1)
    private let progress = TopicPartition(topic: "mm2-offsets.A.internal", partition: 3)
    private let identity = ProducerIdentity(producerID: 7, epoch: 2)

    private func time(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .milliseconds(milliseconds) }

    private func actions(_ writer: inout TransactionWriter, at now: Int64) -> [String] {
        var texts: [String] = []
        while let action = writer.next(now: time(now)) { texts.append(text(action)) }
        return texts
    }

    private func text(_ action: TransactionWriter.Action) -> String {
        switch action {
        case .announce(let partitions, let generation): "announce \(partitions.sorted()) \(generation)"
        case .ready(let slots): "ready \(slots)"
        case .prepareProgress: "prepare"
        case .commit(let generation): "commit \(generation)"
        case .deliver(let delivery):
            "deliver \(delivery.acknowledged.map(\.token)) refused \(delivery.refusals.keys.sorted()) waiting \(delivery.waiting.sorted())"
        case .recover(let reason, let wasFenced): "recover \(reason)\(wasFenced ? ", fenced" : "")"
        }
    }

    private func refusal(_ code: ErrorCode) -> ProduceRefusal {
        ProduceRefusal(kind: .other, code: code, message: nil, token: 0, isOutcomeUnknown: false)
    }

    private func postpones(_ writer: inout TransactionWriter, _ slot: Int, _ partition: TopicPartition, at now: Int64)
        -> Bool
    {
        writer.postpones(slot, of: partition, now: time(now))
    }

    private func admits(_ writer: inout TransactionWriter, _ slot: Int, _ partition: TopicPartition) -> Bool {
        writer.admits(slot, of: partition)
    }

    private func announced(
        _ writer: inout TransactionWriter,
        _ codes: [TopicPartition: ErrorCode] = [:],
        at now: Int64
    ) -> [TransactionWriter.Retry] {
        writer.announced(codes, generation: 0, now: time(now))
    }

    /// One that writes two batches, tokens 1 and 2, of slot 0 and is asked for slot 1 too.
    private func written() -> TransactionWriter {
        var writer = TransactionWriter(identity, progress: [:], settings: TransactionCycle.Settings())
        writer.begin(now: time(0))
        writer.began(source, targetTopicID: .zero)
        #expect(postpones(&writer, 0, p0, at: 1))
        #expect(actions(&writer, at: 1) == ["announce [\(p0)] 0"])
        #expect(!admits(&writer, 1, p1))
        #expect(announced(&writer, at: 2).isEmpty)
        #expect(actions(&writer, at: 2) == ["ready [0]"])
        #expect(admits(&writer, 0, p0))
        #expect(!postpones(&writer, 0, p0, at: 2))
        writer.took(0, now: time(3))
        writer.took(0, now: time(3))
        return writer
    }

    /// Brings a transaction that is to end as far as its commit.
    private func record(_ writer: inout TransactionWriter, at now: Int64) throws {
        #expect(actions(&writer, at: now) == ["prepare"])
        writer.settle([source: PartitionPosition(sourceOffset: 41, targetOffset: 11)])
        let record = try #require(writer.pending[source])
        #expect(record.offset == 41 && record.isTransactional)
        #expect(writer.progressSlot(of: progress) == nil)
        writer.add(record, key: [1], to: progress, slot: 9)
        writer.record(now: time(now))
        #expect(writer.writesProgress(9) && !writer.writesProgress(0))
        #expect(actions(&writer, at: now) == ["announce [\(progress)] 0"])
        _ = writer.announced([:], generation: 0, now: time(now))
        #expect(actions(&writer, at: now) == ["ready [9]"])
        let stamp = ProducerStamp(identity: identity, sequence: 5)
        let pulled = writer.pullProgress(.init(slot: 9, room: 1000, isEmpty: true, stamp: stamp), timestamp: 1)
        guard case .batch(let batch) = pulled else {
            Issue.record("no progress to write")
            return
        }
        let view = try RecordBatchView(batch.header)
        #expect(view.isTransactional && view.producerID == 7 && view.producerEpoch == 2 && view.baseSequence == 5)
        #expect(actions(&writer, at: now).isEmpty)
        writer.acknowledged(9, token: 0, targetBase: 3, now: time(now))
        #expect(actions(&writer, at: now) == ["commit 0"])
    }

    @Test("Batches count when they are committed, together with their progress")
    func committed() throws {
        var writer = written()
        writer.acknowledged(0, token: 1, targetBase: 10, now: time(10))
        writer.acknowledged(0, token: 2, targetBase: 11, now: time(20))
        #expect(writer.written == [0: [1: 10, 2: 11]])
        writer.hurry(now: time(20))
        try record(&writer, at: 20)
        writer.committed(.none, generation: 0, now: time(30))
        #expect(actions(&writer, at: 30) == ["deliver [1, 2] refused [] waiting [1]"])
        #expect(writer.written.isEmpty && writer.pending.isEmpty)
        // What is written does not have to be written again.
        writer.settle([source: PartitionPosition(sourceOffset: 41, targetOffset: 11)])
        #expect(writer.pending.isEmpty)
    }

    @Test("A refusal is acted on when what was written before it is committed")
    func refused() throws {
        var writer = written()
        writer.acknowledged(0, token: 1, targetBase: 10, now: time(10))
        writer.refused(0, refusal(.messageTooLarge), place: "here", now: time(11))
        #expect(!admits(&writer, 0, p0))
        try record(&writer, at: 11)
        writer.committed(.none, generation: 0, now: time(12))
        #expect(actions(&writer, at: 12) == ["deliver [1] refused [0] waiting [0, 1]"])
        #expect(postpones(&writer, 0, p0, at: 13), "it may be written again")
        #expect(actions(&writer, at: 13) == ["announce [\(p0)] 0"])
    }

    @Test("A refusal that ends the transaction says whether somebody else writes", arguments: [true, false])
    func ended(isFencing: Bool) {
        var writer = written()
        let code: ErrorCode = isFencing ? .invalidProducerEpoch : .outOfOrderSequenceNumber
        writer.acknowledged(0, token: 1, targetBase: 10, now: time(10))
        writer.refused(0, refusal(code), place: "here", now: time(11))
        // The same answer tells of a batch behind it, which is lost all the same.
        writer.acknowledged(0, token: 2, targetBase: 11, now: time(11))
        #expect(writer.isHalted)
        #expect(
            actions(&writer, at: 11) == ["recover here answers \(code.name)\(isFencing ? ", fenced" : "")"]
        )
        let delivery = writer.resume(identity, progress: [:], isCommitted: false)
        #expect(delivery == nil)
        writer.begin(now: time(20))
        #expect(writer.written.isEmpty)
        #expect(!admits(&writer, 0, p0))
    }

    @Test("A commit without an answer counts when the target shows its progress", arguments: [true, false])
    func uncertain(isShown: Bool) throws {
        var writer = written()
        writer.acknowledged(0, token: 1, targetBase: 10, now: time(10))
        writer.acknowledged(0, token: 2, targetBase: 11, now: time(20))
        #expect(!writer.isCommitted(accordingTo: [:]))
        writer.hurry(now: time(20))
        try record(&writer, at: 20)
        let shown = isShown ? writer.pending : [:]
        writer.fail("no answer", now: time(30))
        #expect(actions(&writer, at: 30) == ["recover no answer"])
        let isCommitted = writer.isCommitted(accordingTo: shown)
        #expect(isCommitted == isShown)
        let next = ProducerIdentity(producerID: 7, epoch: 3)
        let delivery = writer.resume(next, progress: shown, isCommitted: isCommitted)
        #expect(delivery?.acknowledged.map(\.token) == (isShown ? [1, 2] : nil))
        #expect(writer.identity == next && writer.written.isEmpty)
        // An answer from before the failure means nothing.
        writer.begin(now: time(31))
        writer.committed(.none, generation: 0, now: time(32))
        #expect(actions(&writer, at: 32).isEmpty)
    }

    @Test("A partition that is given up with batches written ends the transaction, and its slot begins anew")
    func forgotten() {
        var writer = written()
        writer.acknowledged(0, token: 1, targetBase: 10, now: time(10))
        writer.forget(1, of: p1, now: time(11))
        #expect(actions(&writer, at: 11).isEmpty)
        writer.forget(0, of: p0, now: time(11))
        #expect(writer.acknowledged.isEmpty)
        #expect(actions(&writer, at: 11) == ["recover \(p0) was given up"])
    }

    @Test("A topic that was just created is asked for again, then it is refused")
    func unknown() {
        var writer = TransactionWriter(identity, progress: [:], settings: TransactionCycle.Settings())
        writer.begin(now: time(0))
        for attempt in 1...6 {
            #expect(postpones(&writer, 0, p0, at: 1))
            #expect(actions(&writer, at: 1) == ["announce [\(p0)] 0"])
            let retries = announced(&writer, [p0: .unknownTopicOrPartition], at: 1)
            #expect(retries.map(\.after) == (attempt < 6 ? [.milliseconds(Int64(100 * attempt))] : []))
        }
        #expect(actions(&writer, at: 1) == ["prepare"])
        writer.settle([:])
        writer.record(now: time(1))
        #expect(actions(&writer, at: 1) == ["deliver [] refused [0] waiting [0]"])
    }
}
