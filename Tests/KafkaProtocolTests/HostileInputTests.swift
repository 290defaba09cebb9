import Foundation
import KafkaProtocol
import NIOCore
import TestSupport
import Testing

/// Bytes that are not what they claim to be: an error, never a trap, never much memory.
@Suite struct HostileInputTests {
    @Test func everyPrefixThrows() throws {
        var count = 0
        for golden in try GoldenMessage.all() { count += checkPrefixes(golden.type, golden) }
        print("truncated messages: \(count)")
    }

    private func checkPrefixes<M: KafkaMessage>(_ type: M.Type, _ golden: GoldenMessage) -> Int {
        let size = golden.bytes.readableBytes
        for length in 0..<size {
            let prefix = golden.bytes.getSlice(at: golden.bytes.readerIndex, length: length) ?? ByteBuffer()
            if (try? M.decode(exactly: prefix, version: golden.version)) != nil {
                Issue.record("\(type) v\(golden.version): \(length) of \(size) bytes are a message")
            }
        }
        return size
    }

    @Test func changedBytesNeverTrap() throws {
        var generator = SeededGenerator(seed: 7)
        var refused = 0
        var accepted = 0
        for golden in try GoldenMessage.all() {
            for _ in 0..<3 {
                let bytes = mutated(golden.bytes, &generator)
                if survives(golden.type, bytes, golden.version) { accepted += 1 } else { refused += 1 }
            }
        }
        print("changed messages: \(refused) refused, \(accepted) accepted")
        #expect(refused > 1000)
        #expect(accepted > 1000)
    }

    /// A few bytes overwritten, with a liking for the values that lengths have at their limits.
    private func mutated(_ bytes: ByteBuffer, _ generator: inout SeededGenerator) -> ByteBuffer {
        var bytes = Array(bytes.readableBytesView)
        guard !bytes.isEmpty else { return ByteBuffer() }
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let index = Int.random(in: bytes.indices, using: &generator)
            let limits: [UInt8] = [0x00, 0x01, 0x7f, 0x80, 0xff]
            bytes[index] =
                Bool.random(using: &generator)
                ? limits[Int.random(in: limits.indices, using: &generator)]
                : UInt8.random(in: 0...255, using: &generator)
        }
        return ByteBuffer(bytes: bytes)
    }

    /// Whether the bytes are a message; if so it can be written and read again.
    private func survives<M: KafkaMessage>(_ type: M.Type, _ bytes: ByteBuffer, _ version: Int16) -> Bool {
        guard let message = try? M.decode(exactly: bytes, version: version) else { return false }
        do {
            var again = ByteBuffer()
            try message.encode(into: &again, version: version)
            let back = try M.decode(exactly: again, version: version)
            let json = try JSONWalker.json(of: back, version: version)
            // Not the messages themselves: a NaN is not equal to itself.
            #expect(json.description == (try JSONWalker.json(of: message, version: version)).description)
        } catch {
            Issue.record("\(type) v\(version): \(Hex.encode(bytes)) can be read but not written: \(error)")
        }
        return true
    }

    @Test func noiseNeverTraps() {
        var generator = SeededGenerator(seed: 11)
        for type in Messages.all {
            for length in [0, 1, 3, 9, 40, 200] {
                let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
                for version in type.supportedVersions { _ = survives(type, ByteBuffer(bytes: bytes), version) }
            }
        }
    }

    // MARK: Single faults

    private func fetch(_ version: Int16, _ bytes: [UInt8]) throws(WireError) -> MetadataRequest {
        try MetadataRequest.decode(exactly: ByteBuffer(bytes: bytes), version: version)
    }

    private func code(_ version: Int16, _ bytes: [UInt8]) -> WireError.Code? {
        do throws(WireError) {
            _ = try fetch(version, bytes)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func namesTheFault() {
        // Version 0: an array of strings.
        #expect(code(0, [0, 0, 0, 0]) == nil)
        #expect(code(0, [0, 0, 0]) == .truncated)
        #expect(code(0, [0xff, 0xff, 0xff, 0xff]) == .unexpectedNull)
        #expect(code(1, [0xff, 0xff, 0xff, 0xff]) == nil)
        #expect(code(1, [0xff, 0xff, 0xff, 0xfe]) == .invalidLength)
        #expect(code(1, [0x7f, 0xff, 0xff, 0xff]) == .truncated)
        #expect(code(0, [0, 0, 0, 1, 0, 2, 0xc3, 0x28]) == .invalidUTF8)
        #expect(code(0, [0, 0, 0, 1, 0xff, 0xff]) == .unexpectedNull)
        #expect(code(0, [0, 0, 0, 0, 9]) == .trailingBytes)
        // Version 9 is flexible: topics, three flags, tagged fields.
        #expect(code(9, [1, 0, 0, 0, 0]) == nil)
        #expect(code(9, [0xff, 0xff, 0xff, 0xff, 0x1f, 0, 0, 0, 0]) == .varintOverflow)
        #expect(code(9, [0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 0, 0]) == .varintOverflow)
        #expect(code(9, [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0]) == .truncated)
        #expect(code(9, [1, 0, 0, 0, 1, 5, 2, 7]) == .truncated)
        #expect(code(9, [1, 0, 0, 0, 1, 5, 1, 7]) == nil)
    }

    @Test func checksTheSizeOfTaggedFields() {
        // Only the tag of the cluster id (0), which holds an empty string and one byte that is not part of it.
        let good = ByteBuffer(bytes: [1, 0, 1, 1])
        let bad = ByteBuffer(bytes: [1, 0, 2, 1, 1])
        var body = ByteBuffer()
        let request = FetchRequest()
        #expect(throws: Never.self) { try request.encode(into: &body, version: 12) }
        body.moveWriterIndex(to: body.writerIndex - 1)
        var whole = body
        whole.writeImmutableBuffer(good)
        #expect((try? FetchRequest.decode(exactly: whole, version: 12))?.clusterID == "")
        body.writeImmutableBuffer(bad)
        let position = body.readableBytes - 1
        #expect(throws: WireError(.taggedFieldSize, at: position, version: 12)) {
            try FetchRequest.decode(exactly: body, version: 12)
        }
    }

    @Test func memoryIsBoundByTheInput() throws {
        // As many elements as bytes remain, of a struct far larger than a byte: none of them is really there.
        let size = 1 << 20
        var bytes = ByteBuffer()
        bytes.writeInteger(0 as Int32)
        bytes.writeInteger(Int32(size))
        bytes.writeRepeatingByte(0xff, count: size)
        let before = try peakAddressSpace()
        for version in [0, 1, 2, 3] as [Int16] {
            #expect(throws: WireError.self) { try MetadataResponse.decode(exactly: bytes, version: version) }
        }
        // Unbounded, the elements alone would take size x stride.
        let unbounded = size * MemoryLayout<MetadataResponse.MetadataResponseTopic>.stride / 1024
        #expect(try peakAddressSpace() - before < unbounded / 2)
    }

    /// In KiB; counts memory that was reserved but never touched.
    private func peakAddressSpace() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmPeak:") })
        let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
        return try #require(fields.count > 1 ? Int(fields[1]) : nil)
    }
}
