import NIOCore
import TestSupport
import Testing

@testable import KafkaNetwork

@Suite("What waits to be encrypted")
struct PlaintextQueueTests {
    @Test("All bytes leave in order, in full records up to the last", arguments: [UInt64(1), 2, 3, 4])
    func order(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var queue = PlaintextQueue()
        var expected = ByteBuffer()
        var found = ByteBuffer()
        for round in 0..<20 {
            var parts: [ByteBuffer] = []
            for _ in 0..<Int.random(in: 1...9, using: &random) {
                let count =
                    [0, 1, 61, 500, 16_383, 16_384, 16_385, 100_000, 400_000].randomElement(using: &random) ?? 0
                let part = ByteBuffer(repeating: UInt8.random(in: 0...255, using: &random), count: count)
                expected.writeImmutableBuffer(part)
                parts.append(part)
            }
            queue.append(parts)
            // Some leave between the requests.
            if round.isMultiple(of: 3), let pieces = queue.next() { pieces.forEach { found.writeImmutableBuffer($0) } }
        }
        while let pieces = queue.next() {
            let count = pieces.reduce(0) { $0 + $1.readableBytes }
            #expect(count > 0 && count <= PlaintextQueue.portion)
            for (index, piece) in pieces.enumerated() where !queue.isEmpty || index < pieces.count - 1 {
                #expect(piece.readableBytes.isMultiple(of: PlaintextQueue.record))
            }
            pieces.forEach { found.writeImmutableBuffer($0) }
        }
        #expect(queue.isEmpty && found == expected)
    }

    @Test("Long pieces are not copied")
    func slices() throws {
        var queue = PlaintextQueue()
        let long = ByteBuffer(repeating: 1, count: 100_000)
        queue.append([long])
        let next = queue.next()
        let pieces = try #require(next)
        #expect(pieces.first?.storageCapacity == long.storageCapacity)
        #expect(pieces.map(\.readableBytes) == [98_304, 1_696])
    }
}
