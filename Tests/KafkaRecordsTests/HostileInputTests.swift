import KafkaCompression
import KafkaRecords
import NIOCore
import TestSupport
import Testing

/// No input may trap, loop or take memory that it does not earn.
@Suite struct HostileInputTests {
    /// Reads everything in every way; errors are fine.
    private func readAll(_ bytes: ByteBuffer, _ codecs: StandardCodecs) {
        var scanner = RecordBatchScanner(bytes, checkCRCs: false)
        var filter = AbortedTransactionFilter([AbortedTransaction(producerID: 1, firstOffset: 0)])
        while let element = (try? scanner.next()).flatMap({ $0 }) {
            #expect(element.nextOffset > 0)
            _ = try? filter.visibility(of: element)
            _ = try? element.records(codecs: codecs, limit: 1 << 20)
            _ = try? BatchRebuilder(maxBatchBytes: 500, decompressionLimit: 1 << 20).rebuild(element, codecs: codecs)
            if case .batch(let batch) = element {
                var splicer = BatchSplicer(maxBytes: 10_000)
                _ = try? splicer.append(batch)
                _ = try? splicer.finish()
                _ = try? batch.compacted(codecs: codecs) { _ in false }
                _ = BatchHeaderPatch.forwarding().apply(to: batch)
            }
        }
    }

    @Test(arguments: CompressionCodec.allCases)
    func changedBytesNeverTrap(codec: CompressionCodec) throws {
        var random = SeededGenerator(seed: 20)
        let codecs = StandardCodecs()
        let batch = try random.batch(of: random.records(6, from: 3), codec: codec, codecs: codecs)
        for _ in 0..<400 {
            var bytes = ByteBuffer(bytes: batch.buffer.readableBytesView)
            for _ in 0...Int.random(in: 0...2, using: &random) {
                let at = Int.random(in: 0..<bytes.readableBytes, using: &random)
                let value: UInt8 = Bool.random(using: &random) ? 0xff : UInt8.random(in: 0...255, using: &random)
                bytes.setInteger(value, at: at)
            }
            readAll(bytes, codecs)
        }
    }

    @Test func changedOldMessagesNeverTrap() throws {
        var random = SeededGenerator(seed: 21)
        let codecs = StandardCodecs()
        let lines = try Vectors.lines("records/legacy.jsonl", as: LegacyVectorTests.Line.self)
        for line in lines where line.hex.buffer.readableBytes < 3_000 {
            for _ in 0..<20 {
                var bytes = ByteBuffer(bytes: line.hex.buffer.readableBytesView)
                let at = Int.random(in: 0..<bytes.readableBytes, using: &random)
                bytes.setInteger(UInt8.random(in: 0...255, using: &random), at: at)
                readAll(bytes, codecs)
            }
        }
    }

    @Test func everyPrefixIsATruncatedTail() throws {
        var random = SeededGenerator(seed: 22)
        let first = try random.batch(of: random.records(2, from: 0)).buffer
        let second = try random.batch(of: random.records(2, from: 2)).buffer
        var both = first
        both.writeImmutableBuffer(second)
        for count in 0..<both.readableBytes {
            var scanner = RecordBatchScanner(both.getSlice(at: both.readerIndex, length: count) ?? ByteBuffer())
            let complete = count >= first.readableBytes
            let element = try scanner.next()
            #expect((element != nil) == complete)
            if complete { #expect(try scanner.next() == nil) }
            #expect(scanner.unreadBytes == (complete ? count - first.readableBytes : count))
        }
    }

    @Test func randomBytesNeverTrap() throws {
        var random = SeededGenerator(seed: 23)
        let codecs = StandardCodecs()
        for _ in 0..<300 {
            var bytes = random.bytes(Int.random(in: 0...200, using: &random))
            if bytes.readableBytes > 17 {
                bytes.setInteger(Int32(bytes.readableBytes - 12), at: 8)
                bytes.setInteger(Int8.random(in: 0...2, using: &random), at: 16)
            }
            readAll(bytes, codecs)
        }
    }

    @Test func countsAreNotBelieved() throws {
        var builder = RecordBatchBuilder()
        builder.append(timestamp: 0, key: nil, value: nil)
        var bytes = try builder.build()
        bytes.setInteger(Int32.max, at: bytes.readerIndex + 57)
        bytes.setInteger(Int32.max - 1, at: bytes.readerIndex + 23)
        let batch = try RecordBatchView(bytes)
        #expect(throws: RecordError.self) { try batch.records(codecs: nil) }
        #expect(batch.isDense)
        var splicer = BatchSplicer(maxBytes: 1 << 20)
        #expect(throws: RecordError.self) { _ = try splicer.append(batch) }
    }

    @Test func offsetsThatOverflowAreRefused() throws {
        var builder = RecordBatchBuilder(baseOffset: Int64.max - 2)
        builder.append(timestamp: 0, key: nil, value: nil)
        var bytes = try builder.build()
        var scanner = RecordBatchScanner(bytes, checkCRCs: false)
        #expect(try scanner.next()?.nextOffset == Int64.max - 1)
        bytes.setInteger(Int32(5), at: bytes.readerIndex + 23)
        scanner = RecordBatchScanner(bytes, checkCRCs: false)
        #expect(throws: RecordError.self) { _ = try scanner.next() }
        bytes.setInteger(Int64(-5), at: bytes.readerIndex)
        scanner = RecordBatchScanner(bytes, checkCRCs: false)
        #expect(throws: RecordError.self) { _ = try scanner.next() }
    }
}
