/// The `ssl.*` properties of a client, checked but with the files not yet read.
public struct TLSSettings: Hashable, Sendable {
    /// Where certificates or a key come from, and what form they have.
    public struct Store: Hashable, Sendable {
        /// Path of the file, or nil when `pem` holds the content.
        public var location: String?
        /// Certificates as PEM text in the properties themselves.
        public var pem: String?
        /// Private key as PEM text (key stores only).
        public var pemKey: String?
        public var type: StoreType
        public var password: String?

        public init(
            location: String? = nil,
            pem: String? = nil,
            pemKey: String? = nil,
            type: StoreType,
            password: String? = nil
        ) {
            self.location = location
            self.pem = pem
            self.pemKey = pemKey
            self.type = type
            self.password = password
        }
    }

    /// Values of `ssl.truststore.type` and `ssl.keystore.type` that can be read.
    public enum StoreType: String, Hashable, Sendable, CaseIterable {
        case pem = "PEM"
        case pkcs12 = "PKCS12"
        case jks = "JKS"
    }

    /// TLS versions that can be spoken.
    public enum Version: String, Hashable, Sendable, CaseIterable, Comparable {
        case tls12 = "TLSv1.2"
        case tls13 = "TLSv1.3"

        public static func < (left: Version, right: Version) -> Bool { left.rawValue < right.rawValue }
    }

    /// Certificates that are trusted; nil = those of the operating system.
    public var trustStore: Store?
    /// Our own certificate and key; nil = none.
    public var keyStore: Store?
    /// `ssl.key.password`, where it differs from the key store's password.
    public var keyPassword: String?
    /// Whether the broker's certificate must be made out to the host name that we connect to.
    public var verifiesHostName = true
    public var versions: ClosedRange<Version> = .tls12 ... .tls13
    /// Cipher suites in OpenSSL's notation; nil = the library's choice.
    public var cipherSuites: [String]?
    /// Files that were read already; shared by all copies of these settings.
    let loaded = TLSContextCache()

    public init() {}

    public static func == (left: TLSSettings, right: TLSSettings) -> Bool {
        left.trustStore == right.trustStore && left.keyStore == right.keyStore && left.keyPassword == right.keyPassword
            && left.verifiesHostName == right.verifiesHostName && left.versions == right.versions
            && left.cipherSuites == right.cipherSuites
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.trustStore)
        hasher.combine(self.keyStore)
        hasher.combine(self.keyPassword)
        hasher.combine(self.verifiesHostName)
        hasher.combine(self.versions)
        hasher.combine(self.cipherSuites)
    }
}

extension TLSSettings {
    /// Reads the `ssl.*` properties; combinations are checked only if TLS is used, values always.
    init(_ reader: PropertyReader, isUsed: Bool) throws(ConfigurationError) {
        self.init()
        if isUsed {
            self.trustStore = try Self.trustStore(reader)
            self.keyStore = try Self.keyStore(reader)
        }
        self.keyPassword = reader.password("ssl.key.password")
        if let algorithm = reader.string("ssl.endpoint.identification.algorithm") {
            switch algorithm.lowercased() {
            case "": self.verifiesHostName = false
            case "https": self.verifiesHostName = true
            default:
                throw ConfigurationError(
                    key: "ssl.endpoint.identification.algorithm",
                    value: algorithm,
                    reason: "it must be https, or empty to accept certificates made out to another host"
                )
            }
        }
        try readVersions(reader)
        if let names = reader.list("ssl.cipher.suites"), !names.isEmpty {
            self.cipherSuites = try CipherSuites.openSSLNames(names, versions: self.versions)
        }
    }

    private mutating func readVersions(_ reader: PropertyReader) throws(ConfigurationError) {
        let key = "ssl.enabled.protocols"
        guard let names = reader.list(key), !names.isEmpty else { return }
        var versions: [Version] = []
        for name in names {
            if let version = Version(rawValue: name) {
                versions.append(version)
            } else if !["TLSv1", "TLSv1.1", "SSLv3", "SSLv2Hello"].contains(name) {
                throw ConfigurationError(
                    key: key,
                    value: reader.string(key),
                    reason: "'\(name)' is not known; use TLSv1.2 and TLSv1.3"
                )
            }
        }
        // Older versions in the list are left out: they are broken, and a broker offers better ones.
        guard let lowest = versions.min(), let highest = versions.max() else {
            throw ConfigurationError(
                key: key,
                value: reader.string(key),
                reason: "it only allows versions that are no longer safe; use TLSv1.2 and TLSv1.3"
            )
        }
        self.versions = lowest...highest
    }

