import CSupport
public import NIOCore

/// The checksum of version 2 batches.
public enum CRC32C {
    /// The checksum of all readable bytes.
    public static func checksum(of buffer: ByteBuffer) -> UInt32 {
        unsafe buffer.withUnsafeReadableBytes { unsafe checksum(of: $0) }
    }

    /// The checksum of the bytes.
    @unsafe public static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        unsafe csupport_crc32c(0, bytes.baseAddress, bytes.count)
    }

    /// The implementation chosen for this processor: `sse4.2`, `armv8` or `table`.
    public static var implementation: String {
        unsafe String(cString: csupport_crc32c_implementation())
    }

    /// The checksum of all readable bytes by the implementation that needs no special instruction.
    public static func portableChecksum(of buffer: ByteBuffer) -> UInt32 {
        unsafe buffer.withUnsafeReadableBytes { unsafe csupport_crc32c_portable(0, $0.baseAddress, $0.count) }
    }

    /// How a checksum changes when some of the covered bytes are XORed with `difference`.
    ///
    /// A CRC is linear, so the rest of the data does not matter, only how much of it follows.
    static func change(ofDifference difference: UnsafeRawBufferPointer, followedBy count: Int) -> UInt32 {
        unsafe csupport_crc32c_shift(
            csupport_crc32c_remainder(difference.baseAddress, difference.count),
            UInt64(count)
        )
    }
}

/// The checksum of message formats 0 and 1.
public enum CRC32 {
    /// The checksum of all readable bytes.
    public static func checksum(of buffer: ByteBuffer) -> UInt32 {
        unsafe buffer.withUnsafeReadableBytes { unsafe csupport_crc32(0, $0.baseAddress, $0.count) }
    }
}
