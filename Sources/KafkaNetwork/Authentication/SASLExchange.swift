/// What went wrong inside a SASL exchange; text without secrets.
struct SASLError: Error, Hashable {
    let reason: String
}

/// One run of a SASL mechanism as a value: challenges in, responses out.
enum SASLExchange {
    case plain(PlainExchange)
    case scram(ScramExchange)

    /// - Parameter nonce: random printable text; taken by SCRAM only.
    init(settings: SASLSettings, nonce: String) {
        switch settings.mechanism {
        case .plain:
            self = .plain(PlainExchange(username: settings.username, password: settings.password))
        case .scramSHA256, .scramSHA512:
            let hash: ScramHash = settings.mechanism == .scramSHA256 ? .sha256 : .sha512
            let extensions = settings.usesDelegationToken ? [("tokenauth", "true")] : []
            self = .scram(
                ScramExchange(
                    hash: hash,
                    username: settings.username,
                    password: settings.password,
                    nonce: nonce,
                    extensions: extensions
                )
            )
        }
    }

    /// The first message, which needs no challenge.
    mutating func start() -> [UInt8] {
        switch self {
        case .plain(let exchange): return exchange.initialResponse
        case .scram(var exchange):
            defer { self = .scram(exchange) }
            return exchange.clientFirst()
        }
    }

    /// Takes the broker's answer to the last message; nil means that the exchange is complete.
    mutating func respond(to challenge: [UInt8]) throws(SASLError) -> [UInt8]? {
        switch self {
        case .plain: return nil
        case .scram(var exchange):
            defer { self = .scram(exchange) }
            return try exchange.respond(to: challenge)
        }
    }
}

/// SASL/PLAIN (RFC 4616): one message with the name and the password, and an empty answer.
struct PlainExchange {
    var authorizationID = ""
    let username: String
    let password: String

    var initialResponse: [UInt8] {
        Array(self.authorizationID.utf8) + [0] + Array(self.username.utf8) + [0] + Array(self.password.utf8)
    }
}
