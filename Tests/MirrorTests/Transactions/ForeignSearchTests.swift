import KafkaClient
import KafkaProtocol
import KafkaRecords
import MirrorModel
import NIOCore
import Testing

@testable import Mirror

@Suite("Looking for somebody else's records among transactions")
struct ForeignSearchTests {
    /// One batch of the log that is searched.
    private enum Part {
        case records(Int32, producer: Int64, isTransactional: Bool)
        case marker(ControlRecordType, producer: Int64)
    }

    private func log(_ parts: [Part]) throws -> ByteBuffer {
        var bytes = ByteBuffer()
        var next: Int64 = 0
        for part in parts {
            switch part {
            case .records(let count, let producer, let isTransactional):
                var builder = RecordBatchBuilder(baseOffset: next)
                builder.producerID = producer
                builder.producerEpoch = producer < 0 ? -1 : 0
                builder.isTransactional = isTransactional
                for _ in 0..<count { builder.append(timestamp: 1, key: nil, value: nil) }
                bytes.writeImmutableBuffer(try builder.build())
                next += Int64(count)
            case .marker(let type, let producer):
                bytes.writeImmutableBuffer(
                    try RecordBatchBuilder.endTransaction(
                        type,
                        baseOffset: next,
                        timestamp: 1,
                        producerID: producer,
                        producerEpoch: 0,
                        coordinatorEpoch: 0
                    )
                )
                next += 1
            }
        }
        return bytes
    }

    @Test("markers and what was aborted are nobody's; committed and plain records are")
    func committed() throws {
        let bytes = try log([
            .marker(.commit, producer: 7),
            .records(3, producer: 7, isTransactional: true), .marker(.abort, producer: 7),
            .records(2, producer: 9, isTransactional: true), .marker(.commit, producer: 9),
            .records(4, producer: -1, isTransactional: false),
        ])
        let aborted = [AbortedTransaction(producerID: 7, firstOffset: 1)]
        var all = ForeignSearch(0..<12, ownProducer: 7)
        try all.look(at: bytes, aborted: aborted)
        #expect(all.isDone)
        #expect(all.found == ForeignRecords(first: 5, last: 11, count: 6))
        var before = ForeignSearch(0..<5, ownProducer: 7)
        try before.look(at: bytes, aborted: aborted)
        #expect(before.isDone && before.found == nil)
        // From within a batch, to within another one.
        var part = ForeignSearch(6..<10, ownProducer: 7)
        try part.look(at: bytes, aborted: aborted)
        #expect(part.found == ForeignRecords(first: 6, last: 9, count: 3))
    }

    @Test("among the batches of the open transaction another producer's are foreign")
    func open() throws {
        let bytes = try log([
            .records(3, producer: 7, isTransactional: true), .records(2, producer: -1, isTransactional: false),
            .records(3, producer: 7, isTransactional: true),
        ])
        var search = ForeignSearch(0..<8, ownProducer: 7)
        try search.look(at: bytes, aborted: nil)
        #expect(search.isDone && search.found == ForeignRecords(first: 3, last: 4, count: 2))
    }

    @Test("only what a marker does not explain is looked at")
    func unexplained() throws {
        let resumed = PartitionPosition(sourceOffset: -1, targetOffset: 99)
        let script = try PartitionFlowTests.Script(resumed) { $0.isTransactional = true }
        try script.fetch([0, 10, 20])
        var tokens = script.send(2)
        // What stands behind progress at a start is not known; nor what stands between two batches.
        var written: [UInt64: Int64?] = [tokens[0]: 101, tokens[1]: 113]
        #expect(script.flow.unexplained(written) == [100..<101, 111..<113])
        script.flow.explained(through: 100, nil)
        #expect(script.flow.unexplained(written) == [111..<113])
        script.flow.explained(through: 112, nil)
        #expect(script.flow.unexplained(written).isEmpty)
        script.acknowledge(tokens[0], at: 101)
        script.acknowledge(tokens[1], at: 113)
        script.flow.transactionCommitted()
        // Behind a transaction that was committed here stands its marker, and nothing else.
        tokens = script.send(1)
        written = [tokens[0]: 124]
        #expect(script.flow.unexplained(written).isEmpty)
        written = [tokens[0]: 125]
        #expect(script.flow.unexplained(written) == [123..<125])
        #expect(script.events.allSatisfy { if case .foreignRecords = $0 { false } else { true } })
        script.flow.explained(through: 124, ForeignRecords(first: 124, last: 124, count: 1))
        script.drain()
        #expect(script.events.contains(.foreignRecords(count: 1)))
    }
}
