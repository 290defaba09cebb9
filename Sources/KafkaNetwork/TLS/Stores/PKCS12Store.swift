import SwiftASN1

/// Reads PKCS#12 files (RFC 7292): key stores, and trust stores as Java writes them, with certificates only.
enum PKCS12Store {
    private static let data: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 7, 1]
    private static let encryptedData: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 7, 6]
    private static let malformed = StoreError(.malformed, "the file is damaged or no PKCS#12 store")

    /// - Parameters:
    ///   - password: nil reads what is not encrypted and skips the integrity check.
    ///   - keyPassword: tried for private keys before `password`.
    static func read(_ bytes: [UInt8], password: String?, keyPassword: String?) throws(StoreError) -> StoreContents {
        guard let root = try? BER.parse(bytes) else { throw malformed }
        let fields = root.children
        guard fields.count >= 2, fields[0].integer == 3, let content = contentInfo(fields[1]), content.type == data
        else {
            throw malformed
        }
        let safes = content.value.octets
        if fields.count > 2, let password { try checkIntegrity(fields[2], of: safes, password) }
        guard let list = try? BER.parse(safes) else { throw malformed }
        var bags = Bags(password: password, keyPassword: keyPassword)
        for safe in list.children {
            guard let part = contentInfo(safe) else { throw malformed }
            if part.type == data {
                try bags.read(part.value.octets)
            } else if part.type == encryptedData {
                guard let password else {
                    throw StoreError(.passwordMissing, "its content is encrypted and no password is set")
                }
                try bags.read(try PasswordBasedEncryption.decrypt(encrypted(part.value), password: password))
            } else {
                throw StoreError(.unsupported, "it holds content of the type \(part.type)")
            }
        }
        return try bags.contents()
    }

    private static func contentInfo(_ node: ASN1Node) -> (type: ASN1ObjectIdentifier, value: ASN1Node)? {
        let children = node.children
        guard children.count == 2, let type = children[0].objectIdentifier, let value = children[1].children.first
        else {
            return nil
        }
        return (type, value)
    }

    private static func encrypted(_ node: ASN1Node) throws(StoreError) -> EncryptedData {
        let outer = node.children
        guard outer.count >= 2 else { throw malformed }
        let inner = outer[1].children
        guard inner.count >= 3, let algorithm = AlgorithmIdentifier(inner[1]) else { throw malformed }
        return EncryptedData(algorithm: algorithm, bytes: inner[2].octets)
    }

    private static func checkIntegrity(_ node: ASN1Node, of content: [UInt8], _ password: String) throws(StoreError) {
        let parts = node.children
        guard parts.count >= 2, parts[0].children.count == 2, let algorithm = AlgorithmIdentifier(parts[0].children[0])
        else { throw malformed }
        let expected = parts[0].children[1].octets
        let key: [UInt8]
        let hash: PKCS12KeyDerivation.Hash
        if algorithm.identifier == [1, 2, 840, 113_549, 1, 5, 14] {
            (key, hash) = try modernKey(algorithm, password)
        } else {
            guard let known = PKCS12KeyDerivation.Hash(algorithm.identifier) else {
                throw StoreError(.unsupported, "its integrity check uses the hash \(algorithm.identifier)")
            }
            let iterations = parts.count > 2 ? parts[2].integer ?? 1 : 1
            guard (1...PasswordBasedEncryption.maximumIterations).contains(iterations) else { throw malformed }
            hash = known
            key = PKCS12KeyDerivation(hash: hash, password: password, salt: parts[1].octets, iterations: iterations)
                .derive(purpose: .integrity, length: hash.length)
        }
        guard hash.hmac(key: key, content) == expected else {
            throw StoreError(.wrongPassword, "the password is wrong, or the file was changed")
        }
    }

    /// PBMAC1 (RFC 9579): PBKDF2 in place of PKCS#12's own derivation.
    private static func modernKey(
        _ algorithm: AlgorithmIdentifier,
        _ password: String
    ) throws(StoreError) -> ([UInt8], PKCS12KeyDerivation.Hash) {
        let parts = algorithm.parameters?.children ?? []
        guard parts.count == 2, let derivation = AlgorithmIdentifier(parts[0]), let mac = AlgorithmIdentifier(parts[1])
        else { throw malformed }
        let hash: PKCS12KeyDerivation.Hash
        switch mac.identifier {
        case [1, 2, 840, 113_549, 2, 9]: hash = .sha256
        case [1, 2, 840, 113_549, 2, 10]: hash = .sha384
        case [1, 2, 840, 113_549, 2, 11]: hash = .sha512
        default: throw StoreError(.unsupported, "its integrity check uses \(mac.identifier)")
        }
        let length = (derivation.parameters?.children ?? []).dropFirst(2).first?.integer ?? hash.length
        guard (1...128).contains(length) else { throw malformed }
        return (try PasswordBasedEncryption.derive(derivation, password, length: length), hash)
    }
}

extension PKCS12Store {
    /// Collects the bags of a store and puts keys and certificates together.
    private struct Bags {
        private struct Certificate {
            var der: [UInt8]
            var localKeyID: [UInt8]?
        }

        private struct Key {
            var der: [UInt8]
            var alias: String
            var localKeyID: [UInt8]?
        }

        let password: String?
        let keyPassword: String?
        private var certificates: [Certificate] = []
        private var keys: [Key] = []
        private var depth = 0

        init(password: String?, keyPassword: String?) {
            self.password = password
            self.keyPassword = keyPassword
        }

