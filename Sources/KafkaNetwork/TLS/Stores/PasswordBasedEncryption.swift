import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1

/// Opens what was encrypted under a password: PBES2 of PKCS#5, and the older schemes of PKCS#12.
enum PasswordBasedEncryption {
    /// More rounds than this are a damaged file, not caution.
    static let maximumIterations = 10_000_000

    static func decrypt(_ data: EncryptedData, password: String) throws(StoreError) -> [UInt8] {
        let identifier = data.algorithm.identifier
        if identifier == [1, 2, 840, 113_549, 1, 5, 13] { return try pbes2(data, password) }
        let family: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 12, 1]
        for (last, keyLength) in [(3, 24), (4, 16), (5, 16), (6, 5)] as [(UInt, Int)] {
            guard identifier.description == "\(family).\(last)" else { continue }
            return try pkcs12(data, password, keyLength: keyLength, isRC2: last >= 5)
        }
        throw StoreError(.unsupported, "it is encrypted with the algorithm \(identifier)")
    }

    private static let wrongPassword = StoreError(.wrongPassword, "the password does not open it")
    private static let malformed = StoreError(.malformed, "the parameters of its encryption cannot be read")

    // MARK: PKCS#5

    private static func pbes2(_ data: EncryptedData, _ password: String) throws(StoreError) -> [UInt8] {
        let parts = data.algorithm.parameters?.children ?? []
        guard parts.count == 2, let derivation = AlgorithmIdentifier(parts[0]),
            let cipher = AlgorithmIdentifier(parts[1])
        else { throw malformed }
        let initial = cipher.parameters?.octets ?? []
        let keyLength: Int
        switch cipher.identifier {
        case [2, 16, 840, 1, 101, 3, 4, 1, 2]: keyLength = 16
        case [2, 16, 840, 1, 101, 3, 4, 1, 22], [1, 2, 840, 113_549, 3, 7]: keyLength = 24
        case [2, 16, 840, 1, 101, 3, 4, 1, 42]: keyLength = 32
        default: throw StoreError(.unsupported, "it is encrypted with the cipher \(cipher.identifier)")
        }
        let key = try derive(derivation, password, length: keyLength)
        if cipher.identifier == [1, 2, 840, 113_549, 3, 7] {
            guard let plain = TripleDES(key: key).decryptCBC(data.bytes, iv: initial) else { throw wrongPassword }
            return plain
        }
        do {
            let iv = try AES._CBC.IV(ivBytes: initial)
            return Array(try AES._CBC.decrypt(data.bytes, using: SymmetricKey(data: key), iv: iv))
        } catch {
            throw wrongPassword
        }
    }

    /// PBKDF2 with the parameters of an algorithm identifier.
    static func derive(
        _ algorithm: AlgorithmIdentifier,
        _ password: String,
        length: Int
    ) throws(StoreError) -> [UInt8] {
        guard algorithm.identifier == [1, 2, 840, 113_549, 1, 5, 12] else {
            throw StoreError(.unsupported, "its key is derived with \(algorithm.identifier)")
        }
        let parameters = algorithm.parameters?.children ?? []
        guard parameters.count >= 2, let rounds = parameters[1].integer, (1...maximumIterations).contains(rounds) else {
            throw malformed
        }
        var hash = KDF.Insecure.PBKDF2.HashFunction.insecureSHA1
        if let last = parameters.dropFirst(2).last, let prf = AlgorithmIdentifier(last) {
            switch prf.identifier {
            case [1, 2, 840, 113_549, 2, 7]: hash = .insecureSHA1
            case [1, 2, 840, 113_549, 2, 8]: hash = .insecureSHA224
            case [1, 2, 840, 113_549, 2, 9]: hash = .sha256
            case [1, 2, 840, 113_549, 2, 10]: hash = .sha384
            case [1, 2, 840, 113_549, 2, 11]: hash = .sha512
            default: throw StoreError(.unsupported, "its key is derived with \(prf.identifier)")
            }
        }
        do {
            let key = try KDF.Insecure.PBKDF2.deriveKey(
                from: Array(password.utf8),
                salt: parameters[0].octets,
                using: hash,
                outputByteCount: length,
                unsafeUncheckedRounds: rounds
            )
            return unsafe key.withUnsafeBytes { bytes in unsafe Array(bytes) }
        } catch {
            throw malformed
        }
    }

    // MARK: PKCS#12

    private static func pkcs12(
        _ data: EncryptedData,
        _ password: String,
        keyLength: Int,
        isRC2: Bool
    ) throws(StoreError) -> [UInt8] {
        let parameters = data.algorithm.parameters?.children ?? []
        guard parameters.count == 2, let rounds = parameters[1].integer, (1...maximumIterations).contains(rounds) else {
            throw malformed
        }
        let salt = parameters[0].octets
        let kdf = PKCS12KeyDerivation(hash: .sha1, password: password, salt: salt, iterations: rounds)
        let key = kdf.derive(purpose: .key, length: keyLength)
        let iv = kdf.derive(purpose: .initialVector, length: 8)
        let plain =
            isRC2
            ? RC2(key: key, effectiveBits: keyLength * 8).decryptCBC(data.bytes, iv: iv)
            : TripleDES(key: key).decryptCBC(data.bytes, iv: iv)
        guard let plain else { throw wrongPassword }
        return plain
    }
}

