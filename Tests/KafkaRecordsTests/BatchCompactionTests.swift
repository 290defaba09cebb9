import KafkaCompression
import KafkaRecords
import NIOCore
import TestSupport
import Testing

@Suite struct BatchCompactionTests {
    @Test(arguments: CompressionCodec.allCases)
    func keepsTheRangeOfOffsets(codec: CompressionCodec) throws {
        var random = SeededGenerator(seed: 17)
        let codecs = StandardCodecs()
        let records = random.records(10, from: 30)
        let batch = try random.batch(of: records, codec: codec, codecs: codecs)
        let compacted = try batch.compacted(codecs: codecs) { $0.offset.isMultiple(of: 3) && $0.offset < 39 }
        guard case .rewritten(let bytes) = compacted else {
            Issue.record("\(compacted)")
            return
        }
        let view = try RecordBatchView(bytes)
        #expect(view.baseOffset == 30 && view.lastOffset == 39 && view.recordCount == 3 && view.isValidCRC())
        #expect(view.producerID == batch.producerID && view.baseSequence == batch.baseSequence)
        #expect(view.isTransactional == batch.isTransactional && view.codec == codec)
        #expect(try view.records(codecs: codecs) == [records[0], records[3], records[6]])
    }

    @Test func keepsAllOrNothing() throws {
        var random = SeededGenerator(seed: 18)
        let batch = try random.batch(of: random.records(4, from: 30))
        #expect(try batch.compacted(codecs: nil) { _ in true } == .unchanged)
        guard case .emptied(let bytes) = try batch.compacted(codecs: nil, keep: { _ in false }) else {
            Issue.record("records are left")
            return
        }
        let empty = try RecordBatchView(bytes)
        #expect(empty.baseOffset == 30 && empty.nextOffset == 34 && empty.recordCount == 0 && empty.isValidCRC())
        #expect(empty.baseTimestamp == -1 && empty.maxTimestamp == batch.maxTimestamp)
        #expect(empty.producerID == batch.producerID && empty.lastSequence == batch.lastSequence)
        #expect(try empty.records(codecs: nil).isEmpty)
        #expect(try empty.compacted(codecs: nil) { _ in true } == .unchanged)
    }

    @Test func notesADeleteHorizonOnce() throws {
        var random = SeededGenerator(seed: 19)
        let records = random.records(4, from: 30)
        let batch = try random.batch(of: records)
        guard case .rewritten(let bytes) = try batch.compacted(codecs: nil, deleteHorizon: 1_234, keep: { _ in true })
        else {
            Issue.record("not rewritten")
            return
        }
        let view = try RecordBatchView(bytes)
        #expect(view.deleteHorizon == 1_234 && view.isValidCRC())
        #expect(try view.records(codecs: nil) == records)
        #expect(try view.compacted(codecs: nil, deleteHorizon: 9_999) { _ in true } == .unchanged)
    }
}