        mutating func read(_ bytes: [UInt8]) throws(StoreError) {
            guard let list = try? BER.parse(bytes) else {
                // Decryption with a wrong password now and then leaves valid padding.
                throw StoreError(.wrongPassword, "the password is wrong, or the file is damaged")
            }
            try read(list)
        }

        private mutating func read(_ list: ASN1Node) throws(StoreError) {
            guard self.depth < 8 else { throw malformed }
            self.depth += 1
            defer { self.depth -= 1 }
            for bag in list.children {
                let parts = bag.children
                guard parts.count >= 2, let type = parts[0].objectIdentifier, let value = parts[1].children.first else {
                    throw malformed
                }
                let attributes = parts.count > 2 ? parts[2].children : []
                try take(type, value, attributes)
            }
        }

        private mutating func take(
            _ type: ASN1ObjectIdentifier,
            _ value: ASN1Node,
            _ attributes: [ASN1Node]
        ) throws(StoreError) {
            let localKeyID = Self.attribute([1, 2, 840, 113_549, 1, 9, 21], attributes)
            switch type {
            case [1, 2, 840, 113_549, 1, 12, 10, 1, 1]:
                self.keys.append(
                    Key(der: Array(value.encodedBytes), alias: Self.alias(attributes), localKeyID: localKeyID)
                )
            case [1, 2, 840, 113_549, 1, 12, 10, 1, 2]:
                // Without any password the keys stay closed; a trust store does not need them.
                guard self.password != nil || self.keyPassword != nil else { return }
                guard let data = EncryptedData(info: value) else { throw malformed }
                let key = Key(der: try open(data), alias: Self.alias(attributes), localKeyID: localKeyID)
                self.keys.append(key)
            case [1, 2, 840, 113_549, 1, 12, 10, 1, 3]:
                let parts = value.children
                guard parts.count == 2, let content = parts[1].children.first else { throw malformed }
                guard parts[0].objectIdentifier == [1, 2, 840, 113_549, 1, 9, 22, 1] else { return }
                self.certificates.append(Certificate(der: content.octets, localKeyID: localKeyID))
            case [1, 2, 840, 113_549, 1, 12, 10, 1, 6]:
                try read(value)
            default:
                // Revocation lists and secrets are of no use here.
                return
            }
        }

        /// Java keeps store and key under one password, other tools may not.
        private func open(_ data: EncryptedData) throws(StoreError) -> [UInt8] {
            if let keyPassword, keyPassword != self.password {
                if let key = try? PasswordBasedEncryption.decrypt(data, password: keyPassword),
                    (try? BER.parse(key)) != nil
                {
                    return key
                }
            }
            guard let password = self.password ?? self.keyPassword else { throw malformed }
            do throws(StoreError) {
                return try PasswordBasedEncryption.decrypt(data, password: password)
            } catch {
                guard error.kind == .wrongPassword else { throw error }
                throw StoreError(.wrongPassword, "the password does not open the private key")
            }
        }

        private static func attribute(_ type: ASN1ObjectIdentifier, _ attributes: [ASN1Node]) -> [UInt8]? {
            for attribute in attributes {
                let parts = attribute.children
                if parts.count == 2, parts[0].objectIdentifier == type { return parts[1].children.first?.octets }
            }
            return nil
        }

        private static func alias(_ attributes: [ASN1Node]) -> String {
            let bytes = attribute([1, 2, 840, 113_549, 1, 9, 20], attributes) ?? []
            let units = stride(from: 0, to: bytes.count - 1, by: 2).map {
                UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])
            }
            return String(decoding: units, as: UTF16.self)
        }

        /// Gives every key its chain; the certificates that are left are trusted ones.
        func contents() throws(StoreError) -> StoreContents {
            var result = StoreContents()
            let ders = self.certificates.map(\.der)
            var used: Set<Int> = []
            for key in self.keys {
                let own = self.certificates.firstIndex { $0.localKeyID != nil && $0.localKeyID == key.localKeyID }
                guard let leaf = own ?? (self.keys.count == 1 ? self.certificates.indices.first : nil) else { continue }
                let chain = Self.chain(from: leaf, ders)
                used.formUnion(chain)
                result.keys.append(.init(alias: key.alias, key: key.der, chain: chain.map { ders[$0] }))
            }
            result.certificates = ders.indices.filter { !used.contains($0) }.map { ders[$0] }
            return result
        }

        /// The certificate at `leaf` and its issuers as far as they are there, by their names.
        private static func chain(from leaf: Int, _ certificates: [[UInt8]]) -> [Int] {
            let names = certificates.map(CertificateNames.init)
            var chain = [leaf]
            while let last = chain.last, let issuer = names[last]?.issuer, issuer != names[last]?.subject,
                let next = names.indices.first(where: { names[$0]?.subject == issuer && !chain.contains($0) })
            {
                chain.append(next)
            }
            return chain
        }
    }
}

/// Subject and issuer of a certificate as encoded, for comparing.
struct CertificateNames: Hashable {
    var subject: [UInt8]
    var issuer: [UInt8]

    var isSelfIssued: Bool { self.subject == self.issuer }

    init?(_ der: [UInt8]) {
        guard let root = try? DER.parse(der), let tbs = root.children.first else { return nil }
        var fields = tbs.children[...]
        if fields.first?.identifier == ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific) {
            fields.removeFirst()
        }
        guard fields.count >= 5 else { return nil }
        self.issuer = Array(fields[fields.startIndex + 2].encodedBytes)
        self.subject = Array(fields[fields.startIndex + 4].encodedBytes)
    }
}
