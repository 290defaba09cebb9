import Foundation
import TestSupport
import Testing

@testable import KafkaNetwork

@Suite("Key and trust stores written by keytool and openssl", .timeLimit(.minutes(2)))
struct StoreTests {
    private func der(_ pem: String, _ pki: TestPKI) throws -> [UInt8] {
        try #require(try PEMBlock.parse(try pki.text(pem)).first { $0.isCertificate }).der
    }

    /// The private key as PKCS#8, as openssl writes it.
    private func key(_ pki: TestPKI) throws -> [UInt8] {
        try #require(try PEMBlock.parse(try pki.text("client.key")).first { $0.isPrivateKey }).der
    }

    @Test(
        "Trust stores with certificates only",
        arguments: ["trust.p12", "trust-legacy.p12", "openssl-trust.p12", "trust.jks"]
    )
    func trustStores(_ name: String) async throws {
        let pki = try await TestPKI.shared.value
        let bytes = try pki.bytes(name)
        let contents =
            name.hasSuffix("jks")
            ? try JavaKeyStore.read(bytes, password: "secret", keyPassword: nil)
            : try PKCS12Store.read(bytes, password: "secret", keyPassword: nil)
        #expect(contents.certificates == [try der("ca.pem", pki)])
        #expect(contents.keys.isEmpty)
        for type in ["JKS", "PKCS12"] {
            let configuration = try pki.client(
                [
                    "ssl.truststore.location": pki.path(name), "ssl.truststore.type": type,
                    "ssl.truststore.password": "secret",
                ]
            )
            try configuration.checkTLS()
        }
    }

    @Test(
        "Key stores: key, chain, both passwords",
        arguments: ["modern.p12", "legacy.p12", "des.p12", "key.p12", "unicode.p12", "key.jks"]
    )
    func keyStores(_ name: String) async throws {
        let pki = try await TestPKI.shared.value
        let bytes = try pki.bytes(name)
        let password = name == "unicode.p12" ? "pässwörd" : "secret"
        let contents =
            name.hasSuffix("jks")
            ? try JavaKeyStore.read(bytes, password: password, keyPassword: "key-secret")
            : try PKCS12Store.read(bytes, password: password, keyPassword: nil)
        let entry = try #require(contents.keys.first)
        #expect(contents.keys.count == 1)
        #expect(entry.alias == "me")
        #expect(entry.key == (try key(pki)))
        var chain = [try der("client.pem", pki)]
        if !["des.p12", "unicode.p12"].contains(name) { chain.append(try der("ca.pem", pki)) }
        #expect(entry.chain == chain)
        #expect(contents.certificates.isEmpty)
        var properties = [
            "ssl.keystore.location": pki.path(name), "ssl.keystore.password": password, "ssl.keystore.type": "PKCS12",
        ]
        if name.hasSuffix("jks") { properties["ssl.key.password"] = "key-secret" }
        try pki.client(properties).checkTLS()
    }

