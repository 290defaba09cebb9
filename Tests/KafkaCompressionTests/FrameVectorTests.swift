import KafkaCompression
import KafkaRecords
import NIOCore
import TestSupport
import Testing

/// Compressed data by several writers.
@Suite struct FrameVectorTests {
    struct Line: Decodable {
        var name: String
        var writer: String
        var framing: String
        var compressed: HexBytes
        var plain: HexBytes
    }

    @Test(arguments: [
        ("records/lz4-frames.jsonl", CompressionCodec.lz4, 46), ("records/snappy-framing.jsonl", .snappy, 21),
    ])
    func readsWhatOthersWrite(file: String, codec: CompressionCodec, count: Int) throws {
        let lines = try Vectors.lines(file, as: Line.self)
        let codecs = StandardCodecs()
        for line in lines {
            let plain = try codecs.decompress(line.compressed.buffer, with: codec, limit: 10 << 20)
            #expect(plain == line.plain.buffer, "\(line.name)")
            let size = plain.readableBytes
            guard size > 0 else { continue }
            #expect(throws: RecordError.self, "\(line.name)") {
                _ = try codecs.decompress(line.compressed.buffer, with: codec, limit: size - 1)
            }
        }
        print("\(file): \(lines.count) cases")
        #expect(lines.count == count)
    }

    /// A frame as Kafka's Java classes write it: flags and block size are what their reader insists on.
    @Test func writesWhatJavaReads() throws {
        let codecs = StandardCodecs()
        let lines =
            try Vectors.lines("records/lz4-frames.jsonl", as: Line.self)
            + Vectors.lines("records/snappy-framing.jsonl", as: Line.self)
        var checked = 0
        for line in lines where line.writer == "java" && !line.name.contains("magic0") {
            let codec: CompressionCodec = line.framing == "xerial" ? .snappy : .lz4
            var output = ByteBuffer()
            try codecs.compress(line.plain.buffer, with: codec, level: nil, into: &output)
            let header = codec == .lz4 ? 7 : 16
            #expect(
                output.getSlice(at: 0, length: header) == line.compressed.buffer.getSlice(at: 0, length: header),
                "\(line.name)"
            )
            #expect(try codecs.decompress(output, with: codec, limit: 10 << 20) == line.plain.buffer, "\(line.name)")
            checked += 1
        }
        #expect(checked > 20)
    }
}
