import KafkaCompression
import KafkaProtocol
import KafkaRecords
import NIOCore
import Testing

@testable import LocalKafka

/// Reading, retention, truncation, leader epochs and compaction.
@Suite struct LogMaintenanceTests {
    private let codecs = StandardCodecs()

    private func log(_ batches: [[String]], timestamp: Int64 = 1000) throws -> Log {
        var log = Log()
        log.beginEpoch(0)
        for (index, values) in batches.enumerated() {
            let batch = try Batch.make(values, timestamp: timestamp + Int64(index) * 1000)
            _ = try log.append(batch, rules: LogRules(), leaderEpoch: 0, now: 0, codecs: nil)
        }
        return log
    }

    @Test func readsBeginAtTheBatchThatHoldsTheOffset() throws {
        let log = try self.log([["a", "b"], ["c", "d"], ["e"]])
        let slice = try log.read(from: 3, limit: 5, maxBytes: 1 << 20, needsOne: true)
        #expect(slice.bytes == log.batches[1].size + log.batches[2].size)
        #expect(try log.read(from: 5, limit: 5, maxBytes: 100, needsOne: true).bytes == 0)
        #expect(throws: Log.ReadFailure.self) { try log.read(from: 6, limit: 5, maxBytes: 100, needsOne: true) }
        #expect(throws: Log.ReadFailure.self) { try log.read(from: -1, limit: 5, maxBytes: 100, needsOne: true) }
    }

    @Test func limitsCutTheLastBatchButNotTheFirst() throws {
        let log = try self.log([["a"], ["b"], ["c"]])
        let size = log.batches[0].size
        #expect(try log.read(from: 0, limit: 3, maxBytes: 1, needsOne: true).bytes == size)
        #expect(try log.read(from: 0, limit: 3, maxBytes: 1, needsOne: false).bytes == 0)
        #expect(try log.read(from: 0, limit: 3, maxBytes: size + 10, needsOne: true).bytes == size + 10)
        #expect(try log.read(from: 0, limit: 1, maxBytes: 1 << 20, needsOne: true).bytes == size)
    }

    @Test func offsetsByTime() throws {
        let log = try self.log([["a", "b"], ["c", "d"]])
        #expect(log.position(atOrAfter: 1001, readCommitted: false, codecs: nil).offset == 1)
        #expect(log.position(atOrAfter: 1002, readCommitted: false, codecs: nil).offset == 2)
        #expect(log.position(atOrAfter: 3000, readCommitted: false, codecs: nil) == .unknown)
        #expect(log.positionOfMaxTimestamp(readCommitted: false, codecs: nil).offset == 3)
    }

    @Test func epochsKnowWhereTheyEnd() throws {
        var log = Log()
        for epoch in [Int32(0), 2, 5] {
            log.beginEpoch(epoch)
            for _ in 0..<3 {
                _ = try log.append(
                    try Batch.make(["x"]),
                    rules: LogRules(),
                    leaderEpoch: epoch,
                    now: 0,
                    codecs: nil
                )
            }
        }
        func end(_ epoch: Int32) -> [Int64] {
            let end = log.leaderEpochs.end(of: epoch, logEnd: log.endOffset)
            return [Int64(end.epoch), end.offset]
        }
        #expect(end(0) == [0, 3] && end(1) == [0, 3] && end(2) == [2, 6] && end(4) == [2, 6])
        #expect(end(5) == [5, 9] && end(6) == [-1, -1])
        log.truncate(to: 4)
        #expect(end(2) == [2, 4] && end(5) == [-1, -1])
    }

    @Test func retentionBySizeAndTime() throws {
        var log = try self.log([["a"], ["b"], ["c"]])
        var rules = LogRules()
        rules.retentionMs = -1
        rules.retentionBytes = Int64(log.batches[0].size + 1)
        log.applyRetention(rules, now: 0)
        #expect(log.startOffset == 1, "what is left must still be at least the limit")
        rules.retentionBytes = -1
        rules.retentionMs = 500
        log.applyRetention(rules, now: 2600)
        #expect(log.startOffset == 2)
        rules.isDeleted = false
        rules.retentionMs = 0
        let anything = log.applyRetention(rules, now: 1_000_000)
        #expect(!anything)
    }

    @Test func deletedRecordsAreOutOfRange() throws {
        var log = try self.log([["a", "b"], ["c"]])
        #expect(log.deleteRecords(before: 1) == 1)
        #expect(log.batches.count == 2, "the batch still holds a live record")
        #expect(throws: Log.ReadFailure.self) { try log.read(from: 0, limit: 3, maxBytes: 100, needsOne: true) }
        #expect(log.deleteRecords(before: 9) == nil)
        #expect(log.deleteRecords(before: 3) == 3)
        #expect(log.batches.isEmpty && log.endOffset == 3 && log.size == 0)
    }

    @Test func compactionKeepsTheNewestOfEachKey() throws {
        var log = Log()
        var builder = RecordBatchBuilder(codec: .lz4)
        for (index, key) in ["a", "b", "a", "c"].enumerated() {
            builder.append(timestamp: Int64(index), key: ByteBuffer(string: key), value: ByteBuffer(string: "\(index)"))
        }
        let rules = LogRules()
        _ = try log.append(
            try builder.build(codecs: self.codecs),
            rules: rules,
            leaderEpoch: 0,
            now: 0,
            codecs: self.codecs
        )
        var tombstone = RecordBatchBuilder()
        tombstone.append(timestamp: 9, key: ByteBuffer(string: "b"), value: nil)
        _ = try log.append(try tombstone.build(), rules: rules, leaderEpoch: 0, now: 0, codecs: nil)

        log.compact(removingTombstones: false, codecs: self.codecs)
        let first = try #require(log.batches[0].view)
        #expect(first.baseOffset == 0 && first.lastOffset == 3 && first.codec == .lz4 && first.isValidCRC())
        #expect(try first.records(codecs: self.codecs).map(\.offset) == [2, 3])
        #expect(log.batches.count == 2 && log.endOffset == 5)

        log.compact(removingTombstones: true, codecs: self.codecs)
        #expect(log.batches.count == 1 && log.endOffset == 5)
        #expect(try log.read(from: 4, limit: 5, maxBytes: 100, needsOne: true).bytes == 0)
    }

    @Test func compactionKeepsTheLastBatchOfAProducer() throws {
        var log = Log()
        for (sequence, producer) in [(Int32(0), Int64(1)), (1, 1), (0, 2)] {
            let batch = try Batch.make(["v"], producerID: producer, epoch: 0, sequence: sequence)
            _ = try log.append(batch, rules: LogRules(), leaderEpoch: 0, now: 0, codecs: nil)
        }
        log.compact(removingTombstones: false, codecs: nil)
        #expect(log.batches.map(\.baseOffset) == [1, 2])
        #expect(log.batches[0].header.recordCount == 0 && log.batches[0].view?.isValidCRC() == true)
    }
}
