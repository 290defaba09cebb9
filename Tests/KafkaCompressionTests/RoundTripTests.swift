import KafkaCompression
import KafkaRecords
import NIOCore
import TestSupport
import Testing

@Suite struct RoundTripTests {
    static let compressing = CompressionCodec.allCases.filter { $0 != .none }

    private func plain(_ count: Int) -> ByteBuffer {
        var random = SeededGenerator(seed: UInt64(count))
        var buffer = ByteBuffer()
        while buffer.readableBytes < count {
            let run = min(Int.random(in: 1...2_000, using: &random), count - buffer.readableBytes)
            if Bool.random(using: &random) {
                buffer.writeRepeatingByte(UInt8.random(in: 0...255, using: &random), count: run)
            } else {
                buffer.writeBytes((0..<min(run, 100)).map { _ in UInt8.random(in: 0...255, using: &random) })
            }
        }
        return buffer.getSlice(at: 0, length: count) ?? ByteBuffer()
    }

    @Test(arguments: CompressionCodec.allCases, [0, 1, 100, 32_768, 32_769, 65_536, 65_537, 300_000])
    func dataComesBack(codec: CompressionCodec, count: Int) throws {
        let codecs = StandardCodecs()
        let input = plain(count)
        // Twice with the same contexts, behind bytes that are already there.
        for _ in 0..<2 {
            var output = ByteBuffer(string: "before")
            try codecs.compress(input, with: codec, level: nil, into: &output)
            #expect(output.readString(length: 6) == "before")
            #expect(try codecs.decompress(output, with: codec, limit: max(count, 1)) == input)
        }
    }

    @Test(arguments: [
        (CompressionCodec.gzip, [1, 6, 9, -1]), (.lz4, [1, 3, 9, 12, 17]), (.zstd, [-5, 1, 3, 10, 22]), (.snappy, [1]),
    ])
    func allLevelsWork(codec: CompressionCodec, levels: [Int]) throws {
        let codecs = StandardCodecs()
        let input = plain(20_000)
        for level in levels {
            var output = ByteBuffer()
            try codecs.compress(input, with: codec, level: level, into: &output)
            #expect(output.readableBytes < 20_000)
            #expect(try codecs.decompress(output, with: codec, limit: 20_000) == input)
        }
    }

    @Test(arguments: [(CompressionCodec.gzip, [0, 10]), (.lz4, [0, 18]), (.zstd, [23, -200_000])])
    func otherLevelsAreRefused(codec: CompressionCodec, levels: [Int]) {
        let codecs = StandardCodecs()
        for level in levels {
            var output = ByteBuffer()
            let error = #expect(throws: RecordError.self) {
                try codecs.compress(ByteBuffer(string: "x"), with: codec, level: level, into: &output)
            }
            #expect(error?.code == .unrepresentable)
        }
    }
}
