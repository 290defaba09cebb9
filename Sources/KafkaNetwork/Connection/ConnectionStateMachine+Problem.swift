import KafkaProtocol

extension ConnectionStateMachine {
    /// What can go wrong while a connection is set up, with the words for it.
    enum Problem {
        case refusedVersions(ErrorCode)
        case malformedVersions(String)
        case noSASL
        case refusedMechanism(SaslHandshakeResponse, SASLSettings?)
        case refusedCredentials(SaslAuthenticateResponse)
        case brokenExchange(SASLError)
        case closedEarly((any Error)?)
        case closedDuringNegotiation((any Error)?)
        case closedDuringAuthentication((any Error)?)
        case closedByPeer((any Error)?, hint: String?)

        func error(_ context: KafkaConnectionError.Context) -> KafkaConnectionError {
            switch self {
            case .refusedVersions(let code):
                KafkaConnectionError(
                    .unsupportedVersion,
                    "the broker refused version negotiation with \(code)",
                    nextStep: "brokers from Kafka 2.1 on are supported",
                    context: context
                )
            case .malformedVersions(let reason):
                KafkaConnectionError(
                    .protocolViolation,
                    "the peer answered something that is not Kafka: its version list cannot be read, \(reason)",
                    nextStep: "check host and port, and that security.protocol fits this listener",
                    context: context
                )
            case .noSASL:
                KafkaConnectionError(
                    .authenticationFailed,
                    "this listener of the broker has no SASL",
                    nextStep: "use a listener with SASL, or set security.protocol to PLAINTEXT or SSL",
                    context: context
                )
            case .refusedMechanism(let response, let sasl):
                Self.refusedMechanism(response, sasl, context)
            case .refusedCredentials(let response):
                Self.refusedCredentials(response, context)
            case .brokenExchange(let error):
                KafkaConnectionError(
                    .authenticationFailed,
                    "authentication failed: \(error.reason)",
                    nextStep: "check the user name and password in sasl.jaas.config and which broker this is",
                    context: context,
                    cause: error
                )
            case .closedEarly(let cause):
                KafkaConnectionError(
                    .closed,
                    "the connection was closed before it was set up\(Self.because(cause))",
                    nextStep: "check that security.protocol fits this listener",
                    context: context,
                    cause: cause
                )
            case .closedDuringNegotiation(let cause):
                KafkaConnectionError(
                    .closed,
                    "the broker closed the connection during version negotiation\(Self.because(cause))",
                    nextStep: "this happens when the listener wants another security.protocol (TLS or SASL), when the "
                        + "peer is no Kafka broker, or one older than 0.10",
                    context: context,
                    cause: cause
                )
            case .closedDuringAuthentication(let cause):
                // Brokers close without an answer when they cannot answer in the exchange's form.
                KafkaConnectionError(
                    .closed,
                    "the broker closed the connection during authentication\(Self.because(cause))",
                    nextStep: "check the credentials in sasl.jaas.config; the broker's log names the reason",
                    context: context,
                    cause: cause
                )
            case .closedByPeer(let cause, let hint):
                KafkaConnectionError(
                    .closed,
                    "the broker closed the connection\(Self.because(cause))",
                    nextStep: hint,
                    context: context,
                    cause: cause
                )
            }
        }

        private static func refusedMechanism(
            _ response: SaslHandshakeResponse,
            _ sasl: SASLSettings?,
            _ context: KafkaConnectionError.Context
        ) -> KafkaConnectionError {
            let wanted = sasl?.mechanism.rawValue ?? ""
            let offered = response.mechanisms.map(\.string).sorted().joined(separator: ", ")
            if response.errorCode == .unsupportedSaslMechanism {
                return KafkaConnectionError(
                    .authenticationFailed,
                    "the broker does not offer the mechanism \(wanted); it offers \(offered.isEmpty ? "none" : offered)",
                    nextStep: "set sasl.mechanism to one that both sides have",
                    context: context
                )
            }
            return KafkaConnectionError(
                .authenticationFailed,
                "the broker refused to authenticate with \(wanted): \(response.errorCode)",
                nextStep: response.errorCode == .illegalSaslState
                    ? "this listener has no SASL: set security.protocol to PLAINTEXT or SSL, or use another port" : nil,
                context: context
            )
        }

        private static func refusedCredentials(
            _ response: SaslAuthenticateResponse,
            _ context: KafkaConnectionError.Context
        ) -> KafkaConnectionError {
            let said = response.errorMessage.map(\.string) ?? ""
            let prefix = "Authentication failed: "
            let reason = said.hasPrefix(prefix) ? String(said.dropFirst(prefix.count)) : said
            return KafkaConnectionError(
                .authenticationFailed,
                "authentication failed: \(reason.isEmpty ? "\(response.errorCode)" : reason)",
                nextStep: "check the user name and password in sasl.jaas.config",
                context: context
            )
        }

        private static func because(_ cause: (any Error)?) -> String {
            cause.map { ": \(KafkaConnection.words(for: $0))" } ?? ""
        }
    }
}
