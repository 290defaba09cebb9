import KafkaCompression
import KafkaRecords
import NIOCore
import TestSupport
import Testing

/// Damaged and malicious data gives errors, never memory or traps.
@Suite struct HostileDataTests {
    @Test(arguments: RoundTripTests.compressing)
    func aBombStopsAtTheLimit(codec: CompressionCodec) throws {
        let codecs = StandardCodecs()
        var bomb = ByteBuffer()
        try codecs.compress(ByteBuffer(repeating: 0, count: 4 << 20), with: codec, level: nil, into: &bomb)
        let error = #expect(throws: RecordError.self) {
            _ = try codecs.decompress(bomb, with: codec, limit: 1 << 20)
        }
        #expect(error?.code == .limit)
        // The same object still works.
        #expect(try codecs.decompress(bomb, with: codec, limit: 4 << 20).readableBytes == 4 << 20)
    }

    @Test(arguments: RoundTripTests.compressing)
    func everyCutIsNoticed(codec: CompressionCodec) throws {
        let codecs = StandardCodecs()
        var random = SeededGenerator(seed: 30)
        let plain = ByteBuffer(bytes: (0..<300).map { _ in UInt8.random(in: 0...9, using: &random) })
        var whole = ByteBuffer()
        try codecs.compress(plain, with: codec, level: nil, into: &whole)
        for count in 1..<whole.readableBytes {
            let cut = whole.getSlice(at: 0, length: count) ?? ByteBuffer()
            // A snappy stream has no end mark: its first bytes alone are an empty stream.
            if codec == .snappy, count == 16 { continue }
            #expect(throws: RecordError.self, "\(count)") { _ = try codecs.decompress(cut, with: codec, limit: 9_999) }
        }
    }

    @Test(arguments: RoundTripTests.compressing)
    func changedBytesNeverTrap(codec: CompressionCodec) throws {
        let codecs = StandardCodecs()
        var random = SeededGenerator(seed: 31)
        let plain = ByteBuffer(bytes: (0..<400).map { _ in UInt8.random(in: 0...9, using: &random) })
        var whole = ByteBuffer()
        try codecs.compress(plain, with: codec, level: nil, into: &whole)
        for _ in 0..<500 {
            var bytes = ByteBuffer(bytes: whole.readableBytesView)
            for _ in 0...Int.random(in: 0...2, using: &random) {
                bytes.setInteger(
                    UInt8.random(in: 0...255, using: &random),
                    at: Int.random(in: 0..<bytes.readableBytes, using: &random)
                )
            }
            if let output = try? codecs.decompress(bytes, with: codec, limit: 1 << 16) {
                #expect(output.readableBytes <= 1 << 16)
            }
        }
        #expect(try codecs.decompress(whole, with: codec, limit: 400) == plain)
    }

    @Test func aSnappyClaimIsNotBelieved() {
        // A length of 128 MiB, then nothing.
        let bytes = ByteBuffer(bytes: [0x80, 0x80, 0x80, 0x40, 0x00])
        let error = #expect(throws: RecordError.self) {
            _ = try StandardCodecs().decompress(bytes, with: .snappy, limit: 1 << 30)
        }
        #expect(error?.code == .compression)
    }

    @Test(arguments: [CompressionCodec.gzip, .lz4, .zstd])
    func framesMayFollowOneAnother(codec: CompressionCodec) throws {
        let codecs = StandardCodecs()
        var both = ByteBuffer()
        try codecs.compress(ByteBuffer(string: "one"), with: codec, level: nil, into: &both)
        try codecs.compress(ByteBuffer(string: "two"), with: codec, level: nil, into: &both)
        #expect(try codecs.decompress(both, with: codec, limit: 100) == ByteBuffer(string: "onetwo"))
    }
}
