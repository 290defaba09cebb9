import KafkaCompression
import KafkaRecords
import NIOCore
import TestSupport
import Testing

@Suite struct BatchHeaderPatchTests {
    @Test func patchedChecksumEqualsTheComputedOne() throws {
        var random = SeededGenerator(seed: 3)
        for count in 1...60 {
            let records = random.records(count % 7 + 1, from: Int64(count))
            let batch = try random.batch(of: records)
            var patch = BatchHeaderPatch()
            if Bool.random(using: &random) { patch.baseOffset = Int64.random(in: 0...Int64.max / 2, using: &random) }
            if Bool.random(using: &random) { patch.partitionLeaderEpoch = Int32.random(in: -1...9, using: &random) }
            if Bool.random(using: &random) { patch.isTransactional = Bool.random(using: &random) }
            if Bool.random(using: &random) { patch.timestampType = .logAppendTime }
            if Bool.random(using: &random) { patch.maxTimestamp = random.timestamp() }
            if Bool.random(using: &random) {
                patch.producer = BatchHeaderPatch.ProducerFields(
                    id: Int64.random(in: -1...Int64.max, using: &random),
                    epoch: Int16.random(in: -1...Int16.max, using: &random),
                    baseSequence: Int32.random(in: -1...Int32.max, using: &random)
                )
            }
            let patched = try RecordBatchView(patch.apply(to: batch).joined())
            #expect(patched.crc == patched.computedCRC())
            #expect(patched.buffer == patch.copy(of: batch))
            var expected = batch.header
            expected.crc = patched.crc
            patch.applyPlainly(to: &expected)
            #expect(patched.header == expected)
            #expect(patched.recordsSection == batch.recordsSection)
        }
    }

    @Test(arguments: [0, 1, 255, 256, 65_535, 65_536, 70_001])
    func worksForAnyLength(count: Int) throws {
        var builder = RecordBatchBuilder()
        builder.append(timestamp: 1, key: nil, value: ByteBuffer(repeating: 5, count: count))
        let batch = try RecordBatchView(try builder.build())
        let producer = BatchHeaderPatch.ProducerFields(id: 1234, epoch: 5, baseSequence: 6)
        let patched = BatchHeaderPatch.forwarding(producer: producer).apply(to: batch)
        #expect(try RecordBatchView(patched.joined()).isValidCRC())
        #expect(patched.byteCount == batch.sizeInBytes && patched.header.readableBytes == BatchHeader.size)
    }

    @Test func forwardingSetsWhatBrokersRequire() throws {
        var random = SeededGenerator(seed: 4)
        let batch = try random.batch(of: random.records(3, from: 500))
        let patched = try RecordBatchView(BatchHeaderPatch.forwarding().copy(of: batch))
        #expect(patched.baseOffset == 0 && patched.partitionLeaderEpoch == -1 && !patched.isTransactional)
        #expect(patched.producerID == -1 && patched.producerEpoch == -1 && patched.baseSequence == -1)
        #expect(try patched.records(codecs: nil).map(\.value) == batch.records(codecs: nil).map(\.value))
    }

    @Test func damageStaysVisible() throws {
        var random = SeededGenerator(seed: 5)
        let batch = try random.batch(of: random.records(3, from: 500))
        var bytes = batch.buffer
        let last = bytes.writerIndex - 1
        bytes.setInteger((bytes.getInteger(at: last, as: UInt8.self) ?? 0) ^ 0x10, at: last)
        let damaged = try RecordBatchView(bytes)
        #expect(!damaged.isValidCRC())
        #expect(try !RecordBatchView(BatchHeaderPatch.forwarding().copy(of: damaged)).isValidCRC())
    }

    @Test func appendingKeepsTheProducer() throws {
        var random = SeededGenerator(seed: 6)
        let batch = try random.batch(of: random.records(3), logAppendTime: 4)
        let created = try RecordBatchView(
            BatchHeaderPatch.appending(at: 900, leaderEpoch: 8).copy(of: batch)
        )
        #expect(created.baseOffset == 900 && created.partitionLeaderEpoch == 8 && created.isValidCRC())
        #expect(created.timestampType == .createTime && created.producerID == batch.producerID)
        let stamped = try RecordBatchView(
            BatchHeaderPatch.appending(at: 900, leaderEpoch: 8, logAppendTime: 77).copy(of: batch)
        )
        #expect(stamped.timestampType == .logAppendTime && stamped.maxTimestamp == 77 && stamped.isValidCRC())
        #expect(try stamped.records(codecs: nil).map(\.timestamp) == [77, 77, 77])
    }

    @Test func theBodyIsNotCopied() throws {
        var builder = RecordBatchBuilder()
        builder.append(timestamp: 1, key: nil, value: ByteBuffer(repeating: 5, count: 10_000))
        let batch = try RecordBatchView(try builder.build())
        let body = BatchHeaderPatch.forwarding().apply(to: batch).body
        let same = unsafe body.withUnsafeReadableBytes { body in
            unsafe batch.buffer.withUnsafeReadableBytes { whole in
                unsafe body.baseAddress == whole.baseAddress.map { unsafe $0 + BatchHeader.size }
            }
        }
        #expect(same)
    }
}

extension BatchHeaderPatch {
    fileprivate func applyPlainly(to header: inout BatchHeader) {
        header.baseOffset = baseOffset ?? header.baseOffset
        header.partitionLeaderEpoch = partitionLeaderEpoch ?? header.partitionLeaderEpoch
        header.producerID = producer?.id ?? header.producerID
        header.producerEpoch = producer?.epoch ?? header.producerEpoch
        header.baseSequence = producer?.baseSequence ?? header.baseSequence
        header.attributes.isTransactional = isTransactional ?? header.attributes.isTransactional
        header.attributes.timestampType = timestampType ?? header.attributes.timestampType
        header.maxTimestamp = maxTimestamp ?? header.maxTimestamp
    }
}
