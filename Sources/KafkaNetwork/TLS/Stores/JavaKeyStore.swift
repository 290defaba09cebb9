import Crypto
import NIOCore
import SwiftASN1

/// Reads Java's own store format, JKS.
///
/// The file ends with a SHA-1 over password, a fixed phrase and content; private keys are protected by a stream of
/// chained SHA-1 values. Neither is good protection, but it is what `keytool` wrote for twenty years.
enum JavaKeyStore {
    static let magic: UInt32 = 0xfeed_feed
    /// JCEKS, a relative with real encryption that we do not read.
    static let jceksMagic: UInt32 = 0xcece_cece

    /// - Parameters:
    ///   - password: checks the integrity; nil skips the check, as Java does for trust stores.
    ///   - keyPassword: opens private keys; nil leaves the keys out.
    static func read(_ bytes: [UInt8], password: String?, keyPassword: String?) throws(StoreError) -> StoreContents {
        guard bytes.count >= 32 else { throw malformed }
        let content = Array(bytes.dropLast(20))
        if let password {
            let digest = sha1(utf16(password) + Array("Mighty Aphrodite".utf8) + content)
            guard digest.elementsEqual(bytes.suffix(20)) else {
                throw StoreError(.wrongPassword, "the password is wrong, or the file was changed")
            }
        }
        var reader = ByteBuffer(bytes: content)
        guard let (magic, version, count) = reader.readMultipleIntegers(as: (UInt32, UInt32, UInt32).self),
            magic == Self.magic, version == 1 || version == 2
        else { throw malformed }
        var result = StoreContents()
        for _ in 0..<count {
            guard let tag = reader.readInteger(as: UInt32.self), let alias = readText(&reader),
                reader.readInteger(as: UInt64.self) != nil
            else { throw malformed }
            switch tag {
            case 1:
                let protected = try readBytes(&reader)
                guard let chainLength = reader.readInteger(as: UInt32.self) else { throw malformed }
                var chain: [[UInt8]] = []
                for _ in 0..<chainLength { chain.append(try readCertificate(&reader, version)) }
                if let keyPassword {
                    let key = try open(protected, keyPassword, alias)
                    result.keys.append(.init(alias: alias, key: key, chain: chain))
                }
            case 2:
                result.certificates.append(try readCertificate(&reader, version))
            default:
                throw malformed
            }
        }
        return result
    }

    private static let malformed = StoreError(.malformed, "the file is damaged or no Java key store")

    private static func readCertificate(_ reader: inout ByteBuffer, _ version: UInt32) throws(StoreError) -> [UInt8] {
        if version == 2 {
            guard let type = readText(&reader) else { throw malformed }
            guard type == "X.509" || type == "X509" else {
                throw StoreError(.unsupported, "it holds a certificate of type \(type)")
            }
        }
        return try readBytes(&reader)
    }

    private static func readBytes(_ reader: inout ByteBuffer) throws(StoreError) -> [UInt8] {
        guard let length = reader.readInteger(as: UInt32.self), let bytes = reader.readBytes(length: Int(length)) else {
            throw malformed
        }
        return bytes
    }

    private static func readText(_ reader: inout ByteBuffer) -> String? {
        guard let length = reader.readInteger(as: UInt16.self), let bytes = reader.readBytes(length: Int(length)) else {
            return nil
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Undoes Sun's key protection: 20 bytes salt, the key XORed with chained hashes, 20 bytes check.
    private static func open(_ protected: [UInt8], _ password: String, _ alias: String) throws(StoreError) -> [UInt8] {
        guard let info = EncryptedData(info: protected) else { throw malformed }
        guard info.algorithm.identifier == [1, 3, 6, 1, 4, 1, 42, 2, 17, 1, 1] else {
            throw StoreError(
                .unsupported,
                "the key '\(alias)' is protected by the algorithm \(info.algorithm.identifier)"
            )
        }
        guard info.bytes.count > 40 else { throw malformed }
        let secret = utf16(password)
        var state = Array(info.bytes.prefix(20))
        let hidden = info.bytes[20..<(info.bytes.count - 20)]
        var key: [UInt8] = []
        key.reserveCapacity(hidden.count)
        var used = 20
        for byte in hidden {
            if used == 20 {
                state = sha1(secret + state)
                used = 0
            }
            key.append(byte ^ state[used])
            used += 1
        }
        guard sha1(secret + key).elementsEqual(info.bytes.suffix(20)) else {
            throw StoreError(.wrongPassword, "the password does not open the key '\(alias)'")
        }
        return key
    }

    private static func sha1(_ bytes: [UInt8]) -> [UInt8] { Array(Insecure.SHA1.hash(data: bytes)) }

    private static func utf16(_ password: String) -> [UInt8] {
        password.utf16.flatMap { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] }
    }
}
