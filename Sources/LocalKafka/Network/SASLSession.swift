import KafkaProtocol

/// How far the client of a connection has proven who it is.
struct SASLSession {
    private enum State {
        /// Waits for SaslHandshake.
        case unauthenticated
        /// Waits for SaslAuthenticate with a password.
        case plain
        /// Waits for SaslAuthenticate with the next SCRAM message.
        case scram(LocalCluster.SASLMechanism, SCRAMServer)
        case authenticated
    }

    struct Failure: Error {
        let reason: String
    }

    private let isRequired: Bool
    private var state = State.unauthenticated
    private(set) var user: String?
    /// The messages of the exchange come without request headers.
    private var isRaw = false
    /// When the client must have authenticated again; 0 = never.
    private var expiresAt: Int64 = 0

    init(required: Bool) {
        self.isRequired = required
    }

    /// Whether a request may be served; if not, the connection is to be closed.
    func mayServe(_ api: ApiKey, now: Int64) -> Bool {
        guard self.isRequired else { return true }
        if api == .apiVersions || api == .saslHandshake || api == .saslAuthenticate { return true }
        guard self.user != nil else { return false }
        return self.expiresAt == 0 || now < self.expiresAt
    }

    /// Begins an exchange, the first one or a later one on the same connection (KIP-368).
    mutating func begin(_ mechanism: LocalCluster.SASLMechanism, nonce: String, isRaw: Bool = false) {
        self.isRaw = isRaw
        switch mechanism {
        case .plain: self.state = .plain
        case .scramSHA256, .scramSHA512: self.state = .scram(mechanism, SCRAMServer(mechanism, nonce: nonce))
        }
    }

    /// The next frame is a message of the exchange and nothing else.
    var expectsRawMessage: Bool { self.isRaw && self.isExchanging }

    var isExchanging: Bool {
        switch self.state {
        case .unauthenticated, .authenticated: false
        case .plain, .scram: true
        }
    }

    /// Takes one message of the exchange.
    ///
    /// - Returns: the bytes to answer, and whether the client is now known.
    mutating func receive(
        _ bytes: [UInt8],
        credentials: CredentialStore
    ) throws(Failure) -> (answer: [UInt8], isDone: Bool) {
        switch self.state {
        case .plain:
            try self.succeed(Self.plainUser(bytes, passwords: credentials.plain))
            return ([], true)
        case .scram(let mechanism, var server):
            let answer: String
            do throws(SCRAMServer.Failure) {
                answer = try server.receive(String(decoding: bytes, as: UTF8.self)) {
                    credentials.scram[mechanism]?[$0]
                }
                self.state = .scram(mechanism, server)
            } catch {
                throw Failure(reason: error.reason)
            }
            if let user = server.user { try self.succeed(user) }
            return (Array(answer.utf8), server.user != nil)
        case .unauthenticated, .authenticated:
            throw Failure(reason: "SaslAuthenticate without SaslHandshake")
        }
    }

    mutating func setLifetime(_ milliseconds: Int64, now: Int64) {
        self.expiresAt = milliseconds > 0 ? now + milliseconds : 0
    }

    private mutating func succeed(_ user: String) throws(Failure) {
        if let before = self.user, before != user {
            throw Failure(reason: "Cannot change principals during re-authentication from User:\(before): User:\(user)")
        }
        self.user = user
        self.state = .authenticated
    }

    /// Reads `authzid NUL user NUL password`.
    private static func plainUser(_ bytes: [UInt8], passwords: [String: String]) throws(Failure) -> String {
        let parts = bytes.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3 else {
            throw Failure(reason: "Invalid SASL/PLAIN response: expected 3 tokens, got \(parts.count)")
        }
        let authorizationID = String(decoding: parts[0], as: UTF8.self)
        let user = String(decoding: parts[1], as: UTF8.self)
        guard
            !user.isEmpty, authorizationID.isEmpty || authorizationID == user,
            let password = passwords[user], Array(password.utf8) == Array(parts[2])
        else { throw Failure(reason: "Authentication failed: Invalid username or password") }
        return user
    }
}