    private static func trustStore(_ reader: PropertyReader) throws(ConfigurationError) -> Store? {
        let location = reader.nonEmpty("ssl.truststore.location")
        let pem = reader.nonEmpty("ssl.truststore.certificates")
        let type = try storeType("ssl.truststore.type", reader, location: location, isInline: pem != nil)
        let password = reader.password("ssl.truststore.password")
        if pem != nil, location != nil {
            throw ConfigurationError(
                key: "ssl.truststore.certificates",
                value: nil,
                reason: "ssl.truststore.location is set too; keep one of the two"
            )
        }
        if pem == nil, location == nil {
            guard password == nil else {
                throw ConfigurationError(
                    key: "ssl.truststore.location",
                    value: nil,
                    reason: "it is missing but ssl.truststore.password is set"
                )
            }
            return nil
        }
        if type == .pem, password != nil {
            throw ConfigurationError(
                key: "ssl.truststore.password",
                value: password,
                reason: "a trust store of type PEM has no password; remove it"
            )
        }
        return Store(location: location, pem: pem, type: type, password: password)
    }

    private static func keyStore(_ reader: PropertyReader) throws(ConfigurationError) -> Store? {
        let location = reader.nonEmpty("ssl.keystore.location")
        let key = reader.nonEmpty("ssl.keystore.key")
        let chain = reader.nonEmpty("ssl.keystore.certificate.chain")
        let type = try storeType(
            "ssl.keystore.type",
            reader,
            location: location,
            isInline: key != nil || chain != nil
        )
        let password = reader.password("ssl.keystore.password")
        switch (key, chain) {
        case (nil, nil):
            guard let location else {
                guard password == nil else {
                    throw ConfigurationError(
                        key: "ssl.keystore.location",
                        value: nil,
                        reason: "it is missing but ssl.keystore.password is set"
                    )
                }
                return nil
            }
            if type == .pem, password != nil {
                throw ConfigurationError(
                    key: "ssl.keystore.password",
                    value: password,
                    reason: "a key store of type PEM has no password; "
                        + "the password of an encrypted key goes into ssl.key.password"
                )
            }
            if type != .pem, password == nil {
                throw ConfigurationError(
                    key: "ssl.keystore.password",
                    value: nil,
                    reason:
                        "it is missing; the key store \(location) of type \(type.rawValue) cannot be read without it"
                )
            }
            return Store(location: location, type: type, password: password)
        case (.some, nil):
            throw ConfigurationError(
                key: "ssl.keystore.certificate.chain",
                value: nil,
                reason: "it is missing but ssl.keystore.key is set"
            )
        case (nil, .some):
            throw ConfigurationError(
                key: "ssl.keystore.key",
                value: nil,
                reason: "it is missing but ssl.keystore.certificate.chain is set"
            )
        case (.some(let key), .some(let chain)):
            if location != nil {
                throw ConfigurationError(
                    key: "ssl.keystore.key",
                    value: key,
                    reason: "ssl.keystore.location is set too; keep one of the two"
                )
            }
            return Store(pem: chain, pemKey: key, type: type)
        }
    }

    private static func storeType(
        _ key: String,
        _ reader: PropertyReader,
        location: String?,
        isInline: Bool
    ) throws(ConfigurationError) -> StoreType {
        // Java's default is JKS, which its own reader takes as 'JKS or PKCS12, look at the file'.
        let name = reader.nonEmpty(key) ?? "JKS"
        guard let type = StoreType(rawValue: name.uppercased()) else {
            let file = location.map { " of \($0)" } ?? ""
            let source = location ?? "STORE"
            throw ConfigurationError(
                key: key,
                value: name,
                reason: "the store type \(name)\(file) cannot be read, only PEM, PKCS12 and JKS; convert it: keytool "
                    + "-importkeystore -srckeystore \(source) -srcstoretype \(name) -destkeystore store.p12 "
                    + "-deststoretype PKCS12"
            )
        }
        guard isInline, type != .pem else { return type }
        throw ConfigurationError(
            key: key,
            value: reader.nonEmpty(key),
            reason: "certificates or keys inside the properties need \(key) = PEM"
        )
    }
}
