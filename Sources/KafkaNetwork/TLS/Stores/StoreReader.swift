import FoundationEssentials
import NIOSSL

/// Reads the stores that `TLSSettings` names and puts every failure into words with property, file and next step.
struct StoreReader {
    /// Which of the two stores this is about; decides on the names of the properties.
    enum Role: String {
        case trustStore = "ssl.truststore"
        case keyStore = "ssl.keystore"

        var words: String { self == .trustStore ? "trust store" : "key store" }
    }

    let role: Role
    let store: TLSSettings.Store
    let keyPassword: String?

    /// The certificates to trust.
    func trustedCertificates() throws(ConfigurationError) -> [NIOSSLCertificate] {
        let ders = try contents().trustAnchors
        guard !ders.isEmpty else { throw failure("location", "the trust store\(place) holds no certificate") }
        return try ders.map { der throws(ConfigurationError) in try certificate(der) }
    }

    /// Our certificate with its issuers, and our key.
    func identity() throws(ConfigurationError) -> (chain: [NIOSSLCertificate], key: NIOSSLPrivateKey) {
        if self.store.type == .pem { return try pemIdentity() }
        guard let entry = try contents().keys.first(where: { !$0.chain.isEmpty }) else {
            throw failure("location", "the key store\(place) holds no private key with a certificate")
        }
        let chain = try entry.chain.map { der throws(ConfigurationError) in try certificate(der) }
        do {
            return (chain, try NIOSSLPrivateKey(bytes: entry.key, format: .der))
        } catch {
            throw failure("location", "the private key '\(entry.alias)' in\(place) is of a kind that cannot be used")
        }
    }

    // MARK: Binary stores

    private func contents() throws(ConfigurationError) -> StoreContents {
        do throws(StoreError) {
            if self.store.type == .pem {
                let blocks = try PEMBlock.parse(try pemText())
                return StoreContents(certificates: blocks.filter(\.isCertificate).map(\.der))
            }
            return try binaryContents(try file())
        } catch {
            throw explain(error)
        }
    }

    private func binaryContents(_ bytes: [UInt8]) throws(StoreError) -> StoreContents {
        // Since Java 8 both types read both formats, so the file decides.
        let prefix = bytes.prefix(4).reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
        let keyPassword = self.role == .keyStore ? self.keyPassword ?? self.store.password : nil
        switch prefix {
        case JavaKeyStore.magic:
            return try JavaKeyStore.read(bytes, password: self.store.password, keyPassword: keyPassword)
        case JavaKeyStore.jceksMagic:
            throw StoreError(.unsupported, "it is a JCEKS store")
        default: break
        }
        if bytes.starts(with: Array("-----BEGIN".utf8)) {
            throw StoreError(.malformed, "it is a PEM file; set \(self.role.rawValue).type = PEM")
        }
        guard bytes.first == 0x30 else {
            throw StoreError(.malformed, "it is neither a JKS nor a PKCS#12 file")
        }
        return try PKCS12Store.read(bytes, password: self.store.password, keyPassword: keyPassword)
    }

    // MARK: PEM

