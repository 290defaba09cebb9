import KafkaCompression
import KafkaRecords
import NIOCore
import TestSupport
import Testing

@Suite struct BatchRebuilderTests {
    @Test(arguments: CompressionCodec.allCases)
    func keepsEveryRecordInAnyCodec(codec: CompressionCodec) throws {
        var random = SeededGenerator(seed: 12)
        let codecs = StandardCodecs()
        for source in CompressionCodec.allCases {
            let records = random.records(50, from: 7_000, gaps: true)
            let batch = try random.batch(of: records, codec: source, codecs: codecs)
            let rebuilder = BatchRebuilder(compression: .codec(codec))
            let rebuilt = try rebuilder.rebuild(.batch(batch), codecs: codecs)
            #expect(rebuilt.count == 1)
            for result in rebuilt {
                #expect(result.batch.isDense && result.batch.isValidCRC() && result.batch.codec == codec)
                #expect(result.batch.baseOffset == 0 && result.batch.producerID == -1 && !result.batch.isTransactional)
                expectSame(try result.batch.records(codecs: codecs), records)
                #expect(result.runs.sourceOffsets == records.map(\.offset))
            }
        }
    }

    @Test(arguments: CompressionCodec.allCases)
    func splitsUnderTheLimit(codec: CompressionCodec) throws {
        var random = SeededGenerator(seed: 13)
        let codecs = StandardCodecs()
        let records = random.records(300, from: 40, gaps: true)
        let batch = try random.batch(of: records, codec: codec, codecs: codecs)
        let rebuilder = BatchRebuilder(maxBatchBytes: 1_200)
        let rebuilt = try rebuilder.rebuild(.batch(batch), codecs: codecs)
        #expect(rebuilt.count > 2)
        #expect(rebuilt.allSatisfy { $0.batch.sizeInBytes <= 1_200 && $0.batch.isDense && $0.batch.codec == codec })
        #expect(rebuilt.flatMap(\.runs.sourceOffsets) == records.map(\.offset))
        var values: [ByteBuffer?] = []
        for result in rebuilt {
            let decoded = try result.batch.records(codecs: codecs)
            #expect(decoded.count == result.runs.sourceOffsets.count)
            values += decoded.map(\.value)
        }
        #expect(values == records.map(\.value))
    }

    @Test func trimsBelowTheStart() throws {
        var random = SeededGenerator(seed: 14)
        let codecs = StandardCodecs()
        let records = random.records(20, from: 100)
        let batch = ScannedBatch.batch(try random.batch(of: records, codec: .lz4, codecs: codecs))
        for start in [Int64(0), 100, 101, 119, 120, 999] {
            let rebuilt = try BatchRebuilder(startOffset: start).rebuild(batch, codecs: codecs)
            let expected = records.filter { $0.offset >= start }
            #expect(rebuilt.flatMap(\.runs.sourceOffsets) == expected.map(\.offset))
            #expect(rebuilt.count == (expected.isEmpty ? 0 : 1))
            for result in rebuilt { expectSame(try result.batch.records(codecs: codecs), expected) }
        }
    }

