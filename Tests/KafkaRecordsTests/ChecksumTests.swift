import KafkaRecords
import NIOCore
import TestSupport
import Testing

@Suite struct ChecksumTests {
    struct ChecksumLine: Decodable {
        var payload: HexBytes
        var crc32c: UInt32
        var crc32: UInt32
    }

    struct HashLine: Decodable {
        var key: HexBytes
        var hash: Int32
        var partition: [String: Int32]
    }

    @Test func checksumsEqualKafkas() throws {
        let lines = try Vectors.lines("crc32c.jsonl", as: ChecksumLine.self)
        for line in lines {
            #expect(CRC32C.checksum(of: line.payload.buffer) == line.crc32c)
            #expect(CRC32C.portableChecksum(of: line.payload.buffer) == line.crc32c)
            #expect(CRC32.checksum(of: line.payload.buffer) == line.crc32)
        }
        print("crc32c.jsonl: \(lines.count) cases with \(CRC32C.implementation) and table")
        #expect(lines.count == 55)
    }

    @Test(arguments: [0, 1, 7, 8, 63, 767, 768, 769, 12_287, 12_288, 12_289, 40_000])
    func implementationsAgree(count: Int) {
        var random = SystemRandomNumberGenerator()
        let bytes = ByteBuffer(bytes: (0..<(count + 3)).map { _ in UInt8.random(in: 0...255, using: &random) })
        for start in 0...3 {
            guard let slice = bytes.getSlice(at: start, length: count) else { return }
            #expect(CRC32C.checksum(of: slice) == CRC32C.portableChecksum(of: slice))
        }
    }

    @Test func hashesAndPartitionsEqualKafkas() throws {
        let lines = try Vectors.lines("murmur2.jsonl", as: HashLine.self)
        for line in lines {
            #expect(murmur2(line.key.buffer) == line.hash)
            for (count, partition) in line.partition {
                #expect(defaultPartition(key: line.key.buffer, count: try #require(Int32(count))) == partition)
            }
        }
        print("murmur2.jsonl: \(lines.count) cases")
        #expect(lines.count == 243)
    }
}
