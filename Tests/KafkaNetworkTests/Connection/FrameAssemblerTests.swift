import KafkaProtocol
import NIOCore
import TestSupport
import Testing

@testable import KafkaNetwork

@Suite("FrameAssembler and InFlightQueue")
struct FrameAssemblerTests {
    private func frames(_ assembler: inout FrameAssembler, _ chunk: ByteBuffer) throws -> [ByteBuffer] {
        assembler.feed(chunk)
        var result: [ByteBuffer] = []
        while let frame = try assembler.next() { result.append(frame) }
        return result
    }

    @Test("Frames come out whole however the bytes are cut", arguments: [UInt64(1), 2, 3, 4, 5, 6, 7, 8])
    func randomChunks(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var stream = ByteBuffer()
        var expected: [ByteBuffer] = []
        for _ in 0..<40 {
            let length = [0, 1, 3, 4, 5, 60, 700, 5_000].randomElement(using: &random) ?? 0
            let body = ByteBuffer(bytes: (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) })
            expected.append(body)
            stream.writeInteger(Int32(length))
            stream.writeImmutableBuffer(body)
        }
        var assembler = FrameAssembler(maximumLength: 10_000)
        var found: [ByteBuffer] = []
        while stream.readableBytes > 0 {
            let size = min([1, 2, 3, 5, 64, 1_000, 9_000].randomElement(using: &random) ?? 1, stream.readableBytes)
            guard let chunk = stream.readSlice(length: size) else { break }
            found += try frames(&assembler, chunk)
        }
        #expect(found == expected)
        #expect(assembler.isBetweenFrames)
    }

    /// Reads a stream as a socket does: into the buffers that the assembler lends.
    private func readLent(_ stream: ByteBuffer, _ random: inout SeededGenerator, most: Int) throws -> [ByteBuffer] {
        var assembler = FrameAssembler(maximumLength: 1 << 30)
        var kept: [ByteBuffer] = []
        var stream = stream
        var found: [ByteBuffer] = []
        while stream.readableBytes > 0 {
            var buffer = assembler.lend()
            // The channel keeps the first one.
            if kept.isEmpty { kept.append(buffer) }
            let size = min(Int.random(in: 1...most, using: &random), stream.readableBytes, buffer.writableBytes)
            if let part = stream.readSlice(length: size) { buffer.writeImmutableBuffer(part) }
            found += try frames(&assembler, buffer)
            #expect(!assembler.hasLostBytes)
        }
        #expect(assembler.isBetweenFrames)
        return found
    }

    @Test(
        "Frames received where they stay come out whole, and stay as they are",
        arguments: [UInt64(1), 2, 3, 4, 5, 6]
    )
    func lentBuffers(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var stream = ByteBuffer()
        var expected: [ByteBuffer] = []
        for _ in 0..<60 {
            let length = [0, 1, 3, 4, 60, 5_000, 40_000, 65_532, 70_000, 300_000].randomElement(using: &random) ?? 0
            let body = ByteBuffer(bytes: (0..<length).map { UInt8(truncatingIfNeeded: $0 &+ expected.count) })
            expected.append(body)
            stream.writeInteger(Int32(length))
            stream.writeImmutableBuffer(body)
        }
        for most in [3, 1_000, 20_000, 1 << 20] where most > 3 || seed == 1 {
            #expect(try readLent(stream, &random, most: most) == expected)
        }
    }

    @Test("A large frame received where it stays is never copied once its length is known")
    func lentOnce() throws {
        var assembler = FrameAssembler(maximumLength: 1 << 30)
        func read(_ bytes: ByteBuffer) throws -> [ByteBuffer] {
            var bytes = bytes
            var found: [ByteBuffer] = []
            while bytes.readableBytes > 0 {
                var buffer = assembler.lend()
                let count = min(bytes.readableBytes, buffer.writableBytes, 100_000)
                if let part = bytes.readSlice(length: count) { buffer.writeImmutableBuffer(part) }
                found += try frames(&assembler, buffer)
            }
            return found
        }
        var frame = ByteBuffer(integer: Int32(900_000))
        frame.writeRepeatingByte(5, count: 900_000)
        for _ in 0..<2 { #expect(try read(frame).map(\.readableBytes) == [900_000]) }
        // From here on there is room for all of it from the first byte on: the same memory until the end.
        var part = frame
        let first = part.readSlice(length: 100_000)
        #expect(try read(try #require(first)).isEmpty)
        var buffer = assembler.lend()
        #expect(buffer.readableBytes == 100_000 && buffer.capacity >= 900_004)
        let start = address(buffer)
        buffer.writeImmutableBuffer(part)
        let found = try frames(&assembler, buffer)
        #expect(found.map(\.readableBytes) == [900_000] && found.first.map(address) == start + 4)
    }

    private func address(_ buffer: ByteBuffer) -> UInt {
        unsafe buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
    }

    @Test("A buffer with bytes that does not come back is noticed, an empty one is no loss")
    func lostBytes() throws {
        var assembler = FrameAssembler(maximumLength: 1 << 20)
        _ = assembler.lend()
        _ = assembler.lend()
        var buffer = assembler.lend()
        #expect(!assembler.hasLostBytes)
        buffer.writeInteger(Int32(100))
        #expect(try frames(&assembler, buffer).isEmpty)
        _ = assembler.lend()
        _ = assembler.lend()
        #expect(assembler.hasLostBytes)
    }

    @Test("A frame that fills its chunk is a slice of it, a small one is not")
    func slices() throws {
        var assembler = FrameAssembler(maximumLength: 1 << 20)
        var chunk = ByteBuffer()
        chunk.writeInteger(Int32(60_000))
        chunk.writeRepeatingByte(7, count: 60_000)
        chunk.writeInteger(Int32(30_000))
        chunk.writeRepeatingByte(8, count: 30_000)
        let found = try frames(&assembler, chunk)
        #expect(found.map(\.readableBytes) == [60_000, 30_000])
        #expect(found[0].storageCapacity == chunk.storageCapacity && chunk.storageCapacity > 90_000)
        #expect(found[1].storageCapacity < 60_000)
    }

    @Test(
        "Lengths that are none, and who sends them",
        arguments: [
            ([0x48, 0x54, 0x54, 0x50], FrameError.Peer.http), ([0x15, 3, 3, 0], .tls), ([0x16, 3, 1, 2], .tls),
            ([0x53, 0x53, 0x48, 0x2d], .ssh), ([0xff, 0xff, 0xff, 0xff], .unknown),
            ([0, 0x10, 0, 1], .large(1_048_577)),
        ] as [([UInt8], FrameError.Peer)]
    )
    func notKafka(_ bytes: [UInt8], _ peer: FrameError.Peer) throws {
        for size in [1, 4] {
            var assembler = FrameAssembler(maximumLength: 1 << 20)
            var all = ByteBuffer(bytes: bytes)
            let error = #expect(throws: FrameError.self) {
                while let chunk = all.readSlice(length: size) { _ = try frames(&assembler, chunk) }
            }
            #expect(try #require(error).peer == peer)
            #expect(try #require(error).message.contains("not Kafka"))
        }
    }

    @Test("A length alone does not cost memory beyond the reservation")
    func reservation() throws {
        var assembler = FrameAssembler(maximumLength: 1 << 30)
        #expect(try frames(&assembler, ByteBuffer(integer: Int32(1 << 30))).isEmpty)
        #expect(!assembler.isBetweenFrames)
    }

    private func entry(_ id: Int32, deadline: UInt64 = 100, bytes: Int = 10) -> InFlightQueue<Int32>.Entry {
        .init(
            correlationID: id,
            apiKey: .heartbeat,
            sentAt: .uptimeNanoseconds(0),
            deadline: .uptimeNanoseconds(deadline),
            byteCount: bytes,
            payload: id
        )
    }

    @Test("Answers match the oldest request; acks=0 answers are forgiven; others are not")
    func matching() throws {
        var queue = InFlightQueue<Int32>(maximumCount: 3, maximumBytes: 100)
        let ids = (0..<4).map { _ in queue.makeCorrelationID() }
        #expect(Set(ids).count == 4)
        queue.append(entry(ids[0]))
        queue.noteUnanswered(ids[1])
        queue.append(entry(ids[2]))
        guard case .mismatch(expected: ids[0]) = queue.match(ids[2]) else { throw Unexpected() }
        guard case .entry(let first) = queue.match(ids[0]), first.payload == ids[0] else { throw Unexpected() }
        guard case .unexpectedButHarmless = queue.match(ids[1]) else { throw Unexpected() }
        guard case .mismatch = queue.match(ids[1]) else { throw Unexpected() }
        guard case .entry = queue.match(ids[2]) else { throw Unexpected() }
        guard case .mismatch(expected: nil) = queue.match(ids[3]) else { throw Unexpected() }
        #expect(queue.isEmpty && queue.byteCount == 0)
    }

    @Test("Bounds in requests and bytes; a single large request passes")
    func bounds() {
        var queue = InFlightQueue<Int32>(maximumCount: 2, maximumBytes: 100)
        #expect(queue.admits(byteCount: 1_000))
        queue.append(entry(1, bytes: 60))
        #expect(queue.admits(byteCount: 40) && !queue.admits(byteCount: 41))
        queue.append(entry(2, bytes: 1))
        #expect(!queue.admits(byteCount: 0))
    }

    @Test("Deadlines: the earliest counts, whoever is first in line")
    func deadlines() {
        var queue = InFlightQueue<Int32>(maximumCount: 9, maximumBytes: 100)
        queue.append(entry(1, deadline: 500))
        queue.append(entry(2, deadline: 300))
        #expect(queue.earliestDeadline == .uptimeNanoseconds(300))
        #expect(queue.removeExpired(now: .uptimeNanoseconds(299)) == nil)
        #expect(queue.removeExpired(now: .uptimeNanoseconds(300))?.payload == 2)
        #expect(queue.removeAll().map(\.payload) == [1])
        #expect(queue.byteCount == 0)
    }

    private struct Unexpected: Error {}
}