    @Test("A wrong password is told apart from a damaged file", arguments: ["trust.p12", "legacy.p12", "key.jks"])
    func wrongPassword(_ name: String) async throws {
        let pki = try await TestPKI.shared.value
        let error = #expect(throws: ConfigurationError.self) {
            try pki.client(
                [
                    "ssl.truststore.location": pki.path(name), "ssl.truststore.type": "PKCS12",
                    "ssl.truststore.password": "guess-me",
                ]
            ).checkTLS()
        }
        let text = try #require(error).description
        #expect(try #require(error).key == "ssl.truststore.password")
        #expect(text.contains("password is wrong") && text.contains(pki.path(name)) && !text.contains("guess-me"))
    }

    @Test("Every truncation and every flipped byte ends in an error or a result, never in a trap")
    func hostile() async throws {
        let pki = try await TestPKI.shared.value
        for name in ["openssl-trust.p12", "key.jks"] {
            let bytes = try pki.bytes(name)
            func read(_ bytes: [UInt8]) -> StoreContents? {
                // Without a password the integrity check does not hide the parser.
                name.hasSuffix("jks")
                    ? try? JavaKeyStore.read(bytes, password: nil, keyPassword: nil)
                    : try? PKCS12Store.read(bytes, password: nil, keyPassword: nil)
            }
            for length in stride(from: 0, to: bytes.count, by: 7) {
                #expect(read(Array(bytes.prefix(length))) == nil)
            }
            for index in stride(from: 0, to: bytes.count, by: 11) {
                var changed = bytes
                changed[index] ^= 0x5a
                _ = read(changed)
            }
        }
    }

    @Test(
        "Changed bytes behind the right password: in keys, ciphers, rounds and padding",
        arguments: ["modern.p12", "legacy.p12", "des.p12", "key.jks", "client-encrypted.pem"]
    )
    func hostileContents(_ name: String) async throws {
        let pki = try await TestPKI.shared.value
        let bytes = try pki.bytes(name)
        var generator = SeededGenerator(seed: 5)
        var refused = 0
        for _ in 0..<60 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...2, using: &generator) {
                let index = Int.random(in: changed.indices, using: &generator)
                // In text only letters, or the Base64 would hide what is inside.
                changed[index] =
                    name.hasSuffix("pem")
                    ? UInt8.random(in: 0x41...0x5a, using: &generator) : UInt8.random(in: 0...255, using: &generator)
            }
            do throws(StoreError) {
                if name.hasSuffix("jks") {
                    _ = try JavaKeyStore.read(changed, password: nil, keyPassword: "key-secret")
                } else if name.hasSuffix("pem") {
                    for block in try PEMBlock.parse(String(decoding: changed, as: UTF8.self)) {
                        guard let data = EncryptedData(info: block.der) else { continue }
                        _ = try PasswordBasedEncryption.decrypt(data, password: "key-secret")
                    }
                } else {
                    _ = try PKCS12Store.read(changed, password: "secret", keyPassword: nil)
                }
            } catch {
                refused += 1
            }
        }
        // In the PEM file most of the bytes are certificates, which are not looked into here.
        #expect(refused > 3)
    }

    @Test("Stores that cannot be read say which property, which file and what to do")
    func unreadable() async throws {
        let pki = try await TestPKI.shared.value
        func reason(_ properties: [String: String]) -> String {
            do throws(ConfigurationError) {
                let configuration = try ClientConfiguration(
                    properties: properties.merging(["security.protocol": "SSL"]) { $1 },
                    requiresBootstrap: false
                )
                try configuration.checkTLS()
                return ""
            } catch {
                return "\(error)"
            }
        }
        let trust = ["ssl.truststore.location": pki.path("trust.jceks"), "ssl.truststore.password": "secret"]
        #expect(reason(trust).contains("keytool -importkeystore"))
        let unknown = reason(trust.merging(["ssl.truststore.type": "BCFKS"]) { $1 })
        #expect(unknown.contains("ssl.truststore.type") && unknown.contains("keytool -importkeystore"))
        let missing = reason(["ssl.truststore.location": "/nowhere/trust.p12", "ssl.truststore.password": "x"])
        #expect(missing.contains("ssl.truststore.location = /nowhere/trust.p12") && missing.contains("does not exist"))
        #expect(reason(["ssl.truststore.location": pki.path("ca.pem")]).contains("ssl.truststore.type = PEM"))
        let binary = reason(["ssl.truststore.location": pki.path("trust.p12"), "ssl.truststore.type": "PEM"])
        #expect(binary.contains("ssl.truststore.type = PKCS12"))
        #expect(reason(["ssl.truststore.location": pki.path("trust.p12")]).contains("no password is set"))
        #expect(reason(["ssl.keystore.location": pki.path("key.p12")]).contains("ssl.keystore.password: it is missing"))
        #expect(
            reason(["ssl.keystore.location": pki.path("trust.p12"), "ssl.keystore.password": "secret"])
                .contains("holds no private key")
        )
        let encrypted = ["ssl.keystore.location": pki.path("client-encrypted.pem"), "ssl.keystore.type": "PEM"]
        #expect(reason(encrypted).contains("ssl.key.password: it is missing"))
        #expect(reason(encrypted.merging(["ssl.key.password": "no"]) { $1 }).contains("does not open the private key"))
        #expect(reason(encrypted.merging(["ssl.key.password": "key-secret"]) { $1 }).isEmpty)
        let jksKey = ["ssl.keystore.location": pki.path("key.jks"), "ssl.keystore.password": "secret"]
        #expect(reason(jksKey).contains("does not open the key 'me'"))
    }

    @Test("A JKS trust store needs no password, as in Java")
    func withoutPassword() async throws {
        let pki = try await TestPKI.shared.value
        let contents = try JavaKeyStore.read(try pki.bytes("trust.jks"), password: nil, keyPassword: nil)
        #expect(contents.certificates.count == 1)
    }

    @Test("PEM keys: plain, encrypted, traditional, and in the properties on one line")
    func pem() async throws {
        let pki = try await TestPKI.shared.value
        for name in ["client-all.pem", "client-encrypted.pem", "client-traditional.pem"] {
            var properties = ["ssl.keystore.location": pki.path(name), "ssl.keystore.type": "PEM"]
            if name != "client-all.pem" { properties["ssl.key.password"] = "key-secret" }
            try pki.client(properties).checkTLS()
        }
        let oneLine = { (name: String) in try pki.text(name).replacing("\n", with: " ") }
        let properties = [
            "ssl.keystore.type": "PEM", "ssl.keystore.key": try oneLine("client-encrypted.key"),
            "ssl.keystore.certificate.chain": try oneLine("client.pem"), "ssl.key.password": "key-secret",
            "ssl.truststore.type": "PEM", "ssl.truststore.certificates": try oneLine("ca.pem"),
        ]
        try pki.client(properties, trusts: nil).checkTLS()
        let mismatch = properties.merging(["ssl.keystore.certificate.chain": try oneLine("server.pem")]) { $1 }
        let error = #expect(throws: ConfigurationError.self) { try pki.client(mismatch, trusts: nil).checkTLS() }
        #expect(try #require(error).reason.contains("does not belong"), "\(String(describing: error))")
    }
}
