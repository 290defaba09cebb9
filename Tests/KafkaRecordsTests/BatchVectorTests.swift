import KafkaCompression
import KafkaRecords
import NIOCore
import TestSupport
import Testing

/// Batches that Kafka's own classes wrote.
@Suite struct BatchVectorTests {
    struct Line: Decodable {
        var name: String
        var hex: HexBytes
        var baseOffset: Int64
        var lastOffset: Int64
        var count: Int32
        var codec: String
        var timestampType: String
        var isTransactional: Bool
        var isControl: Bool
        var producerId: Int64
        var producerEpoch: Int16
        var baseSequence: Int32
        var lastSequence: Int32
        var partitionLeaderEpoch: Int32
        var baseTimestamp: Int64
        var maxTimestamp: Int64
        var deleteHorizonMs: Int64?
        var crc: UInt32
        var attributes: Int16
        var sizeInBytes: Int
        var records: [VectorRecord]
        var controlType: String?
        var coordinatorEpoch: Int32?
    }

    @Test func decodesHeadersAndRecords() throws {
        let lines = try Vectors.lines("records/batches.jsonl", as: Line.self)
        let codecs = StandardCodecs()
        for line in lines {
            let view = try RecordBatchView(line.hex.buffer)
            expectHeader(of: view, equals: line)
            let records = try view.records(codecs: codecs)
            #expect(records == line.records.map(\.record), "\(line.name)")
            for record in line.records {
                let delta = Int32(record.offset - line.baseOffset)
                #expect(record.sequence == view.sequence(atOffsetDelta: delta), "\(line.name)")
            }
        }
        print("batches.jsonl: \(lines.count) cases decoded")
        #expect(lines.count == 111)
    }

    private func expectHeader(of view: RecordBatchView, equals line: Line) {
        #expect(view.buffer == line.hex.buffer, "\(line.name)")
        #expect(view.isValidCRC() && view.crc == line.crc, "\(line.name)")
        #expect(view.baseOffset == line.baseOffset && view.lastOffset == line.lastOffset, "\(line.name)")
        #expect(view.recordCount == line.count && view.sizeInBytes == line.sizeInBytes, "\(line.name)")
        #expect(view.codec?.name == line.codec && view.attributes.rawValue == line.attributes, "\(line.name)")
        #expect((view.timestampType == .logAppendTime) == (line.timestampType == "LogAppendTime"), "\(line.name)")
        #expect(view.isTransactional == line.isTransactional && view.isControl == line.isControl, "\(line.name)")
        #expect(view.producerID == line.producerId && view.producerEpoch == line.producerEpoch, "\(line.name)")
        #expect(view.baseSequence == line.baseSequence && view.lastSequence == line.lastSequence, "\(line.name)")
        #expect(view.partitionLeaderEpoch == line.partitionLeaderEpoch, "\(line.name)")
        #expect(view.baseTimestamp == line.baseTimestamp && view.maxTimestamp == line.maxTimestamp, "\(line.name)")
        #expect(view.deleteHorizon == line.deleteHorizonMs, "\(line.name)")
    }

    @Test func encodesTheSameBytes() throws {
        let lines = try Vectors.lines("records/batches.jsonl", as: Line.self)
        let codecs = StandardCodecs()
        var identical = 0
        var equal = 0
        for line in lines {
            var builder = self.builder(line)
            builder.append(contentsOf: line.records.map(\.record))
            let bytes = try builder.build(codecs: codecs)
            if line.codec == "none", line.timestampType == "CreateTime" {
                #expect(bytes == line.hex.buffer, "\(line.name)")
                identical += 1
            } else {
                let view = try RecordBatchView(bytes)
                #expect(view.isValidCRC(), "\(line.name)")
                #expect(try view.records(codecs: codecs) == line.records.map(\.record), "\(line.name)")
                var (ours, theirs) = (view.header, try RecordBatchView(line.hex.buffer).header)
                (ours.crc, theirs.crc) = (0, 0)
                (ours.batchLength, theirs.batchLength) = (0, 0)
                #expect(ours == theirs, "\(line.name)")
                equal += 1
            }
        }
        print("batches.jsonl: \(identical) cases encoded to identical bytes, \(equal) to equal records")
        #expect(identical + equal == 111 && identical > 20)
    }

    private func builder(_ line: Line) -> RecordBatchBuilder {
        var builder = RecordBatchBuilder(
            baseOffset: line.baseOffset,
            codec: CompressionCodec(name: line.codec) ?? .none,
            baseTimestamp: line.baseTimestamp,
            deleteHorizon: line.deleteHorizonMs
        )
        builder.partitionLeaderEpoch = line.partitionLeaderEpoch
        builder.producerID = line.producerId
        builder.producerEpoch = line.producerEpoch
        builder.baseSequence = line.baseSequence
        builder.isTransactional = line.isTransactional
        builder.isControl = line.isControl
        builder.lastOffset = line.lastOffset
        if line.timestampType == "LogAppendTime" { builder.logAppendTime = line.maxTimestamp }
        builder.emptyMaxTimestamp = line.maxTimestamp
        return builder
    }
}
