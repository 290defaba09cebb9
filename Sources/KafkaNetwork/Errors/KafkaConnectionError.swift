/// What went wrong on one connection, in words that an operator can act on.
///
/// `description` names the cluster, the address and the principal, says what happened and, where there is one, the next
/// step. It never holds a secret.
public struct KafkaConnectionError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure; open, so that cases can be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// No TCP connection: refused, no route, or no answer within the set-up time.
        public static let unreachable = Code(description: "unreachable")
        /// The host name has no address.
        public static let unknownHost = Code(description: "unknownHost")
        /// The TLS handshake failed, or a certificate was not accepted by one side.
        public static let tlsFailed = Code(description: "tlsFailed")
        /// The broker refused the credentials, or we refused the broker's proof.
        public static let authenticationFailed = Code(description: "authenticationFailed")
        /// No answer within the request's time.
        public static let timedOut = Code(description: "timedOut")
        /// The connection ended before the answer came.
        public static let closed = Code(description: "closed")
        /// The peer sent something that is not Kafka, or not what was asked for.
        public static let protocolViolation = Code(description: "protocolViolation")
        /// The broker has no version of the API that this client speaks.
        public static let unsupportedVersion = Code(description: "unsupportedVersion")
        /// The request cannot be written in the chosen version.
        public static let invalidRequest = Code(description: "invalidRequest")
        /// More requests or bytes are waiting for answers than the connection allows.
        public static let overloaded = Code(description: "overloaded")
        /// The task that waited for the answer was cancelled.
        public static let cancelled = Code(description: "cancelled")
        /// A setting is wrong: a missing key store, an unsupported mechanism, ...
        public static let invalidConfiguration = Code(description: "invalidConfiguration")
    }

    /// Whom we talked to, and as whom.
    public struct Context: Hashable, Sendable {
        /// The alias of the cluster in the user's configuration; empty when there is none.
        public var cluster: String
        public var address: BrokerAddress?
        /// SASL mechanism, or nil without SASL.
        public var mechanism: String?
        /// User name that is shown to the broker.
        public var principal: String?

        public init(
            cluster: String = "",
            address: BrokerAddress? = nil,
            mechanism: String? = nil,
            principal: String? = nil
        ) {
            self.cluster = cluster
            self.address = address
            self.mechanism = mechanism
            self.principal = principal
        }
    }

    public var code: Code
    /// What happened, without the context.
    public var message: String
    /// What the operator can do about it.
    public var nextStep: String?
    public var context: Context
    /// The error below, for logs and debuggers.
    public var cause: (any Error)?

    public init(
        _ code: Code,
        _ message: String,
        nextStep: String? = nil,
        context: Context = Context(),
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.nextStep = nextStep
        self.context = context
        self.cause = cause
    }

    /// Whether the same request may succeed on a new connection without anybody changing a setting.
    public var isRetriable: Bool {
        switch self.code {
        case .unreachable, .unknownHost, .timedOut, .closed, .overloaded: true
        default: false
        }
    }

    /// Whether another address of the same name may do better: not where all of them would judge alike.
    var mayDifferElsewhere: Bool {
        switch self.code {
        case .authenticationFailed, .invalidConfiguration, .cancelled: false
        default: true
        }
    }

    /// The same end of a connection as seen by requests that did nothing wrong: they may be tried again.
    var forOtherRequests: KafkaConnectionError {
        switch self.code {
        case .closed, .authenticationFailed, .tlsFailed: self
        default:
            KafkaConnectionError(
                .closed,
                "the connection was closed: \(self.message)",
                nextStep: self.nextStep,
                context: self.context,
                cause: self
            )
        }
    }

    public var description: String {
        var parts: [String] = []
        if !self.context.cluster.isEmpty { parts.append("cluster \(self.context.cluster)") }
        if let address = self.context.address { parts.append("broker \(address)") }
        if let principal = self.context.principal {
            let mechanism = self.context.mechanism.map { " with \($0)" } ?? ""
            parts.append("as user \(principal)\(mechanism)")
        }
        var text = parts.isEmpty ? "" : parts.joined(separator: ", ") + ": "
        text += self.message
        if let nextStep = self.nextStep { text += " (\(nextStep))" }
        return text
    }
}
