import KafkaCompression
import KafkaRecords
import NIOCore
import TestSupport
import Testing

@Suite struct BatchSplicerTests {
    /// Neighbours as a fetch returns them; some offsets between them are missing.
    private func neighbours(_ count: Int, _ random: inout SeededGenerator) throws -> [RecordBatchView] {
        var offset: Int64 = 1_000_000
        return try (0..<count).map { _ in
            let records = random.records(Int.random(in: 1...5, using: &random), from: offset)
            offset += Int64(records.count) + (Bool.random(using: &random) ? 2 : 0)
            return try random.batch(of: records)
        }
    }

    @Test func keepsEveryRecord() throws {
        var random = SeededGenerator(seed: 7)
        for count in 1...30 {
            let batches = try neighbours(count, &random)
            var splicer = BatchSplicer(maxBytes: 1 << 20)
            for batch in batches { #expect(try splicer.append(batch)) }
            let size = splicer.sizeInBytes
            let finished = try splicer.finish()
            let spliced = try #require(finished)
            let expected = try batches.flatMap { try $0.records(codecs: nil) }
            expectSame(try spliced.batch.records(codecs: nil), expected)
            #expect(spliced.batch.isValidCRC() && spliced.batch.isDense && spliced.batch.baseOffset == 0)
            #expect(spliced.batch.sizeInBytes == size && !spliced.batch.isTransactional)
            #expect(spliced.batch.producerID == -1)
            #expect(spliced.runs.sourceOffsets == expected.map(\.offset))
            #expect(spliced.firstSourceOffset == expected.first?.offset)
            #expect(spliced.lastSourceOffset == expected.last?.offset)
            #expect(splicer.isEmpty)
        }
    }

    @Test func stopsAtTheLimitAndLosesNothing() throws {
        var random = SeededGenerator(seed: 8)
        let batches = try neighbours(100, &random)
        var splicer = BatchSplicer(maxBytes: 2_000)
        var results: [AssembledBatch] = []
        for batch in batches {
            if try splicer.append(batch) { continue }
            if let full = try splicer.finish() { results.append(full) }
            #expect(try splicer.append(batch))
        }
        if let last = try splicer.finish() { results.append(last) }
        #expect(results.count > 3)
        #expect(results.allSatisfy { $0.batch.sizeInBytes <= 2_000 && $0.batch.isValidCRC() })
        let expected = try batches.flatMap { try $0.records(codecs: nil) }
        let records = try results.flatMap { try $0.batch.records(codecs: nil) }
        #expect(records.map(\.value) == expected.map(\.value))
        #expect(results.flatMap(\.runs.sourceOffsets) == expected.map(\.offset))
    }

    @Test func joinsRunsThatFollowEachOther() throws {
        var random = SeededGenerator(seed: 9)
        var splicer = BatchSplicer(maxBytes: 1 << 20)
        for offset in [Int64(10), 12, 14, 20] {
            #expect(try splicer.append(try random.batch(of: random.records(2, from: offset))))
        }
        let spliced = try splicer.finish()
        #expect(
            spliced?.runs == [OffsetRun(source: 10, index: 0, count: 6), OffsetRun(source: 20, index: 6, count: 2)]
        )
    }

    @Test func leavesOthersToTheSlowPath() throws {
        var random = SeededGenerator(seed: 10)
        let codecs = StandardCodecs()
        let marker = try RecordBatchBuilder.endTransaction(
            .commit,
            baseOffset: 0,
            timestamp: 0,
            producerID: 1,
            producerEpoch: 0,
            coordinatorEpoch: 0
        )
        #expect(!BatchSplicer.accepts(try RecordBatchView(marker)))
        var gaps = random.records(2)
        gaps[1].offset = 5
        #expect(!BatchSplicer.accepts(try random.batch(of: gaps)))
        #expect(!BatchSplicer.accepts(try random.batch(of: random.records(2), logAppendTime: 3)))
        #expect(!BatchSplicer.accepts(try random.batch(of: random.records(2), codec: .zstd, codecs: codecs)))
        var splicer = BatchSplicer(maxBytes: 100)
        let large = [Record(timestamp: 0, key: nil, value: random.bytes(200))]
        #expect(try !splicer.append(try random.batch(of: large)) && splicer.isEmpty)
        #expect(try splicer.finish() == nil)
    }

    @Test func aDamagedBatchLeavesTheOthersAlone() throws {
        var random = SeededGenerator(seed: 11)
        let good = try random.batch(of: random.records(3, from: 10))
        var bytes = try random.batch(of: random.records(3, from: 13)).buffer
        // The length of the first record.
        bytes.setInteger(UInt8(0x7f), at: bytes.readerIndex + BatchHeader.size)
        var splicer = BatchSplicer(maxBytes: 1 << 20)
        #expect(try splicer.append(good))
        let size = splicer.sizeInBytes
        let damaged = try RecordBatchView(bytes)
        let error = #expect(throws: RecordError.self) { _ = try splicer.append(damaged) }
        #expect(error?.code == .content && error?.offset == 13)
        #expect(splicer.sizeInBytes == size && splicer.batchCount == 1)
        let spliced = try splicer.finish()
        #expect(spliced?.runs.sourceOffsets == [10, 11, 12])
    }
}

extension [OffsetRun] {
    /// The source offset of every record.
    var sourceOffsets: [Int64] {
        flatMap { run in (0..<Int64(run.count)).map { run.source + $0 } }
    }
}

/// Equal but for offsets, which start at 0 without gaps.
func expectSame(_ records: [Record], _ expected: [Record], sourceLocation: SourceLocation = #_sourceLocation) {
    var renumbered = expected
    for index in renumbered.indices { renumbered[index].offset = Int64(index) }
    #expect(records == renumbered, sourceLocation: sourceLocation)
}
