public import KafkaNetwork
public import KafkaProtocol

/// Why a call of the client failed: what, where, and what to do next.
public struct KafkaClientError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Base: String, Sendable {
            case unreachable, authenticationFailed, tlsFailed, timedOut, closed, cancelled, unsupportedByBroker
            case refused, unknownTopic, noLeader, invalidAnswer, tooManyConnections, fenced, invalidConfiguration
            case rebalanced, invalidState
        }

        private let base: Base

        /// No broker can be reached.
        public static let unreachable = Code(base: .unreachable)
        /// The broker does not accept the credentials.
        public static let authenticationFailed = Code(base: .authenticationFailed)
        /// The TLS handshake failed.
        public static let tlsFailed = Code(base: .tlsFailed)
        /// No success before the deadline; `kafkaError` or `underlying` tell what was in the way.
        public static let timedOut = Code(base: .timedOut)
        /// The client is closed.
        public static let closed = Code(base: .closed)
        /// The calling task was cancelled.
        public static let cancelled = Code(base: .cancelled)
        /// The broker is too old or does not offer the API.
        public static let unsupportedByBroker = Code(base: .unsupportedByBroker)
        /// The broker answered with an error code that no retry will cure; see `kafkaError`.
        public static let refused = Code(base: .refused)
        /// The topic or partition does not exist.
        public static let unknownTopic = Code(base: .unknownTopic)
        /// The partition has no leader.
        public static let noLeader = Code(base: .noLeader)
        /// The broker's answer makes no sense.
        public static let invalidAnswer = Code(base: .invalidAnswer)
        /// The client may not open another connection.
        public static let tooManyConnections = Code(base: .tooManyConnections)
        /// Another producer or group member took this one's place.
        public static let fenced = Code(base: .fenced)
        /// A property has a value that cannot be used.
        public static let invalidConfiguration = Code(base: .invalidConfiguration)
        /// The group has moved on to another generation.
        public static let rebalanced = Code(base: .rebalanced)
        /// The call is not allowed in the present state, for example a commit without a transaction.
        public static let invalidState = Code(base: .invalidState)

        public var description: String { base.rawValue }
    }

    public var code: Code
    public var message: String
    /// The alias of the cluster.
    public var cluster: String?
    public var address: BrokerAddress?
    /// The user we were at the broker; nil without SASL.
    public var principal: String?
    public var topic: TopicName?
    public var partition: Int32?
    public var group: GroupID?
    /// The error code the broker answered with.
    public var kafkaError: ErrorCode?
    /// The client property whose value is wrong.
    public var property: String?
    /// What whoever runs this can do about it.
    public var nextStep: String?
    public var underlying: (any Error)?
    /// The caller ran out of time while it waited, which says less than whatever failed before.
    var isOwnDeadline = false

    public init(
        _ code: Code,
        _ message: String,
        cluster: String? = nil,
        address: BrokerAddress? = nil,
        topic: TopicName? = nil,
        partition: Int32? = nil,
        group: GroupID? = nil,
        kafkaError: ErrorCode? = nil,
        principal: String? = nil,
        property: String? = nil,
        nextStep: String? = nil,
        underlying: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.cluster = cluster
        self.address = address
        self.topic = topic
        self.partition = partition
        self.group = group
        self.kafkaError = kafkaError
        self.principal = principal
        self.property = property
        self.nextStep = nextStep
        self.underlying = underlying
    }

    /// This error, unless it tells no more than that time was up and something failed before.
    func orCause(_ last: KafkaClientError?) -> KafkaClientError {
        isOwnDeadline ? last ?? self : self
    }

    /// The same error with the partition it came up for, unless it names a topic already.
    func about(_ subject: TopicPartition) -> KafkaClientError {
        guard topic == nil else { return self }
        var result = self
        result.topic = subject.topic
        result.partition = subject.partition
        return result
    }

    public var description: String {
        var text = message
        var context: [String] = []
        if let cluster { context.append("cluster \(cluster)") }
        if let address { context.append("broker \(address)") }
        if let principal { context.append("as user \(principal)") }
        if let topic { context.append(partition.map { "partition \(topic)-\($0)" } ?? "topic \(topic)") }
        if let group { context.append("group \(group)") }
        if let kafkaError, kafkaError != .none { context.append("answer \(kafkaError.name)") }
        if !context.isEmpty { text += " (" + context.joined(separator: ", ") + ")" }
        if let underlying { text += ": \(underlying)" }
        if let advice { text += ". \(advice.prefix(1).uppercased())\(advice.dropFirst())" }
        return text
    }
}
