import KafkaClient
import KafkaProtocol
import MirrorModel
import Testing

@testable import Mirror

/// Which producer a partition goes on with.
@Suite struct ProducerSuccessionTests {
    private let source = TopicPartition(topic: "t", partition: 0)
    private let target = TopicPartition(topic: "A.t", partition: 0)
    private let producer = ProducerStamp(identity: ProducerIdentity(producerID: 4, epoch: 0), sequence: 17)
    private let fresh = ProducerIdentity(producerID: 5, epoch: 0)

    private var mirrored: TopicPlan.Mirrored {
        TopicPlan.Mirrored(source: source, sourceTopicID: .zero, target: target, targetTopicID: .zero)
    }

    private func assignment(behind offset: Int64?, _ targetOffset: Int64? = nil) -> PartitionAssignment {
        PartitionAssignment(
            source: source,
            target: target,
            start: offset.map { .offset($0 + 1) } ?? .earliest,
            resumed: offset.map { PartitionPosition(sourceOffset: $0, targetOffset: targetOffset, producer: nil) }
        )
    }

    @Test func whatAReplicaMayHoldUpIsWaitedFor() {
        var assignment = assignment(behind: 9, 9)
        assignment.producer = producer
        let begin = ContinuousClock.now
        func goesOn(_ succession: ProducerSuccession, after time: Duration) -> Bool {
            succession.checked(.begin(assignment), now: begin + time).assignment?.producer == producer
        }
        var succession = ProducerSuccession()
        #expect(goesOn(succession, after: .seconds(1_000)))
        for round in 0..<20 {
            succession.overtook(source, producer, now: begin + .seconds(round))
            #expect(goesOn(succession, after: .seconds(round)))
        }
        #expect(goesOn(succession, after: .seconds(44)))
        #expect(!goesOn(succession, after: .seconds(45)))
        // A sequence number that has moved has been accepted meanwhile.
        succession.overtook(source, ProducerStamp(identity: producer.identity, sequence: 99), now: begin)
        #expect(goesOn(succession, after: .seconds(45)))
    }

    @Test func whatTheBrokersHaveForgottenIsNotTriedAgain() {
        var assignment = assignment(behind: 9, 9)
        assignment.producer = producer
        var succession = ProducerSuccession()
        succession.overtook(source, producer, isForgotten: true, now: .now)
        #expect(succession.checked(.begin(assignment), now: .now).assignment?.producer == nil)
        // Nor an epoch before it, and no epoch comes twice.
        let known = ProgressRecord.Producer(producer)
        let next = ProducerStamp(identity: ProducerIdentity(producerID: 4, epoch: 1), sequence: 0)
        #expect(succession.successor(of: known, at: source) == next.identity)
        succession.overtook(source, next, isForgotten: true, now: .now)
        #expect(succession.checked(.begin(assignment), now: .now).assignment?.producer == nil)
        #expect(succession.successor(of: known, at: source) == ProducerIdentity(producerID: 4, epoch: 2))
        #expect(succession.successor(of: known, at: target) == next.identity)
    }

    @Test func aProducerIsWrittenDownOrThePartitionWaits() {
        func begin(_ assignment: PartitionAssignment, sourceStart: Int64?) -> ResumeResolver.Decision {
            ProducerSuccession.begin(.begin(assignment), of: mirrored, with: fresh, sourceStart: sourceStart)
        }
        guard case .beginWhenWritten(let resumed, let record) = begin(assignment(behind: 9, 7), sourceStart: nil) else {
            Issue.record("resumed without being written")
            return
        }
        #expect(resumed.producer == ProducerStamp(identity: fresh, sequence: 0))
        #expect(record.offset == 9 && record.targetOffset == 7 && record.producer?.id == 5 && !record.isStart)
        guard case .beginWhenWritten(_, let start) = begin(assignment(behind: nil), sourceStart: 3) else {
            Issue.record("begun without being written")
            return
        }
        #expect(start.offset == 2 && start.isStart)
        guard case .wait = begin(assignment(behind: nil), sourceStart: nil) else {
            Issue.record("begun without knowing where")
            return
        }
    }

    @Test func whatStandsBehindAStartIsComparedByWhoeverBeginsThereAgain() {
        var start = ProgressRecord(offset: 2)
        start.isStart = true
        start.targetStart = 6
        start.producer = ProgressRecord.Producer(producer)
        func record(behind known: ProgressRecord, _ targetOffset: Int64? = nil) -> ProgressRecord? {
            let decision = ResumeResolver.Decision.begin(assignment(behind: 2, targetOffset))
            let begun = ProducerSuccession.begin(decision, of: mirrored, with: fresh, sourceStart: nil, behind: known)
            guard case .beginWhenWritten(_, let record) = begun else { return nil }
            return record
        }
        #expect(record(behind: start)?.isStart == true && record(behind: start)?.targetStart == 6)
        #expect(record(behind: start, 7)?.isStart == false)
        // As MirrorMaker 2 writes progress: what is behind it is not the beginning.
        start.isStart = false
        #expect(record(behind: start)?.isStart == false)
    }

    @Test func theLastRecordTellsUnlessSomethingWasFound() {
        let place = assignment(behind: 9, 7)
        let record = ProgressRecord(offset: 9, targetOffset: 7)
        #expect(ProducerSuccession.recordOfProducer(place, []) == 7)
        #expect(ProducerSuccession.recordOfProducer(place, [.foreign(1, among: 5..<8)]) == 7)
        #expect(ProducerSuccession.recordOfProducer(place, [.sourceRecreated(before: record)]) == nil)
        #expect(ProducerSuccession.recordOfProducer(place, [.targetTruncated(at: 8, writtenTo: 9)]) == nil)
        #expect(ProducerSuccession.recordOfProducer(place, [.targetRecreated(before: record)]) == nil)
        #expect(ProducerSuccession.recordOfProducer(assignment(behind: 9, -1), []) == nil)
        #expect(ProducerSuccession.recordOfProducer(assignment(behind: 9), []) == nil)
        #expect(ProducerSuccession.recordOfProducer(assignment(behind: nil), []) == nil)
    }
}
