import NIOCore

/// The start of an LZ4 frame: magic, flags, block size, optional content size and dictionary id, header checksum.
enum LZ4FrameHeader {
    static let magic: [UInt8] = [0x04, 0x22, 0x4d, 0x18]

    /// Replaces the header checksum that old Kafka clients wrote by the right one; false when it is not such a checksum.
    ///
    /// With message format 0 they computed it over the magic too.
    static func repairChecksum(of frame: inout ByteBuffer) -> Bool {
        let bytes = frame.readableBytesView
        guard bytes.count >= 7, bytes.starts(with: magic) else { return false }
        let start = bytes.startIndex
        let flags = bytes[start + 4]
        let length = 2 + (flags & 0x08 == 0 ? 0 : 8) + (flags & 0x01 == 0 ? 0 : 4)
        guard bytes.count > 4 + length else { return false }
        let end = start + 4 + length
        let stored = bytes[end]
        let right = checksum(bytes[(start + 4)..<end])
        guard stored != right, stored == checksum(bytes[start..<end]) else { return false }
        frame.setInteger(right, at: end)
        return true
    }

    private static func checksum(_ bytes: ByteBufferView) -> UInt8 {
        UInt8(truncatingIfNeeded: xxHash32(bytes) >> 8)
    }

    /// xxHash32 with seed 0; a header has at most 18 bytes.
    private static func xxHash32(_ bytes: ByteBufferView) -> UInt32 {
        var rest = ByteBuffer(bytes)
        var hash = primes.4
        if rest.readableBytes >= 16 {
            var lanes: [UInt32] = [primes.0 &+ primes.1, primes.1, 0, 0 &- primes.0]
            while rest.readableBytes >= 16 {
                for lane in lanes.indices {
                    let word = rest.readInteger(endianness: .little, as: UInt32.self) ?? 0
                    lanes[lane] = rotate(lanes[lane] &+ word &* primes.1, 13) &* primes.0
                }
            }
            hash = rotate(lanes[0], 1) &+ rotate(lanes[1], 7) &+ rotate(lanes[2], 12) &+ rotate(lanes[3], 18)
        }
        hash = hash &+ UInt32(bytes.count)
        while let word = rest.readInteger(endianness: .little, as: UInt32.self) {
            hash = rotate(hash &+ word &* primes.2, 17) &* primes.3
        }
        while let byte = rest.readInteger(as: UInt8.self) {
            hash = rotate(hash &+ UInt32(byte) &* primes.4, 11) &* primes.0
        }
        hash ^= hash >> 15
        hash = hash &* primes.1
        hash ^= hash >> 13
        hash = hash &* primes.2
        return hash ^ (hash >> 16)
    }

    private static func rotate(_ value: UInt32, _ bits: UInt32) -> UInt32 {
        (value << bits) | (value >> (32 - bits))
    }

    // swift-format-ignore: GroupNumericLiterals
    private static let primes: (UInt32, UInt32, UInt32, UInt32, UInt32) = (
        2654435761, 2246822519, 3266489917, 668265263, 374761393
    )
}
