import KafkaCompression
import KafkaRecords
import NIOCore
import TestSupport
import Testing

/// Damaged data, with what is wrong with it.
@Suite struct CorruptVectorTests {
    struct Line: Decodable {
        var name: String
        var hex: HexBytes
        var error: String
        var batchesBefore: Int
        var alsoAccept: [String]?
    }

    @Test func namesTheDamage() throws {
        let lines = try Vectors.lines("records/corrupt.jsonl", as: Line.self)
        for line in lines {
            let (batches, error) = read(line.hex.buffer)
            #expect(batches == line.batchesBefore, "\(line.name)")
            #expect(([line.error] + (line.alsoAccept ?? [])).contains(error), "\(line.name): \(error)")
        }
        print("corrupt.jsonl: \(lines.count) cases")
        #expect(lines.count == 77)
    }

    /// The good batches and what ended them.
    private func read(_ buffer: ByteBuffer) -> (batches: Int, error: String) {
        let codecs = StandardCodecs()
        var scanner = RecordBatchScanner(buffer)
        var batches = 0
        do {
            while let batch = try scanner.next() {
                _ = try batch.records(codecs: codecs)
                batches += 1
            }
            return (batches, scanner.unreadBytes > 0 ? "truncated" : "none")
        } catch {
            return (batches, label(error))
        }
    }

    private func label(_ error: RecordError) -> String {
        switch error.code {
        case .truncated, .length, .magic, .crc, .content: error.code.rawValue
        case .codec, .compression, .limit: "content"
        case .tooLarge, .unrepresentable: "not an answer for a reader"
        }
    }
}
