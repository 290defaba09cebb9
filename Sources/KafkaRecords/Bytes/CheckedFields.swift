/// The header fields under the checksum that a patch may change, as differences in wire order.
struct CheckedFields {
    var attributes: Int16 = 0
    var maxTimestamp: Int64 = 0
    var producerID: Int64 = 0
    var producerEpoch: Int16 = 0
    var baseSequence: Int32 = 0

    /// Where they end in a batch.
    static let end = 57

    /// How the checksum changes when `count` bytes lie behind the fields.
    func crcChange(followedBy count: Int) -> UInt32 {
        // Bytes 21 to 57; those between the attributes and the maximum timestamp do not change.
        unsafe withUnsafeTemporaryAllocation(byteCount: 36, alignment: 8) { bytes in
            unsafe bytes.storeBytes(of: attributes, toByteOffset: 0, as: Int16.self)
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[2..<14]).initializeMemory(as: UInt8.self, repeating: 0)
            unsafe bytes.storeBytes(of: maxTimestamp, toByteOffset: 14, as: Int64.self)
            unsafe bytes.storeBytes(of: producerID, toByteOffset: 22, as: Int64.self)
            unsafe bytes.storeBytes(of: producerEpoch, toByteOffset: 30, as: Int16.self)
            unsafe bytes.storeBytes(of: baseSequence, toByteOffset: 32, as: Int32.self)
            return unsafe CRC32C.change(ofDifference: UnsafeRawBufferPointer(bytes), followedBy: count)
        }
    }
}
