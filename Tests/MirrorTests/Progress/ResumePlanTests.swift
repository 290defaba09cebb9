import KafkaClient
import KafkaProtocol
import KafkaRecords
import MirrorModel
import NIOCore
import Testing

@testable import Mirror

/// Plans against two logs of numbered records.
@Suite("Resume plan")
struct ResumePlanTests {
    private static let mirrored = TopicPlan.Mirrored(
        source: TopicPartition(topic: "t", partition: 0),
        sourceTopicID: .zero,
        target: TopicPartition(topic: "A.t", partition: 0),
        targetTopicID: .zero
    )

    private static func log(_ numbers: [Int64]) -> [SeenRecord] {
        numbers.enumerated().map { offset, number in
            let record = Record(offset: Int64(offset), timestamp: number, key: nil, value: ByteBuffer(integer: number))
            return SeenRecord(record, epoch: 0)
        }
    }

    /// Where the plan begins, with two records to an answer.
    private static func begun(
        behind record: ProgressRecord,
        source: [Int64],
        target: [Int64]
    ) -> (assignment: PartitionAssignment?, notices: [ResumeNotice]) {
        let logs = [ResumePlan.Side.source: log(source), .target: log(target)]
        var plan = ResumePlan(
            mirrored,
            resumption: .after(record),
            startOffset: .earliest,
            isInitial: true,
            targetEnd: Int64(target.count)
        )
        for _ in 0..<1_000 {
            switch plan.next {
            case .begin(let assignment): return (assignment, plan.notices)
            case .forbidden, .unreadable: return (nil, plan.notices)
            case .ask(.logStart), .ask(.epochEnd): plan.answer(.offset(0))
            case .ask(.records(let side, let from)):
                let records = logs[side, default: []].dropFirst(Int(from)).prefix(2)
                plan.answer(.records(Array(records), next: from + Int64(records.count)))
            }
        }
        return (nil, plan.notices)
    }

    @Test("records of somebody else in the place of lost ones are not taken for ours")
    func foreignInPlaceOfLost() {
        let written = Array(Int64(0)..<31)
        let target = Array(Int64(0)..<25) + [900, 901, 902]
        let (assignment, notices) = Self.begun(
            behind: ProgressRecord(offset: 30, targetOffset: 30),
            source: written,
            target: target
        )
        #expect(assignment?.start == .offset(25) && assignment?.resumed?.targetOffset == 24)
        #expect(assignment?.producer == nil)
        #expect(notices.contains(.targetTruncated(at: 25, writtenTo: 30)), "\(notices)")
        #expect(notices.contains { if case .foreign(3, among: _) = $0 { true } else { false } }, "\(notices)")
    }

    @Test("a target that has lost records and has others in their place, as many as before, is not where progress says")
    func replacedLast() {
        var record = ProgressRecord(offset: 30, targetOffset: 30)
        record.isDoubtful = true
        let target = Array(Int64(0)..<28) + [900, 901, 902]
        let (assignment, notices) = Self.begun(behind: record, source: Array(Int64(0)..<31), target: target)
        #expect(assignment?.start == .offset(28))
        #expect(notices.contains(.targetTruncated(at: 28, writtenTo: 30)), "\(notices)")
    }

    @Test("foreign records behind the last copy are no loss")
    func foreignBehind() {
        let target = Array(Int64(0)..<31) + [900]
        let (assignment, notices) = Self.begun(
            behind: ProgressRecord(offset: 30, targetOffset: 30),
            source: Array(Int64(0)..<33),
            target: target
        )
        #expect(assignment?.start == .offset(31))
        #expect(notices == [.foreign(1, among: 31..<32)])
    }

    @Test("so are those behind a place that was gone to, whose record is the copy of another one")
    func foreignBehindAJump() {
        var record = ProgressRecord(offset: 20, targetOffset: 30)
        record.isApart = true
        let (assignment, notices) = Self.begun(
            behind: record,
            source: Array(Int64(0)..<21) + [100, 101],
            target: Array(Int64(0)..<31) + [900]
        )
        #expect(assignment?.start == .offset(21))
        #expect(notices == [.foreign(1, among: 31..<32)])
    }

    @Test("a producer whose sequence is lost is followed by its next epoch, which is written down with what was known")
    func successor() throws {
        var known = ProgressRecord(offset: 30, targetOffset: 30)
        known.producer = ProgressRecord.Producer(id: 7, epoch: 2, nextSequence: 40)
        let identity = try #require(ProducerSuccession().successor(of: known.producer, at: Self.mirrored.source))
        #expect(identity == ProducerIdentity(producerID: 7, epoch: 3))
        var assignment = ResumePlan.after(ProgressRecord(offset: 24, targetOffset: 24), Self.mirrored)
        let notice = ResumeNotice.targetTruncated(at: 25, writtenTo: 30)
        assignment.findings = [notice.gap(Self.mirrored, flow: "A->B", source: "A", target: "B")]
        let decision = ProducerSuccession.begin(
            .begin(assignment),
            of: Self.mirrored,
            with: identity,
            sourceStart: nil,
            behind: known
        )
        guard case .beginWhenWritten(let begun, let record) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(begun.producer == ProducerStamp(identity: identity, sequence: 0) && begun.isProducerRenewed)
        #expect(record.offset == 30 && record.producer?.epoch == 3, "what was found is not in the ledger yet")
        #expect(
            ProducerSuccession().successor(of: .init(id: 7, epoch: .max, nextSequence: 0), at: Self.mirrored.source)
                == nil
        )
    }
}
