import KafkaCompression
import KafkaProtocol
import KafkaRecords
import NIOCore
import Testing

@testable import Mirror

@Suite("Batch planner")
struct BatchPlannerTests {
    private func batch(_ base: Int64, _ change: (inout RecordBatchBuilder) -> Void = { _ in }) throws -> ByteBuffer {
        var builder = RecordBatchBuilder(baseOffset: base)
        change(&builder)
        for number in 0..<10 { builder.append(timestamp: 1, key: nil, value: ByteBuffer(integer: number)) }
        return try builder.build(codecs: StandardCodecs())
    }

    /// One word per batch, and what ends the plan.
    private func plan(
        _ batches: [ByteBuffer],
        with planner: BatchPlanner = BatchPlanner(),
        position: Int64 = 0,
        aborted: [AbortedTransaction] = []
    ) -> [String] {
        var records = ByteBuffer()
        for batch in batches { records.writeImmutableBuffer(batch) }
        var cursor = planner.cursor(records, aborted: aborted)
        var position = position
        var words: [String] = []
        while true {
            switch planner.next(&cursor, position: position) {
            case .step(.skip(let reason, let through, _)):
                words.append("\(reason) \(through)")
                position = max(position, through + 1)
            case .step(.fast(let view)):
                words.append("fast \(view.lastOffset)")
                position = view.nextOffset
            case .step(.slow(let element, let reason)):
                words.append("\(reason) \(element.lastOffset)")
                position = element.nextOffset
            case .damage(.broken(let error, _)): return words + ["broken \(error.code) \(error.offset ?? -1)"]
            case .damage(.unknownCodec(let offset, _)): return words + ["unknown codec \(offset)"]
            case .end: return words
            }
        }
    }

    @Test("sound batches of every codec pass through")
    func fast() throws {
        let batches = try CompressionCodec.allCases.enumerated().map { index, codec in
            try self.batch(Int64(index) * 10) { $0.codec = codec }
        }
        #expect(self.plan(batches) == ["fast 9", "fast 19", "fast 29", "fast 39", "fast 49"])
    }

    @Test("what lies below the position is left out or trimmed")
    func position() throws {
        let batches = try [self.batch(0), self.batch(10), self.batch(20)]
        #expect(self.plan(batches, position: 15) == ["belowPosition 9", "trimmed 19", "fast 29"])
    }

    @Test("append times and codecs or sizes the target does not take go the slow way")
    func slow() throws {
        var planner = BatchPlanner()
        planner.settings.allowedCodecs = [.none, .lz4]
        let batches = try [self.batch(0) { $0.logAppendTime = 5 }, self.batch(10) { $0.codec = .gzip }, self.batch(20)]
        #expect(self.plan(batches, with: planner) == ["appendTime 9", "codec 19", "fast 29"])
        planner.settings.maxBatchBytes = 100
        #expect(self.plan([try self.batch(0)], with: planner) == ["size 9"])
    }

    @Test("aborted transactions are left out, committed ones pass, markers never do")
    func transactions() throws {
        func data(_ base: Int64, _ producer: Int64) throws -> ByteBuffer {
            try self.batch(base) {
                $0.isTransactional = true
                $0.producerID = producer
                $0.producerEpoch = 0
                $0.baseSequence = 0
            }
        }
        let abort = try Marker.batch(base: 20, producer: 7, commit: false)
        let batches = try [data(0, 7), data(10, 8), abort, data(21, 7)]
        let aborted = [AbortedTransaction(producerID: 7, firstOffset: 0)]
        #expect(self.plan(batches, aborted: aborted) == ["aborted 9", "fast 19", "control 20", "fast 30"])
        #expect(self.plan(batches) == ["fast 9", "fast 19", "control 20", "fast 30"])
    }

    @Test("a flipped bit ends the plan behind what is sound, unless checksums are not checked")
    func damage() throws {
        var broken = try self.batch(10)
        broken.setInteger(UInt8(0x55), at: broken.readableBytes - 3)
        #expect(self.plan([try self.batch(0), broken, try self.batch(20)]) == ["fast 9", "broken crc 10"])
        var planner = BatchPlanner()
        planner.settings.checksCRCs = false
        #expect(self.plan([broken], with: planner) == ["fast 19"])
    }
}

private enum Marker {
    static func batch(base: Int64, producer: Int64, commit: Bool) throws -> ByteBuffer {
        var builder = RecordBatchBuilder(baseOffset: base)
        builder.isControl = true
        builder.isTransactional = true
        builder.producerID = producer
        builder.producerEpoch = 0
        var key = ByteBuffer()
        key.writeInteger(Int16(0))
        key.writeInteger(Int16(commit ? 1 : 0))
        var value = ByteBuffer()
        value.writeInteger(Int16(0))
        value.writeInteger(Int32(0))
        builder.append(timestamp: 1, key: key, value: value)
        return try builder.build()
    }
}
