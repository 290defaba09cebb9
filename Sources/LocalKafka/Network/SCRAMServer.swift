import Crypto
import Foundation

/// The server's side of one SCRAM exchange (RFC 5802, RFC 7677).
struct SCRAMServer {
    struct Failure: Error {
        let reason: String
    }

    private enum State {
        case start
        /// Waits for the client's proof.
        case challenged(
            user: String,
            secret: CredentialStore.Scram,
            header: String,
            nonce: String,
            firstMessages: String
        )
        case done
    }

    private let mechanism: LocalCluster.SASLMechanism
    private let nonce: String
    private var state = State.start
    /// librdkafka before 2.6.1 sends its own nonce twice, which brokers before 3.9 did not notice.
    private var clientNonce = ""
    /// The user, once the exchange has succeeded.
    private(set) var user: String?

    init(_ mechanism: LocalCluster.SASLMechanism, nonce: String) {
        self.mechanism = mechanism
        self.nonce = nonce
    }

    /// Takes a message of the client and gives the server's answer.
    mutating func receive(
        _ message: String,
        secret: (String) -> CredentialStore.Scram?
    ) throws(Failure) -> String {
        switch self.state {
        case .start: return try self.receiveFirst(message, secret: secret)
        case .challenged(let user, let secret, let header, let nonce, let firstMessages):
            self.state = .done
            let answer = try self.receiveFinal(
                message,
                secret: secret,
                header: header,
                nonce: nonce,
                firstMessages: firstMessages
            )
            self.user = user
            return answer
        case .done: throw Failure(reason: "The exchange is over")
        }
    }

    /// Reads `n,,n=user,r=nonce`.
    private mutating func receiveFirst(
        _ message: String,
        secret: (String) -> CredentialStore.Scram?
    ) throws(Failure) -> String {
        let parts = message.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0] == "n" || parts[0] == "y" else {
            throw Failure(reason: "Invalid SCRAM client first message")
        }
        guard parts[2].hasPrefix("n="), parts[3].hasPrefix("r=") else {
            throw Failure(reason: "Invalid SCRAM client first message")
        }
        let saslName = String(parts[2].dropFirst(2))
        let user = saslName.replacing("=2C", with: ",").replacing("=3D", with: "=")
        guard user.utf8.allSatisfy({ $0 < 0x80 }), let secret = secret(user) else {
            throw Failure(reason: "Authentication failed: Invalid user credentials")
        }
        self.clientNonce = String(parts[3].dropFirst(2))
        let nonce = self.clientNonce + self.nonce
        let salt = Data(secret.salt).base64EncodedString()
        let answer = "r=\(nonce),s=\(salt),i=\(secret.iterations)"
        let bare = parts[2...].joined(separator: ",")
        self.state = .challenged(
            user: user,
            secret: secret,
            header: "\(parts[0]),\(parts[1]),",
            nonce: nonce,
            firstMessages: "\(bare),\(answer)"
        )
        return answer
    }

    /// Reads `c=biws,r=nonce,p=proof`.
    private func receiveFinal(
        _ message: String,
        secret: CredentialStore.Scram,
        header: String,
        nonce: String,
        firstMessages: String
    ) throws(Failure) -> String {
        guard
            let proofStart = message.range(of: ",p=", options: .backwards),
            let proof = Data(base64Encoded: String(message[proofStart.upperBound...]))
        else { throw Failure(reason: "Invalid SCRAM client final message") }
        let withoutProof = String(message[..<proofStart.lowerBound])
        let fields = withoutProof.split(separator: ",")
        guard
            fields.count >= 2, fields[1] == "r=\(nonce)" || fields[1] == "r=\(self.clientNonce)\(nonce)",
            fields[0] == "c=\(Data(header.utf8).base64EncodedString())"
        else { throw Failure(reason: "Invalid SCRAM client final message: wrong nonce or channel binding") }
        let authMessage = Array("\(firstMessages),\(withoutProof)".utf8)
        let signature = self.mechanism.hmac(key: secret.storedKey, authMessage)
        guard proof.count == signature.count else { throw Failure(reason: "Invalid client proof") }
        let clientKey = zip(proof, signature).map { $0 ^ $1 }
        guard self.mechanism.digest(clientKey) == secret.storedKey else {
            throw Failure(reason: "Authentication failed: Invalid user credentials")
        }
        return "v=\(Data(self.mechanism.hmac(key: secret.serverKey, authMessage)).base64EncodedString())"
    }
}

extension LocalCluster.SASLMechanism {
    func hmac(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        let key = SymmetricKey(data: key)
        return self == .scramSHA512
            ? Array(HMAC<SHA512>.authenticationCode(for: bytes, using: key))
            : Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
    }

    func digest(_ bytes: [UInt8]) -> [UInt8] {
        self == .scramSHA512 ? Array(SHA512.hash(data: bytes)) : Array(SHA256.hash(data: bytes))
    }

    /// What a server stores for a password.
    package func scramSecret(password: String, salt: [UInt8], iterations: Int) -> CredentialStore.Scram {
        self.scramSecret(
            salted: self.saltedPassword(password, salt: salt, iterations: iterations),
            salt: salt,
            iterations: iterations
        )
    }

    /// What a server stores for a password that the client has salted already.
    package func scramSecret(salted: [UInt8], salt: [UInt8], iterations: Int) -> CredentialStore.Scram {
        CredentialStore.Scram(
            salt: salt,
            iterations: iterations,
            storedKey: self.digest(self.hmac(key: salted, Array("Client Key".utf8))),
            serverKey: self.hmac(key: salted, Array("Server Key".utf8))
        )
    }

    /// PBKDF2 with one block, as RFC 5802's Hi().
    private func saltedPassword(_ password: String, salt: [UInt8], iterations: Int) -> [UInt8] {
        let key = Array(password.utf8)
        var block = self.hmac(key: key, salt + [0, 0, 0, 1])
        var result = block
        for _ in 1..<max(1, iterations) {
            block = self.hmac(key: key, block)
            for index in result.indices { result[index] ^= block[index] }
        }
        return result
    }
}
