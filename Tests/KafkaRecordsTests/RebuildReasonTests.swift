import KafkaCompression
import KafkaRecords
import NIOCore
import TestSupport
import Testing

@Suite struct RebuildReasonTests {
    @Test func plainBatchesNeedOnlyAHeader() throws {
        var random = SeededGenerator(seed: 50)
        let codecs = StandardCodecs()
        for codec in CompressionCodec.allCases {
            let batch = try random.batch(of: random.records(3, from: 10), codec: codec, codecs: codecs)
            #expect(ScannedBatch.batch(batch).rebuildReason(from: 10, maxBytes: batch.sizeInBytes) == nil)
        }
    }

    @Test func everyReasonIsFound() throws {
        var random = SeededGenerator(seed: 51)
        let codecs = StandardCodecs()
        let records = random.records(5, from: 10)
        let plain = try random.batch(of: records)
        let element = ScannedBatch.batch(plain)
        #expect(element.rebuildReason(from: 11) == .trimmed)
        #expect(element.rebuildReason(maxBytes: plain.sizeInBytes - 1) == .size)
        #expect(element.rebuildReason(codecs: [.zstd]) == .codec)
        let stamped = try random.batch(of: records, logAppendTime: 7)
        #expect(ScannedBatch.batch(stamped).rebuildReason() == .appendTime)
        let legacy = try LegacyMessage(try LegacyMessageSet.encode(records, magic: 1))
        #expect(ScannedBatch.legacy(legacy).rebuildReason() == .oldFormat)
        guard case .rewritten(let holed) = try plain.compacted(codecs: codecs, keep: { $0.offset != 12 }),
            case .rewritten(let horizon) = try plain.compacted(codecs: codecs, deleteHorizon: 3, keep: { _ in true }),
            case .emptied(let empty) = try plain.compacted(codecs: codecs, keep: { _ in false })
        else {
            Issue.record("compaction did something else")
            return
        }
        #expect(ScannedBatch.batch(try RecordBatchView(holed)).rebuildReason() == .gaps)
        #expect(ScannedBatch.batch(try RecordBatchView(empty)).rebuildReason() == .gaps)
        #expect(ScannedBatch.batch(try RecordBatchView(horizon)).rebuildReason() == .deleteHorizon)
    }
}
