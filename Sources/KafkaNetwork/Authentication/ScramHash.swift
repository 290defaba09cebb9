import Crypto
import CryptoExtras
import FoundationEssentials

/// The hash functions of SCRAM-SHA-256 and SCRAM-SHA-512 with what is built on them.
enum ScramHash: Hashable, Sendable {
    case sha256
    case sha512

    func hash(_ data: [UInt8]) -> [UInt8] {
        switch self {
        case .sha256: Array(SHA256.hash(data: data))
        case .sha512: Array(SHA512.hash(data: data))
        }
    }

    func hmac(key: [UInt8], _ data: [UInt8]) -> [UInt8] {
        let key = SymmetricKey(data: key)
        return switch self {
        case .sha256: Array(HMAC<SHA256>.authenticationCode(for: data, using: key))
        case .sha512: Array(HMAC<SHA512>.authenticationCode(for: data, using: key))
        }
    }

    /// `Hi` of RFC 5802, which is PBKDF2 with one block.
    func saltedPassword(_ password: [UInt8], salt: [UInt8], iterations: Int) throws(SASLError) -> [UInt8] {
        do {
            let key = try KDF.Insecure.PBKDF2.deriveKey(
                from: password,
                salt: salt,
                using: self == .sha256 ? .sha256 : .sha512,
                outputByteCount: self == .sha256 ? 32 : 64,
                unsafeUncheckedRounds: iterations
            )
            return unsafe key.withUnsafeBytes { bytes in unsafe Array(bytes) }
        } catch {
            throw SASLError(reason: "the salted password could not be computed")
        }
    }
}
