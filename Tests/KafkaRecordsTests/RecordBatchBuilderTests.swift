import KafkaCompression
import KafkaRecords
import NIOCore
import TestSupport
import Testing

@Suite struct RecordBatchBuilderTests {
    @Test(arguments: CompressionCodec.allCases)
    func anyRecordsComeBack(codec: CompressionCodec) throws {
        var random = SeededGenerator(seed: 1)
        let codecs = StandardCodecs()
        for count in [1, 2, 3, 10, 200] {
            let base = Int64.random(in: 0...1 << 50, using: &random)
            let records = random.records(count, from: base, gaps: count.isMultiple(of: 2))
            let batch = try random.batch(of: records, codec: codec, codecs: codecs)
            #expect(batch.isValidCRC() && batch.codec == codec)
            #expect(batch.lastOffset == records.last?.offset && batch.recordCount == Int32(count))
            #expect(batch.maxTimestamp == max(-1, records.map(\.timestamp).max() ?? -1))
            #expect(try batch.records(codecs: codecs) == records)
        }
    }

    @Test func appendTimeHidesTheRecordsTimestamps() throws {
        var random = SeededGenerator(seed: 2)
        var records = random.records(5)
        let batch = try random.batch(of: records, logAppendTime: 99)
        for index in records.indices { records[index].timestamp = 99 }
        #expect(batch.timestampType == .logAppendTime && batch.maxTimestamp == 99)
        #expect(try batch.records(codecs: nil) == records)
    }

    @Test func goesOnWithTheNextOffset() throws {
        var builder = RecordBatchBuilder(baseOffset: 7)
        builder.append(timestamp: 1, key: nil, value: nil)
        builder.append(timestamp: 2, key: nil, value: nil)
        #expect(builder.uncompressedSize == BatchHeader.size + 14 && builder.count == 2)
        let first = try RecordBatchView(try builder.build())
        builder.append(timestamp: 3, key: nil, value: ByteBuffer())
        let second = try RecordBatchView(try builder.build())
        #expect(first.baseOffset == 7 && first.lastOffset == 8 && first.baseTimestamp == 1)
        #expect(second.baseOffset == 9 && second.recordCount == 1 && second.baseTimestamp == 3)
    }

    @Test func refusesWhatTheFormatCannotExpress() throws {
        var empty = RecordBatchBuilder()
        #expect(throws: RecordError.self) { try empty.build() }

        var backwards = RecordBatchBuilder(baseOffset: 10)
        backwards.append(Record(offset: 12, timestamp: 0, key: nil, value: nil))
        backwards.append(Record(offset: 12, timestamp: 0, key: nil, value: nil))
        #expect(throws: RecordError.self) { try backwards.build() }

        var wide = RecordBatchBuilder(baseOffset: 0)
        wide.append(Record(offset: 1 << 31, timestamp: 0, key: nil, value: nil))
        #expect(throws: RecordError.self) { try wide.build() }

        var before = RecordBatchBuilder(baseOffset: 5)
        before.append(Record(offset: 4, timestamp: 0, key: nil, value: nil))
        #expect(throws: RecordError.self) { try before.build() }

        var shortened = RecordBatchBuilder(baseOffset: 5)
        shortened.append(Record(offset: 9, timestamp: 0, key: nil, value: nil))
        shortened.lastOffset = 8
        #expect(throws: RecordError.self) { try shortened.build() }

        var compressed = RecordBatchBuilder(codec: .zstd)
        compressed.append(timestamp: 0, key: nil, value: nil)
        #expect(throws: RecordError.self) { try compressed.build() }
    }

    @Test func marksTheEndOfTransactions() throws {
        for type in [ControlRecordType.commit, .abort] {
            let bytes = try RecordBatchBuilder.endTransaction(
                type,
                baseOffset: 40,
                timestamp: 5,
                producerID: 12,
                producerEpoch: 3,
                coordinatorEpoch: 77
            )
            let batch = try RecordBatchView(bytes)
            #expect(batch.isControl && batch.isTransactional && batch.isValidCRC())
            #expect(batch.producerID == 12 && batch.producerEpoch == 3 && batch.baseSequence == -1)
            let marker = try batch.controlRecord()
            #expect(marker?.type == type && marker?.coordinatorEpoch == 77)
        }
    }

    @Test func namesCodecsAsConfigurationsDo() {
        for codec in CompressionCodec.allCases { #expect(CompressionCodec(name: codec.name) == codec) }
        #expect(CompressionCodec(name: "uncompressed") == CompressionCodec.none)
        #expect(CompressionCodec(name: "producer") == nil)
    }
}