    @Test func reportsARecordThatFitsNowhere() throws {
        var random = SeededGenerator(seed: 15)
        let codecs = StandardCodecs()
        for codec in CompressionCodec.allCases {
            var records = random.records(10, from: 60)
            records[4].value = random.bytes(3_000)
            let batch = ScannedBatch.batch(try random.batch(of: records, codec: codec, codecs: codecs))
            let error = #expect(throws: RecordError.self) {
                _ = try BatchRebuilder(maxBatchBytes: 2_000).rebuild(batch, codecs: codecs)
            }
            #expect(error?.code == .tooLarge && error?.offset == 64, "\(codec)")
        }
    }

    @Test func coalescesNeighboursOfAllKinds() throws {
        var random = SeededGenerator(seed: 16)
        let codecs = StandardCodecs()
        var batches: [ScannedBatch] = []
        var expected: [Record] = []
        for index in 0..<10 {
            let records = random.records(4, from: Int64(index * 10), gaps: true)
            let stamp: Int64? = index == 3 ? 555 : nil
            let codec = CompressionCodec.allCases[index % 5]
            let batch = try random.batch(of: records, codec: codec, codecs: codecs, logAppendTime: stamp)
            batches.append(.batch(batch))
            expected += try batch.records(codecs: codecs)
        }
        let marker = try RecordBatchBuilder.endTransaction(
            .abort,
            baseOffset: 200,
            timestamp: 0,
            producerID: 1,
            producerEpoch: 0,
            coordinatorEpoch: 0
        )
        batches.append(.batch(try RecordBatchView(marker)))
        let rebuilt = try BatchRebuilder(compression: .codec(.zstd)).rebuild(batches, codecs: codecs)
        #expect(rebuilt.count == 1 && rebuilt.first?.batch.timestampType == .createTime)
        for result in rebuilt { expectSame(try result.batch.records(codecs: codecs), expected) }
        #expect(rebuilt.flatMap(\.runs.sourceOffsets) == expected.map(\.offset))
        #expect(expected.contains { $0.timestamp == 555 })
    }

    /// Dense neighbours take a shorter way than others; both come to the same records.
    @Test(arguments: CompressionCodec.allCases)
    func joinsDenseNeighbours(codec: CompressionCodec) throws {
        var random = SeededGenerator(seed: 17)
        let codecs = StandardCodecs()
        var batches: [ScannedBatch] = []
        var expected: [Record] = []
        for index in 0..<40 {
            let records = random.records(1 + index % 7, from: Int64(1_000 + index * 10))
            batches.append(.batch(try random.batch(of: records, codec: codec, codecs: codecs)))
            expected += records
        }
        let joined = try BatchRebuilder().rebuild(batches, codecs: codecs)
        #expect(joined.count == 1)
        let result = try #require(joined.first)
        #expect(result.batch.isDense && result.batch.isValidCRC() && result.batch.codec == codec)
        expectSame(try result.batch.records(codecs: codecs), expected)
        #expect(result.runs.sourceOffsets == expected.map(\.offset))

        let split = try BatchRebuilder(maxBatchBytes: result.batch.sizeInBytes / 3).rebuild(batches, codecs: codecs)
        #expect(split.count > 2)
        #expect(split.flatMap(\.runs.sourceOffsets) == expected.map(\.offset))
        let trimmed = try BatchRebuilder(startOffset: expected[1].offset).rebuild(batches, codecs: codecs)
        #expect(trimmed.flatMap(\.runs.sourceOffsets) == expected.dropFirst().map(\.offset))
    }

    @Test func namesTheRecordWhereDenseNeighboursAreDamaged() throws {
        var random = SeededGenerator(seed: 18)
        let codecs = StandardCodecs()
        var batches = try (0..<20).map { index in
            try random.batch(of: random.records(3, from: Int64(100 + index * 3)))
        }
        // The length of the last record of one batch reaches beyond its end.
        var bytes = batches[11].buffer
        let last = try #require(bytes.readableBytesView.lastIndex(of: 0))
        bytes.setInteger(UInt8(0x7e), at: last)
        batches[11] = try RecordBatchView(bytes)
        let error = #expect(throws: RecordError.self) {
            _ = try BatchRebuilder().rebuild(batches.map { .batch($0) }, codecs: codecs)
        }
        #expect((133...135).contains(error?.offset ?? -1), "\(String(describing: error))")
    }

    /// Batches and old message sets of Kafka's own classes: holes, append time, delete horizons, empty ones, wrappers.
    @Test func rebuildsGoldenBatches() throws {
        let codecs = StandardCodecs()
        var count = 0
        let batches = try Vectors.lines("records/batches.jsonl", as: BatchVectorTests.Line.self)
        for line in batches {
            let view = try RecordBatchView(line.hex.buffer)
            let rebuilt = try BatchRebuilder().rebuild(.batch(view), codecs: codecs)
            try expect(rebuilt, line.isControl ? [] : line.records.map(\.record), line.name, codecs)
            count += 1
        }
        let sets = try Vectors.lines("records/legacy.jsonl", as: LegacyVectorTests.Line.self)
        for line in sets {
            var elements: [ScannedBatch] = []
            var scanner = RecordBatchScanner(line.hex.buffer)
            while let element = try scanner.next() { elements.append(element) }
            let rebuilt = try BatchRebuilder().rebuild(elements, codecs: codecs)
            try expect(rebuilt, line.records.map(\.record), line.name, codecs)
            count += 1
        }
        print("rebuilt \(count) golden batches and message sets")
        #expect(count == 153)
    }

    private func expect(
        _ rebuilt: [AssembledBatch],
        _ records: [Record],
        _ name: String,
        _ codecs: StandardCodecs
    ) throws {
        #expect(rebuilt.flatMap(\.runs.sourceOffsets) == records.map(\.offset), "\(name)")
        var decoded: [Record] = []
        for result in rebuilt {
            #expect(result.batch.isDense && result.batch.isValidCRC(), "\(name)")
            decoded += try result.batch.records(codecs: codecs)
        }
        for (index, record) in records.enumerated() where index < decoded.count {
            decoded[index].offset = record.offset
        }
        #expect(decoded == records, "\(name)")
    }
}
