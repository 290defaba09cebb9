import KafkaCompression
import KafkaRecords
import NIOCore
import TestSupport
import Testing

/// Message sets of format 0 and 1 that Kafka's own classes wrote.
@Suite struct LegacyVectorTests {
    struct Line: Decodable {
        var name: String
        var hex: HexBytes
        var entries: [Entry]
        var records: [VectorRecord]
    }

    struct Entry: Decodable {
        var magic: Int8
        var codec: String
        var timestampType: String
        var lastOffset: Int64
        var sizeInBytes: Int
        var crc: UInt32
    }

    @Test func decodesAllFormats() throws {
        let lines = try Vectors.lines("records/legacy.jsonl", as: Line.self)
        let codecs = StandardCodecs()
        for line in lines {
            var scanner = RecordBatchScanner(line.hex.buffer)
            var entries = line.entries.makeIterator()
            var records: [Record] = []
            while let element = try scanner.next() {
                let next = entries.next()
                let entry = try #require(next, "\(line.name)")
                expect(element, equals: entry, in: line.name)
                records += try element.records(codecs: codecs)
            }
            let left = entries.next()
            #expect(left == nil && scanner.unreadBytes == 0, "\(line.name)")
            #expect(records == line.records.map(\.record), "\(line.name)")
        }
        print("legacy.jsonl: \(lines.count) cases")
        #expect(lines.count == 42)
    }

    private func expect(_ element: ScannedBatch, equals entry: Entry, in name: String) {
        #expect(element.magic == entry.magic && element.lastOffset == entry.lastOffset, "\(name)")
        #expect(element.sizeInBytes == entry.sizeInBytes, "\(name)")
        switch element {
        case .batch(let batch):
            #expect(batch.codec?.name == entry.codec && batch.crc == entry.crc, "\(name)")
        case .legacy(let message):
            #expect(message.codec?.name == entry.codec && message.crc == entry.crc, "\(name)")
            let type =
                switch message.timestampType {
                case .createTime: "CreateTime"
                case .logAppendTime: "LogAppendTime"
                case nil: "NoTimestampType"
                }
            #expect(type == entry.timestampType, "\(name)")
        }
    }

    @Test(arguments: [Int8(0), 1], [CompressionCodec.none, .gzip, .snappy, .lz4])
    func whatIsWrittenIsRead(magic: Int8, codec: CompressionCodec) throws {
        var random = SeededGenerator(seed: 40)
        let codecs = StandardCodecs()
        var records = random.records(20, from: 1_000, gaps: true)
        for index in records.indices {
            records[index].headers = []
            if magic == 0 { records[index].timestamp = -1 }
        }
        let bytes = try LegacyMessageSet.encode(records, magic: magic, codec: codec, codecs: codecs)
        var scanner = RecordBatchScanner(bytes)
        var decoded: [Record] = []
        var last: Int64 = -1
        while let element = try scanner.next() {
            #expect(element.magic == magic && element.codec == codec)
            decoded += try element.records(codecs: codecs)
            last = element.lastOffset
        }
        #expect(decoded == records && last == records.last?.offset)
    }
}
