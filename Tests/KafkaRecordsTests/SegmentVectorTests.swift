import KafkaCompression
import KafkaRecords
import NIOCore
import TestSupport
import Testing

/// Log segments of a real broker.
@Suite struct SegmentVectorTests {
    struct Line: Decodable {
        var topic: String
        var files: [String]
        var batches: [Batch]
        var records: [VectorRecord]
        var readCommitted: [Int64]
        var lastStableOffset: Int64
        var highWatermark: Int64
    }

    struct Batch: Decodable {
        var baseOffset: Int64
        var lastOffset: Int64
        var count: Int32
        var codec: String
        var isControl: Bool
        var isTransactional: Bool
        var producerId: Int64
        var producerEpoch: Int16
        var baseSequence: Int32
        var maxTimestamp: Int64
        var deleteHorizonMs: Int64?
    }

    @Test func readsWholeLogs() throws {
        let lines = try Vectors.lines("broker/expected.jsonl", as: Line.self)
        let codecs = StandardCodecs()
        var batchCount = 0
        for line in lines {
            let batches = try self.batches(line)
            try #require(batches.count == line.batches.count, "\(line.topic)")
            for (batch, expected) in zip(batches, line.batches) { expect(batch, equals: expected, in: line.topic) }
            let records = try batches.filter { !$0.isControl }.flatMap { try $0.records(codecs: codecs) }
            #expect(records == line.records.map(\.record), "\(line.topic)")
            #expect(
                try committed(batches, before: line.lastStableOffset, codecs) == line.readCommitted,
                "\(line.topic)"
            )
            #expect((batches.last?.nextOffset ?? 0) <= line.highWatermark, "\(line.topic)")
            batchCount += batches.count
        }
        print("expected.jsonl: \(lines.count) topics, \(batchCount) batches")
        #expect(lines.count == 13)
    }

    private func batches(_ line: Line) throws -> [RecordBatchView] {
        var batches: [RecordBatchView] = []
        for file in line.files {
            var scanner = RecordBatchScanner(ByteBuffer(bytes: try Vectors.data("broker/" + file)))
            while let element = try scanner.next() {
                guard case .batch(let batch) = element else { throw RecordError(.magic, "an old format") }
                batches.append(batch)
            }
            #expect(scanner.unreadBytes == 0, "\(file)")
        }
        return batches
    }

    private func expect(_ batch: RecordBatchView, equals expected: Batch, in topic: String) {
        #expect(batch.baseOffset == expected.baseOffset && batch.lastOffset == expected.lastOffset, "\(topic)")
        #expect(batch.recordCount == expected.count && batch.codec?.name == expected.codec, "\(topic)")
        #expect(batch.isControl == expected.isControl, "\(topic)")
        #expect(batch.isTransactional == expected.isTransactional, "\(topic)")
        #expect(batch.producerID == expected.producerId, "\(topic)")
        #expect(batch.producerEpoch == expected.producerEpoch, "\(topic)")
        #expect(batch.baseSequence == expected.baseSequence && batch.maxTimestamp == expected.maxTimestamp, "\(topic)")
        #expect(batch.deleteHorizon == expected.deleteHorizonMs, "\(topic)")
    }

    /// The offsets a consumer sees, with the list of aborted transactions derived from the markers.
    private func committed(
        _ batches: [RecordBatchView],
        before lastStableOffset: Int64,
        _ codecs: StandardCodecs
    ) throws -> [Int64] {
        var open: [Int64: Int64] = [:]
        var aborted: [AbortedTransaction] = []
        for batch in batches where batch.isTransactional {
            if let marker = try batch.controlRecord() {
                let first = open.removeValue(forKey: batch.producerID)
                if marker.type == .abort, let first {
                    aborted.append(AbortedTransaction(producerID: batch.producerID, firstOffset: first))
                }
            } else if !batch.isControl, open[batch.producerID] == nil {
                open[batch.producerID] = batch.baseOffset
            }
        }
        var filter = AbortedTransactionFilter(aborted.reversed())
        var offsets: [Int64] = []
        for batch in batches where try filter.visibility(of: batch) == .visible {
            offsets += try batch.records(codecs: codecs).map(\.offset).filter { $0 < lastStableOffset }
        }
        return offsets
    }
}
