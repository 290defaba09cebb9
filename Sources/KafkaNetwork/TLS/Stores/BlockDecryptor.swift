/// A cipher with blocks of eight bytes, as old key stores use them.
protocol BlockDecryptor {
    /// Decrypts one block, first byte in the highest bits.
    func decrypt(_ block: UInt64) -> UInt64
}

extension BlockDecryptor {
    /// Cipher block chaining with the padding of PKCS#7; nil when the padding is wrong, as with a wrong password.
    func decryptCBC(_ data: [UInt8], iv: [UInt8]) -> [UInt8]? {
        guard iv.count == 8, !data.isEmpty, data.count % 8 == 0 else { return nil }
        var previous = iv.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        var result: [UInt8] = []
        result.reserveCapacity(data.count)
        for start in stride(from: 0, to: data.count, by: 8) {
            let block = data[start..<(start + 8)].reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
            let plain = decrypt(block) ^ previous
            previous = block
            for shift in stride(from: 56 as UInt64, through: 0, by: -8) {
                result.append(UInt8(truncatingIfNeeded: plain >> shift))
            }
        }
        guard let last = result.last, (1...8).contains(last), result.suffix(Int(last)).allSatisfy({ $0 == last }) else {
            return nil
        }
        result.removeLast(Int(last))
        return result
    }
}
