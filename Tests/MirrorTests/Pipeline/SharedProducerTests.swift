import KafkaClient
import KafkaProtocol
import MirrorModel
import Testing

@testable import Mirror

/// A partition whose producer id is shared by all processes, one after the other.
@Suite("Shared producer")
struct SharedProducerTests {
    typealias Script = PartitionFlowTests.Script

    private static let stamp = ProducerStamp(identity: ProducerIdentity(producerID: 1, epoch: 0), sequence: 0)

    private static func script(epoch: Int32 = 3) throws -> Script {
        let resumed = PartitionPosition(sourceOffset: 9, targetOffset: 9, leaderEpoch: epoch, producer: stamp)
        return try Script(resumed) { $0.yieldsWhenOvertaken = true }
    }

    @Test("what a refused batch would have been given is given to the next one")
    func definiteRefusal() throws {
        let script = try Self.script()
        try script.fetch([10, 20])
        let tokens = script.send(1)
        script.acknowledge(tokens[0], at: 10)
        let refused = script.send(1)
        script.flow.refused(
            ProduceRefusal(
                kind: .tooLarge,
                code: .messageTooLarge,
                message: nil,
                token: refused[0],
                isOutcomeUnknown: false
            ),
            now: script.now
        )
        let stamps = script.flow.takeActions().compactMap { action in
            if case .resumeProducing(let stamp) = action { stamp } else { nil }
        }
        #expect(stamps == [Self.stamp.following(records: 10)])
    }

    @Test("a sequence that is not the next one gives the partition back, in doubt of its last record")
    func lostSequence() throws {
        let script = try Self.script()
        try script.fetch([10])
        script.refuse(.sequenceLost, script.send(1)[0], isUnknown: true)
        #expect(script.events.contains(.overtaken(isForgotten: true)) && script.queries.isEmpty)
        #expect(script.position?.isDoubtful == true && script.position?.sourceOffset == 9)
    }

    @Test("what is written first after the source has got another leader is compared before it counts")
    func firstBehindAnotherLeader() throws {
        let script = try Self.script(epoch: 2)
        try script.fetch([10, 20])
        let tokens = script.send(2)
        #expect(tokens.count == 1, "alone")
        script.acknowledge(tokens[0], at: 10)
        #expect(script.events.contains(.overtaken(isForgotten: false)) && script.position?.sourceOffset == 9)
        let same = try Self.script()
        try same.fetch([10, 20])
        same.acknowledge(same.send(1)[0], at: 10)
        #expect(!same.events.contains(.overtaken(isForgotten: false)) && same.position?.sourceOffset == 19)
    }

    @Test("records that the target put where others were make it look for its place")
    func lostRecords() throws {
        let script = try Self.script()
        try script.fetch([10, 20])
        script.acknowledge(script.send(1)[0], at: 10)
        script.acknowledge(script.send(1)[0], at: 12)
        #expect(script.events.contains(.targetTruncated(at: 12, writtenTo: 19)) && script.events.contains(.placeLost))
        #expect(script.position?.isDoubtful == true)
        #expect(script.position?.sourceOffset == 11 && script.position?.targetOffset == 11)
    }
}