    private func pemText() throws(StoreError) -> String {
        if let pem = self.store.pem { return pem }
        let bytes = try file()
        if bytes.first == 0x30 || bytes.starts(with: [0xfe, 0xed, 0xfe, 0xed]) {
            let type = bytes.first == 0x30 ? "PKCS12" : "JKS"
            throw StoreError(.malformed, "it is no PEM file; set \(self.role.rawValue).type = \(type)")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func pemIdentity() throws(ConfigurationError) -> (chain: [NIOSSLCertificate], key: NIOSSLPrivateKey) {
        let blocks: [PEMBlock]
        do throws(StoreError) {
            blocks = try PEMBlock.parse((self.store.pemKey ?? "") + "\n" + (try pemText()))
        } catch {
            throw explain(error)
        }
        let keyProperty = self.store.pemKey == nil ? "location" : "key"
        guard let keyBlock = blocks.first(where: \.isPrivateKey) else {
            throw failure(keyProperty, "there is no private key in\(place)")
        }
        let chain = try blocks.filter(\.isCertificate).map { block throws(ConfigurationError) in
            try certificate(block.der)
        }
        guard !chain.isEmpty else {
            let property = self.store.pem == nil ? "location" : "certificate.chain"
            throw failure(property, "there is no certificate in\(place)")
        }
        return (chain, try pemKey(keyBlock, keyProperty))
    }

    private func pemKey(_ block: PEMBlock, _ property: String) throws(ConfigurationError) -> NIOSSLPrivateKey {
        let isEncrypted = block.hasHeaders || block.label == "ENCRYPTED PRIVATE KEY"
        guard isEncrypted else {
            do {
                return try NIOSSLPrivateKey(bytes: Array(block.text.utf8), format: .pem)
            } catch {
                throw failure(property, "the private key in\(place) cannot be read")
            }
        }
        guard let password = self.keyPassword else {
            throw ConfigurationError(
                key: "ssl.key.password",
                value: nil,
                reason: "it is missing; the private key in\(place) is encrypted"
            )
        }
        do {
            if block.label == "ENCRYPTED PRIVATE KEY", let data = EncryptedData(info: block.der) {
                let key = try PasswordBasedEncryption.decrypt(data, password: password)
                return try NIOSSLPrivateKey(bytes: key, format: .der)
            }
            return try NIOSSLPrivateKey(bytes: Array(block.text.utf8), format: .pem) { setter in
                setter(Array(password.utf8))
            }
        } catch let error as StoreError where error.kind == .unsupported {
            throw failure(
                property,
                "the private key in\(place) cannot be opened: \(error.reason); "
                    + "write it anew: openssl pkcs8 -topk8 -v2 aes-256-cbc"
            )
        } catch {
            throw ConfigurationError(
                key: "ssl.key.password",
                value: password,
                reason: "it does not open the private key in\(place)"
            )
        }
    }

    // MARK: Pieces

    private func certificate(_ der: [UInt8]) throws(ConfigurationError) -> NIOSSLCertificate {
        do {
            return try NIOSSLCertificate(bytes: der, format: .der)
        } catch {
            throw failure(self.store.location == nil ? "type" : "location", "a certificate in\(place) cannot be read")
        }
    }

    private func file() throws(StoreError) -> [UInt8] {
        guard let location = self.store.location else { throw StoreError(.malformed, "there is no file") }
        do {
            return Array(try Data(contentsOf: URL(filePath: location)))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile {
            throw StoreError(.malformed, "the file does not exist")
        } catch let error as CocoaError where error.code == .fileReadNoPermission {
            throw StoreError(.malformed, "there is no permission to read the file")
        } catch {
            throw StoreError(.malformed, "the file cannot be read")
        }
    }

    /// ` FILE`, or words for certificates in the properties.
    private var place: String { self.store.location.map { " \($0)" } ?? " the properties" }

    private func failure(_ property: String, _ reason: String) -> ConfigurationError {
        let value = property == "location" ? self.store.location : nil
        return ConfigurationError(key: "\(self.role.rawValue).\(property)", value: value, reason: reason)
    }

    private func explain(_ error: StoreError) -> ConfigurationError {
        let what = "the \(self.role.words) of type \(self.store.type.rawValue) cannot be read: \(error.reason)"
        let password = "\(self.role.rawValue).password"
        switch error.kind {
        case .wrongPassword:
            return ConfigurationError(
                key: password,
                value: self.store.password,
                reason: "\(what); the file is\(place)"
            )
        case .passwordMissing:
            return ConfigurationError(key: password, value: nil, reason: "\(what); the file is\(place)")
        case .malformed:
            return failure(self.store.location == nil ? "certificates" : "location", what)
        case .unsupported:
            let source = self.store.location ?? "STORE"
            return failure(
                "location",
                "\(what); convert it: keytool -importkeystore -srckeystore \(source) -destkeystore store.p12 "
                    + "-deststoretype PKCS12"
            )
        }
    }
}
