import Foundation
import LocalKafka
import Synchronization
import TestSupport

/// An authority, a broker's and a client's certificate as PEM, PKCS#12 and JKS, made by openssl and keytool.
struct Certificates: Sendable {
    private let folder: TemporaryFolder

    /// Made once for the whole run.
    static let shared = Task { try await Certificates() }

    private static let script = #"""
        export LC_ALL=C.UTF-8
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj "/O=Test/CN=Root" \
            -addext basicConstraints=critical,CA:TRUE
        leaf() {
            openssl req -newkey rsa:2048 -nodes -keyout $1.key -out $1.csr -subj "/O=Test/CN=$2"
            printf 'subjectAltName=%s\n' "$3" > $1.ext
            openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $1.crt -days $4 -extfile $1.ext
            cat $1.key $1.crt ca.pem > $1.pem
        }
        leaf server broker 'DNS:localhost,IP:127.0.0.1' 20
        leaf client mirror 'DNS:client' 20
        leaf elsewhere elsewhere 'DNS:elsewhere.example' 20
        leaf expired broker 'DNS:localhost,IP:127.0.0.1' -1
        openssl req -x509 -newkey rsa:2048 -nodes -keyout stranger.key -out stranger.pem -days 30 -subj "/CN=Stranger" \
            -addext basicConstraints=critical,CA:TRUE
        openssl pkcs12 -export -inkey client.key -in client.crt -certfile ca.pem -name me -passout pass:secret \
            -out client.p12
        k() { keytool -J-XX:TieredStopAtLevel=1 -J-Xshare:auto "$@"; }
        k -importcert -noprompt -alias ca -file ca.pem -keystore trust.p12 -storetype PKCS12 -storepass secret &
        k -importcert -noprompt -alias ca -file ca.pem -keystore trust.jks -storetype JKS -storepass secret &
        k -importkeystore -noprompt -srckeystore client.p12 -srcstoretype PKCS12 -srcstorepass secret -srcalias me \
            -destkeystore client.jks -deststoretype JKS -deststorepass secret -destkeypass secret &
        wait
        ls trust.p12 trust.jks client.jks
        """#

    private static let leftover = Mutex<URL?>(nil)

    private init() async throws {
        self.folder = try TemporaryFolder()
        let url = self.folder.url
        Self.leftover.withLock { $0 = url }
        // Shared by all suites, so only the end of the process knows that nobody needs it any more.
        atexit {
            guard let url = Certificates.leftover.withLock({ $0 }) else { return }
            try? FileManager.default.removeItem(at: url)
        }
        let script = "cd '\(self.folder.url.path)' || exit 1\n" + Self.script
        try await PeerProcess(URL(filePath: "/bin/bash"), ["-eu", "-c", script]).success(within: .seconds(60))
    }

    /// A server's certificate by the name it was made under.
    func server(_ name: String) throws -> LocalCluster.ServerTLS {
        LocalCluster.ServerTLS(certificateChain: try self.text("\(name).crt"), privateKey: try self.text("\(name).key"))
    }

    func path(_ name: String) -> String { self.folder.path(name) }
    func text(_ name: String) throws -> String { try String(contentsOfFile: self.path(name), encoding: .utf8) }

    /// Client properties for a trust store of the given type.
    func trust(_ type: String) -> [String: String] {
        switch type {
        case "PEM": ["ssl.truststore.type": "PEM", "ssl.truststore.location": self.path("ca.pem")]
        default:
            [
                "ssl.truststore.type": type, "ssl.truststore.password": "secret",
                "ssl.truststore.location": self.path(type == "JKS" ? "trust.jks" : "trust.p12"),
            ]
        }
    }

    /// Client properties for a key store of the given type.
    func key(_ type: String) -> [String: String] {
        switch type {
        case "PEM": ["ssl.keystore.type": "PEM", "ssl.keystore.location": self.path("client.pem")]
        default:
            [
                "ssl.keystore.type": type, "ssl.keystore.password": "secret", "ssl.key.password": "secret",
                "ssl.keystore.location": self.path(type == "JKS" ? "client.jks" : "client.p12"),
            ]
        }
    }
}
