/// What a key store or trust store holds, as DER.
struct StoreContents: Hashable {
    struct KeyEntry: Hashable {
        var alias: String
        /// The private key in PKCS#8 form.
        var key: [UInt8]
        /// Our certificate first, then its issuers.
        var chain: [[UInt8]]
    }

    /// Certificates of issuers.
    var certificates: [[UInt8]] = []
    var keys: [KeyEntry] = []

    /// Every certificate, also those that belong to keys: whoever names the file as trust store trusts what is in it.
    var trustAnchors: [[UInt8]] { self.certificates + self.keys.flatMap(\.chain) }
}

/// Why a store cannot be read; the caller adds property and file.
struct StoreError: Error, Hashable {
    enum Kind: Hashable {
        /// The password does not open it.
        case wrongPassword
        /// It is encrypted and there is no password.
        case passwordMissing
        /// It is not what its type says.
        case malformed
        /// A form that we cannot read.
        case unsupported
    }

    let kind: Kind
    let reason: String

    init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }
}
