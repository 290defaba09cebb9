import KafkaCompression
import KafkaProtocol
import KafkaRecords
import NIOCore
import Testing

@testable import LocalKafka

/// What a log takes and refuses, with the codes a broker answers.
@Suite struct LogAppendTests {
    private let codecs = StandardCodecs()
    private let now: Int64 = 1_700_000_100_000

    private func append(_ log: inout Log, _ records: ByteBuffer, _ rules: LogRules = LogRules()) throws(Log.Refusal)
        -> Log.Appended
    {
        try log.append(records, rules: rules, leaderEpoch: 0, now: self.now, codecs: self.codecs)
    }

    private func refusal(_ records: ByteBuffer, _ rules: LogRules = LogRules()) -> ErrorCode? {
        var log = Log()
        do throws(Log.Refusal) {
            _ = try self.append(&log, records, rules)
            return nil
        } catch {
            #expect(log.endOffset == 0)
            return error.code
        }
    }

    @Test func offsetsAndEpochAreAssigned() throws {
        var log = Log()
        log.beginEpoch(3)
        let first = try self.append(&log, try Batch.make(["a", "b"]))
        let second = try log.append(
            try Batch.make(["c"]),
            rules: LogRules(),
            leaderEpoch: 3,
            now: self.now,
            codecs: nil
        )
        #expect(first.baseOffset == 0 && first.lastOffset == 1)
        #expect(second.baseOffset == 2 && log.endOffset == 3)
        let view = try #require(log.batches[1].view)
        #expect(view.baseOffset == 2 && view.partitionLeaderEpoch == 3 && view.isValidCRC())
    }

    @Test func largeBatchesKeepTheirBytes() throws {
        var log = Log()
        _ = try self.append(&log, try Batch.make(["first"]))
        let large = String(repeating: "x", count: 5000)
        _ = try self.append(&log, try Batch.make([large]))
        let slice = try log.read(from: 1, limit: log.highWatermark, maxBytes: 1 << 20, needsOne: true)
        #expect(slice.parts.count == 2, "a fresh prefix and the untouched rest")
        var joined = ByteBuffer()
        for part in slice.parts { joined.writeImmutableBuffer(part) }
        let view = try RecordBatchView(joined)
        #expect(view.baseOffset == 1 && view.isValidCRC())
        #expect(try view.records(codecs: nil).first?.value == ByteBuffer(string: large))
    }

    @Test func brokenBatchesAreRefused() throws {
        let good = try Batch.make(["a", "b"])
        #expect(self.refusal(ByteBuffer()) == .invalidRecord)
        #expect(self.refusal(good.getSlice(at: 0, length: 40) ?? good) == .corruptMessage)
        var twice = good
        twice.writeImmutableBuffer(good)
        #expect(self.refusal(twice) == .invalidRecord, "two batches in one partition")
        var flipped = good
        flipped.setInteger(UInt8(0xFF), at: good.readableBytes - 2)
        #expect(self.refusal(flipped) == .corruptMessage)
        var magic = good
        magic.setInteger(UInt8(1), at: 16)
        #expect(self.refusal(magic) == .invalidRecord)
        var offset = good
        offset.setInteger(Int64(7), at: 0)
        #expect(self.refusal(offset) == .invalidRecord, "base offset is not 0")
        var rules = LogRules()
        rules.maxMessageBytes = good.readableBytes - 1
        #expect(self.refusal(good, rules) == .messageTooLarge)
        rules.maxMessageBytes += 1
        #expect(self.refusal(good, rules) == nil)
    }

    @Test func clientsCannotWriteControlBatchesOrHoles() throws {
        var control = RecordBatchBuilder()
        control.isControl = true
        control.append(timestamp: 1, key: ByteBuffer(bytes: [0, 0, 0, 1]), value: ByteBuffer())
        #expect(self.refusal(try control.build()) == .invalidRecord)
        var hole = RecordBatchBuilder()
        hole.append(timestamp: 1, key: nil, value: nil)
        hole.lastOffset = 3
        #expect(self.refusal(try hole.build()) == .invalidRecord)
        #expect(self.refusal(try Batch.make(["a"], producerID: 5, epoch: 0, sequence: -1)) == .invalidRecord)
    }

    @Test func timestampsOutOfRangeAreRefused() throws {
        var rules = LogRules()
        rules.timestampBeforeMaxMs = 1000
        #expect(self.refusal(try Batch.make(["a"], timestamp: self.now - 1001), rules) == .invalidTimestamp)
        #expect(self.refusal(try Batch.make(["a"], timestamp: self.now - 999), rules) == nil)
        rules = LogRules()
        rules.timestampAfterMaxMs = 1000
        #expect(self.refusal(try Batch.make(["a"], timestamp: self.now + 1001), rules) == .invalidTimestamp)
    }

    @Test func compactedTopicsNeedKeys() throws {
        var rules = LogRules()
        rules.isCompacted = true
        #expect(self.refusal(try Batch.make(["a"], key: nil), rules) == .invalidRecord)
        #expect(self.refusal(try Batch.make(["a"]), rules) == nil)
    }

    @Test func appendTimeReplacesTimestamps() throws {
        var log = Log()
        var rules = LogRules()
        rules.timestampType = .logAppendTime
        let result = try self.append(&log, try Batch.make(["a", "b"]), rules)
        #expect(result.logAppendTime == self.now)
        let view = try #require(log.batches[0].view)
        #expect(view.timestampType == .logAppendTime && view.isValidCRC())
        #expect(try view.records(codecs: nil).map(\.timestamp) == [self.now, self.now])
    }

    @Test func foreignAppendTimeBitIsReset() throws {
        var builder = RecordBatchBuilder()
        builder.logAppendTime = 99
        builder.append(timestamp: 10, key: nil, value: nil)
        builder.append(timestamp: 20, key: nil, value: nil)
        var log = Log()
        _ = try self.append(&log, try builder.build())
        let view = try #require(log.batches[0].view)
        #expect(view.timestampType == .createTime && view.maxTimestamp == 20 && view.isValidCRC())
        #expect(try view.records(codecs: nil).map(\.timestamp) == [10, 20])
    }

    @Test(arguments: [CompressionCodec.none, .gzip, .snappy, .lz4, .zstd])
    func topicCodecIsApplied(codec: CompressionCodec) throws {
        var log = Log()
        var rules = LogRules()
        rules.codec = codec
        let text = String(repeating: "compress me ", count: 100)
        let sent = try Batch.make([text, text], codec: .lz4, codecs: self.codecs)
        _ = try self.append(&log, sent, rules)
        let view = try #require(log.batches[0].view)
        #expect(view.codec == codec && view.isValidCRC())
        let values = try view.records(codecs: self.codecs).map { String(buffer: $0.value ?? ByteBuffer()) }
        #expect(values == [text, text])
    }
}
