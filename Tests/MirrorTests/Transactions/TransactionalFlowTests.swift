import KafkaClient
import KafkaProtocol
import MirrorModel
import Testing

@testable import Mirror

@Suite("A partition in transactions")
struct TransactionalFlowTests {
    typealias Script = PartitionFlowTests.Script

    @Test("progress tells of all batches, whatever the order of their acknowledgements")
    func outOfOrder() throws {
        let script = try Script { $0.isTransactional = true }
        try script.fetch([0, 10, 20])
        let tokens = script.send(3)
        // The answer about the first one was lost, so it comes last.
        let position = script.flow.position(adding: [tokens[1]: 10, tokens[2]: 20, tokens[0]: 0])
        #expect(position?.sourceOffset == 29 && position?.targetOffset == 29)
        #expect(script.flow.position(adding: [tokens[1]: 10]) == nil, "one before it is not written")
        let unplaced: [UInt64: Int64?] = [tokens[0]: 0, tokens[1]: nil, tokens[2]: 20]
        let map = try OffsetMap(encoded: #require(script.flow.offsetMap(adding: unplaced)), byteLimit: 1 << 10)
        #expect(map.runs == [OffsetMap.Run(source: 0, target: 0, count: 30)])
    }

    @Test("what was committed of a topic that is no longer there does not move the position")
    func otherTopic() throws {
        let script = try Script { $0.isTransactional = true }
        script.flow.topicID = KafkaUUID(high: 1, low: 2)
        try script.fetch([0])
        var committed = ProgressRecord(offset: 14, targetOffset: 13, sourceTopicID: KafkaUUID(high: 1, low: 1))
        script.flow.transactionLost(committed: committed)
        #expect(script.position?.sourceOffset == -1)
        committed.sourceTopicID = KafkaUUID(high: 1, low: 2)
        script.flow.transactionLost(committed: committed)
        #expect(script.position?.sourceOffset == 14)
    }
}
