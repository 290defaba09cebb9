/// Cipher suite names: Java and IANA on one side, OpenSSL on the other.
enum CipherSuites {
    /// TLS 1.3 suites: always on in our TLS library, with a fixed order.
    private static let tls13: Set<String> = [
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    ]

    private static let tls12: [String: String] = [
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
        "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
        "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
        "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
        "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    ]

    private static let openSSL = Set(tls12.values)

    /// The TLS 1.2 suites among `names` for the TLS library, in the given order; nil when only 1.3 suites are named.
    ///
    /// A name that the library lacks is skipped as long as one remains: such lists are often written for many clients.
    static func openSSLNames(
        _ names: [String],
        versions: ClosedRange<TLSSettings.Version>
    ) throws(ConfigurationError) -> [String]? {
        let key = "ssl.cipher.suites"
        var result: [String] = []
        var has13 = false
        var unknown: [String] = []
        for name in names {
            // Java still calls some suites SSL_..., the older prefix.
            let iana = name.hasPrefix("SSL_") ? "TLS_" + name.dropFirst(4) : name
            if tls13.contains(iana) {
                has13 = true
            } else if let translated = tls12[iana] {
                result.append(translated)
            } else if openSSL.contains(name) {
                result.append(name)
            } else {
                unknown.append(name)
            }
        }
        let usable = (has13 && versions.upperBound == .tls13) || (!result.isEmpty && versions.lowerBound == .tls12)
        guard usable else {
            let value = names.joined(separator: ",")
            if unknown.isEmpty {
                throw ConfigurationError(
                    key: key,
                    value: value,
                    reason: "none of these belongs to a TLS version in ssl.enabled.protocols"
                )
            }
            throw ConfigurationError(
                key: key,
                value: value,
                reason: "\(unknown.joined(separator: ", ")) cannot be used; usable are "
                    + (tls12.keys.sorted() + tls13.sorted()).joined(separator: ", ")
            )
        }
        return result.isEmpty ? nil : result
    }
}