/// The key derivation of PKCS#12 (RFC 7292, appendix B).
struct PKCS12KeyDerivation {
    enum Purpose: UInt8 {
        case key = 1
        case initialVector = 2
        case integrity = 3
    }

    enum Hash: Hashable {
        case sha1, sha256, sha384, sha512

        init?(_ identifier: ASN1ObjectIdentifier) {
            switch identifier {
            case [1, 3, 14, 3, 2, 26]: self = .sha1
            case [2, 16, 840, 1, 101, 3, 4, 2, 1]: self = .sha256
            case [2, 16, 840, 1, 101, 3, 4, 2, 2]: self = .sha384
            case [2, 16, 840, 1, 101, 3, 4, 2, 3]: self = .sha512
            default: return nil
            }
        }

        var blockLength: Int { self == .sha1 || self == .sha256 ? 64 : 128 }

        var length: Int {
            switch self {
            case .sha1: 20
            case .sha256: 32
            case .sha384: 48
            case .sha512: 64
            }
        }

        func hash(_ bytes: [UInt8]) -> [UInt8] {
            switch self {
            case .sha1: Array(Insecure.SHA1.hash(data: bytes))
            case .sha256: Array(SHA256.hash(data: bytes))
            case .sha384: Array(SHA384.hash(data: bytes))
            case .sha512: Array(SHA512.hash(data: bytes))
            }
        }

        func hmac(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
            let key = SymmetricKey(data: key)
            return switch self {
            case .sha1: Array(HMAC<Insecure.SHA1>.authenticationCode(for: bytes, using: key))
            case .sha256: Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
            case .sha384: Array(HMAC<SHA384>.authenticationCode(for: bytes, using: key))
            case .sha512: Array(HMAC<SHA512>.authenticationCode(for: bytes, using: key))
            }
        }
    }

    let hash: Hash
    /// UTF-16, highest byte first, with a zero at the end.
    private let password: [UInt8]
    private let salt: [UInt8]
    private let iterations: Int

    init(hash: Hash, password: String, salt: [UInt8], iterations: Int) {
        self.hash = hash
        self.password = (Array(password.utf16) + [0]).flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
        self.salt = salt
        self.iterations = iterations
    }

    func derive(purpose: Purpose, length: Int) -> [UInt8] {
        let block = self.hash.blockLength
        var input = Self.fill(self.salt, block) + Self.fill(self.password, block)
        var result: [UInt8] = []
        while result.count < length {
            var digest = self.hash.hash([UInt8](repeating: purpose.rawValue, count: block) + input)
            for _ in 1..<max(self.iterations, 1) { digest = self.hash.hash(digest) }
            result += digest
            // Every block of the input becomes itself + digest + 1.
            let addend = (0..<block).map { digest[$0 % digest.count] }
            for start in stride(from: 0, to: input.count, by: block) {
                var carry: UInt16 = 1
                for index in stride(from: block - 1, through: 0, by: -1) {
                    carry += UInt16(input[start + index]) + UInt16(addend[index])
                    input[start + index] = UInt8(truncatingIfNeeded: carry)
                    carry >>= 8
                }
            }
        }
        return Array(result.prefix(length))
    }

    /// Repeats `bytes` up to the next multiple of `block`.
    private static func fill(_ bytes: [UInt8], _ block: Int) -> [UInt8] {
        guard !bytes.isEmpty else { return [] }
        let length = block * ((bytes.count + block - 1) / block)
        return (0..<length).map { bytes[$0 % bytes.count] }
    }
}
