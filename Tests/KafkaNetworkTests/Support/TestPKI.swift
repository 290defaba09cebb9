import Foundation
import KafkaNetwork
import NIOConcurrencyHelpers
import NIOSSL
import TestSupport

/// Certificates, keys and stores of every kind, made with `openssl` and `keytool` in a temporary folder.
///
/// Both tools have to be there: the point is to read what they write.
struct TestPKI: Sendable {
    let folder: String

    /// Made once for the whole test run.
    static let shared = Task { try await TestPKI() }

    private static let leftover = NIOLockedValueBox<URL?>(nil)

    static let script = #"""
        ca() { openssl req -x509 -newkey rsa:2048 -nodes -keyout $1.key -out $1.pem -days 30 -subj "/O=Test/CN=$2" \
            -addext basicConstraints=critical,CA:TRUE; }
        # name, issuer, common name, alternative names, days
        leaf() {
            openssl req -newkey rsa:2048 -nodes -keyout $1.key -out $1.csr -subj "/O=Test/CN=$3"
            printf 'subjectAltName=%s\n' "$4" > $1.ext
            openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -out $1.pem -days $5 -extfile $1.ext
        }
        ca ca 'Root of the tests' & ca stranger 'Somebody else' & wait
        leaf server ca broker 'DNS:localhost,IP:127.0.0.1' 20
        leaf elsewhere ca elsewhere 'DNS:elsewhere.example,DNS:other.example' 20
        leaf expired ca broker 'DNS:localhost,IP:127.0.0.1' -1
        openssl req -newkey rsa:2048 -nodes -keyout middle.key -out middle.csr -subj "/O=Test/CN=Middle"
        printf 'basicConstraints=critical,CA:TRUE\n' > middle.ext
        openssl x509 -req -in middle.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out middle.pem -days 20 \
            -extfile middle.ext
        leaf below middle broker 'DNS:localhost,IP:127.0.0.1' 20
        cat ca.pem middle.pem > both.pem
        leaf client ca mirror 'DNS:client' 20
        leaf intruder stranger intruder 'DNS:client' 20
        cat client.key client.pem ca.pem > client-all.pem
        openssl pkcs8 -topk8 -in client.key -v2 aes-256-cbc -passout pass:key-secret -out client-encrypted.key
        cat client-encrypted.key client.pem > client-encrypted.pem
        openssl rsa -in client.key -aes128 -traditional -passout pass:key-secret -out client-traditional.key
        cat client-traditional.key client.pem > client-traditional.pem
        openssl pkcs12 -export -inkey client.key -in client.pem -certfile ca.pem -name me -passout pass:secret -out modern.p12
        openssl pkcs12 -export -legacy -inkey client.key -in client.pem -certfile ca.pem -name me -passout pass:secret \
            -out legacy.p12
        openssl pkcs12 -export -inkey client.key -in client.pem -name me -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES \
            -macalg sha1 -passout pass:secret -out des.p12
        openssl pkcs12 -export -nokeys -in ca.pem -passout pass:secret -out openssl-trust.p12
        openssl pkcs12 -export -inkey client.key -in client.pem -name me -passout pass:pässwörd -out unicode.p12
        # A JVM takes a second to start, so they start together.
        k() { keytool -J-XX:TieredStopAtLevel=1 -J-Xshare:auto "$@"; }
        k -importcert -noprompt -alias ca -file ca.pem -keystore trust.p12 -storetype PKCS12 -storepass secret &
        k -importcert -noprompt -alias ca -file ca.pem -keystore trust.jks -storetype JKS -storepass secret &
        k -J-Dkeystore.pkcs12.legacy -importcert -noprompt -alias ca -file ca.pem -keystore trust-legacy.p12 \
            -storetype PKCS12 -storepass secret &
        k -importkeystore -noprompt -srckeystore modern.p12 -srcstoretype PKCS12 -srcstorepass secret \
            -destkeystore key.p12 -deststoretype PKCS12 -deststorepass secret &
        k -importkeystore -noprompt -srckeystore modern.p12 -srcstoretype PKCS12 -srcstorepass secret -srcalias me \
            -destkeystore key.jks -deststoretype JKS -deststorepass secret -destkeypass key-secret &
        k -importcert -noprompt -alias ca -file ca.pem -keystore trust.jceks -storetype JCEKS -storepass secret &
        wait
        ls trust.p12 trust.jks trust-legacy.p12 key.p12 key.jks trust.jceks
        """#

    private init() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "network-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        Self.leftover.withLockedValue { $0 = folder }
        // Shared by all suites, so only the end of the process knows that nobody needs it any more.
        atexit {
            guard let folder = TestPKI.leftover.withLockedValue({ $0 }) else { return }
            try? FileManager.default.removeItem(at: folder)
        }
        let script = "cd '\(folder.path())' || exit 1; export LC_ALL=C.UTF-8\n" + Self.script
        try await PeerProcess(URL(filePath: "/bin/bash"), ["-eu", "-c", script]).success(within: .seconds(50))
        self.folder = folder.path()
    }

    func path(_ name: String) -> String { self.folder + "/" + name }
    func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }
    func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path(name)))) }

    /// A server's TLS context.
    func server(
        _ name: String = "server",
        asksForCertificate: Bool = false,
        maximum: TLSVersion? = nil
    ) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(path("\(name).pem")).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: path("\(name).key"), format: .pem))
        )
        configuration.maximumTLSVersion = maximum
        if asksForCertificate {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .file(path("ca.pem"))
        }
        return try NIOSSLContext(configuration: configuration)
    }

    /// A client's configuration from properties, over those for a PEM trust store.
    func client(_ properties: [String: String] = [:], trusts: String? = "ca.pem") throws -> ClientConfiguration {
        var all = ["security.protocol": "SSL", "request.timeout.ms": "10000"]
        if let trusts {
            all["ssl.truststore.type"] = "PEM"
            all["ssl.truststore.location"] = path(trusts)
        }
        all.merge(properties) { $1 }
        return try ClientConfiguration(properties: all, clusterName: "A", requiresBootstrap: false)
    }
}
