import KafkaProtocol
import NIOConcurrencyHelpers
import NIOCore

@testable import KafkaNetwork

/// The broker's side of SASL for tests: PLAIN and SCRAM with one user, session life time, ordered answers.
///
/// Requests are answered strictly in order; a heartbeat with the group `hold` holds up everything behind it until
/// `release()`.
final class SASLServer: Sendable {
    private struct Session {
        var mechanism: SASLMechanism?
        var scram: (bare: String, serverFirst: String, nonce: String)?
        var isAuthenticated = false
        var authentications = 0
        var queue: [RawServer.Request] = []
        var isHeld = false
    }

    let username = "alice"
    let password = "se,cr=et"
    private let lifetime: NIOLockedValueBox<Int64>
    private let session = NIOLockedValueBox(Session())

    init(lifetimeMs: Int64 = 0) { self.lifetime = NIOLockedValueBox(lifetimeMs) }

    /// How long sessions last from the next authentication on.
    var lifetimeMs: Int64 {
        get { self.lifetime.withLockedValue { $0 } }
        set { self.lifetime.withLockedValue { $0 = newValue } }
    }

    var authentications: Int { self.session.withLockedValue { $0.authentications } }
    var waitingRequests: Int { self.session.withLockedValue { $0.queue.count } }

    func release(_ peer: RawServer.Peer) {
        peer.channel.eventLoop.execute {
            self.session.withLockedValue { $0.isHeld = false }
            self.drain(peer, isRelease: true)
        }
    }

    func handle(_ peer: RawServer.Peer, _ request: RawServer.Request) {
        self.session.withLockedValue { $0.queue.append(request) }
        drain(peer)
    }

    private func drain(_ peer: RawServer.Peer, isRelease: Bool = false) {
        var isRelease = isRelease
        while let request = self.session.withLockedValue({ $0.isHeld ? nil : $0.queue.first }) {
            if request.apiKey == .heartbeat, !isRelease, group(of: request) == "hold" {
                return self.session.withLockedValue { $0.isHeld = true }
            }
            isRelease = false
            self.session.withLockedValue { _ = $0.queue.removeFirst() }
            do {
                try answer(peer, request)
            } catch {
                peer.close()
            }
        }
    }

    private func group(of request: RawServer.Request) -> String? {
        (try? RawServer.decode(HeartbeatRequest.self, request))?.1.groupID.string
    }

    private func answer(_ peer: RawServer.Peer, _ request: RawServer.Request) throws {
        if peer.answerVersions(request) { return }
        switch request.apiKey {
        case .saslHandshake:
            let (_, body) = try RawServer.decode(SaslHandshakeRequest.self, request)
            var response = SaslHandshakeResponse()
            response.mechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
            let mechanism = SASLMechanism(rawValue: body.mechanism.string)
            if mechanism == nil { response.errorCode = .unsupportedSaslMechanism }
            self.session.withLockedValue {
                $0.mechanism = mechanism
                $0.scram = nil
                $0.isAuthenticated = false
            }
            try peer.answer(request, SaslHandshakeRequest.self, response)
        case .saslAuthenticate:
            let (_, body) = try RawServer.decode(SaslAuthenticateRequest.self, request)
            try peer.answer(
                request,
                SaslAuthenticateRequest.self,
                try exchange(Array(body.authBytes.readableBytesView))
            )
        default:
            // As a real broker: anything else before or between the messages ends the connection.
            guard self.session.withLockedValue({ $0.isAuthenticated }) else { return peer.close() }
            try peer.answer(request, HeartbeatRequest.self, HeartbeatResponse())
        }
    }

    private func exchange(_ bytes: [UInt8]) throws -> SaslAuthenticateResponse {
        var response = SaslAuthenticateResponse()
        func finish(_ isRight: Bool) {
            if isRight {
                response.sessionLifetimeMs = self.lifetimeMs
                self.session.withLockedValue {
                    $0.isAuthenticated = true
                    $0.authentications += 1
                }
            } else {
                response.errorCode = .saslAuthenticationFailed
                response.errorMessage = "Authentication failed: Invalid username or password"
            }
        }
        guard let mechanism = self.session.withLockedValue({ $0.mechanism }) else { throw Refused() }
        guard mechanism != .plain else {
            finish(bytes == PlainExchange(username: self.username, password: self.password).initialResponse)
            return response
        }
        let hash: ScramHash = mechanism == .scramSHA256 ? .sha256 : .sha512
        let message = String(decoding: bytes, as: UTF8.self)
        guard let started = self.session.withLockedValue({ $0.scram }) else {
            let bare = String(message.dropFirst(3))
            guard message.hasPrefix("n,,n=alice,r=") else {
                finish(false)
                return response
            }
            let nonce = bare.dropFirst("n=alice,r=".count) + "server"
            let first = "r=\(nonce),s=QUJDREVG,i=4096"
            self.session.withLockedValue { $0.scram = (bare, first, String(nonce)) }
            response.authBytes = ByteBuffer(string: first)
            return response
        }
        let salted = try hash.saltedPassword(Array(self.password.utf8), salt: Array("ABCDEF".utf8), iterations: 4_096)
        let withoutProof = "c=biws,r=\(started.nonce)"
        let authMessage = Array("\(started.bare),\(started.serverFirst),\(withoutProof)".utf8)
        let clientKey = hash.hmac(key: salted, Array("Client Key".utf8))
        let signature = hash.hmac(key: hash.hash(clientKey), authMessage)
        let proof = String(decoding: Base64.encode(zip(clientKey, signature).map { $0 ^ $1 }), as: UTF8.self)
        finish(message == "\(withoutProof),p=\(proof)")
        if response.errorCode == .none {
            let serverKey = hash.hmac(key: salted, Array("Server Key".utf8))
            let verifier = String(decoding: Base64.encode(hash.hmac(key: serverKey, authMessage)), as: UTF8.self)
            response.authBytes = ByteBuffer(string: "v=\(verifier)")
        }
        return response
    }

    private struct Refused: Error {}
}
