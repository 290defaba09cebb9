public import NIOCore

/// The hash that Kafka's Java client uses to choose a partition by key.
public func murmur2(_ key: ByteBuffer) -> Int32 {
    let multiplier: UInt32 = 0x5bd1_e995
    var bytes = key
    var hash: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: key.readableBytes)
    while let word = bytes.readInteger(endianness: .little, as: UInt32.self) {
        var mixed = word &* multiplier
        mixed ^= mixed &>> 24
        hash = (hash &* multiplier) ^ (mixed &* multiplier)
    }
    let rest = bytes.readableBytesView
    if !rest.isEmpty {
        for (index, byte) in rest.enumerated() { hash ^= UInt32(byte) &<< UInt32(8 * index) }
        hash = hash &* multiplier
    }
    hash ^= hash &>> 13
    hash = hash &* multiplier
    hash ^= hash &>> 15
    return Int32(bitPattern: hash)
}

/// The partition that Kafka's default partitioner gives a key.
///
/// - Precondition: `count` is positive.
public func defaultPartition(key: ByteBuffer, count: Int32) -> Int32 {
    precondition(count > 0, "a topic has at least one partition")
    return (murmur2(key) & Int32.max) % count
}
