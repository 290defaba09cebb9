public import KafkaNetwork

/// The settings of a client beyond those of its connections, under the names Java clients use.
public struct ClientSettings: Sendable, Equatable {
    /// `metadata.max.age.ms`: the metadata is refreshed at least this often.
    public var metadataMaximumAge: Duration = .seconds(300)
    /// `request.timeout.ms`: how long one request may take.
    public var requestTimeout: Duration = .seconds(30)
    /// `default.api.timeout.ms`: how long one call may take, all retries included.
    public var callTimeout: Duration = .seconds(60)
    /// `retry.backoff.ms` and `retry.backoff.max.ms`.
    public var retry = RetryPolicy()
    /// `reconnect.backoff.ms` and `reconnect.backoff.max.ms`.
    public var reconnect = BackoffPolicy(initial: .milliseconds(50), maximum: .seconds(1))
    /// `connections.max.idle.ms`: a connection nobody asked for this long is closed.
    public var maximumIdleTime: Duration = .seconds(540)
    /// The most connections the client holds open.
    public var maximumConnections = 2_048
    /// How long an unknown topic is asked for again before it counts as missing; right after its creation a topic is
    /// not known to every broker yet.
    public var unknownTopicGrace: Duration = .seconds(3)
    /// The most topics one metadata request names.
    public var topicsPerMetadataRequest = 5_000

    public init() {}

    /// Reads the settings from Java client properties and ignores all others.
    public init(properties: [String: String]) throws(KafkaClientError) {
        try Self.read("metadata.max.age.ms", from: properties, into: &metadataMaximumAge)
        try Self.read("request.timeout.ms", from: properties, into: &requestTimeout)
        try Self.read("default.api.timeout.ms", from: properties, into: &callTimeout)
        try Self.read("retry.backoff.ms", from: properties, into: &retry.backoff.initial)
        try Self.read("retry.backoff.max.ms", from: properties, into: &retry.backoff.maximum)
        try Self.read("reconnect.backoff.ms", from: properties, into: &reconnect.initial)
        try Self.read("reconnect.backoff.max.ms", from: properties, into: &reconnect.maximum)
        // As in Java, a maximum below the initial value lifts neither: the initial one is what counts.
        retry.backoff.maximum = max(retry.backoff.maximum, retry.backoff.initial)
        reconnect.maximum = max(reconnect.maximum, reconnect.initial)
        if let idle = properties["connections.max.idle.ms"], idle.hasPrefix("-") {
            maximumIdleTime = .seconds(86_400 * 365)
        } else {
            try Self.read("connections.max.idle.ms", from: properties, into: &maximumIdleTime)
        }
    }

    private static func read(
        _ key: String,
        from properties: [String: String],
        into value: inout Duration
    ) throws(KafkaClientError) {
        guard let text = properties[key] else { return }
        guard let milliseconds = Int64(text.filter { !$0.isWhitespace }), milliseconds >= 0 else {
            throw KafkaClientError(
                .invalidConfiguration,
                "\(key) = \"\(text)\" is not a number of milliseconds",
                property: key,
                nextStep: "Use a whole number that is not negative."
            )
        }
        value = .milliseconds(milliseconds)
    }
}
