public import NIOCore

/// How a `PartitionProducer` produces, under the names Java producers use.
public struct ProduceSettings: Sendable, Equatable {
    /// `max.request.size`: the most bytes of records one request should hold; a single larger batch still goes out.
    ///
    /// Larger requests save nothing, and joined batches of all requests that are out are memory.
    public var maximumRequestBytes = 2 << 20
    /// `max.in.flight.requests.per.connection`; never more than 5, the number of batches a broker recognises.
    public var maximumInFlight = 5
    /// From this distance on, more requests may be out than that, as many as it takes to fill the way to the broker.
    ///
    /// What happened to more than five after a lost connection takes more questions to find out, but no guessing.
    public var farAway = TimeAmount.milliseconds(20)
    /// Requests that may be out far away.
    public var maximumInFlightFarAway = 64
    /// `linger.ms`: how long a small request waits for company while others are out; with none out it never waits.
    public var linger: TimeAmount = .milliseconds(5)
    /// A request of this many bytes does not linger.
    public var lingerBytes = 64 << 10
    /// `request.timeout.ms`, the broker's time to replicate.
    public var requestTimeout: TimeAmount = .seconds(30)
    /// `enable.idempotence`.
    public var isIdempotent = true
    /// Everything is written in transactions that the owner begins and ends; see `ProducerMachine.begin`.
    public var isTransactional = false
    /// `acks`; -1 for all.
    public var acks: Int16 = -1
    /// `retry.backoff.ms`, the first pause after an error.
    public var retryBackoff: TimeAmount = .milliseconds(100)
    /// `retry.backoff.max.ms`, the longest pause.
    public var retryBackoffMaximum: TimeAmount = .seconds(1)
    /// A topic may be missing for this many attempts in a row, as right after its creation.
    public var missingTopicAttempts = 8

    public init() {}

    /// Reads the settings from Java producer properties and ignores all others.
    public init(properties: [String: String]) throws(KafkaClientError) {
        let reader = PropertyReader(properties: properties)
        try reader.read("max.request.size", 0...Int64(Int32.max)) {
            self.maximumRequestBytes = min(max(Int($0), 1), 64 << 20)
        }
        try reader.read("max.in.flight.requests.per.connection", 1...Int64(Int32.max)) {
            self.maximumInFlight = min(Int($0), 5)
            // Whoever writes it down means it.
            self.maximumInFlightFarAway = self.maximumInFlight
        }
        try reader.read("linger.ms", 0...Int64(Int32.max)) { self.linger = .milliseconds($0) }
        try reader.read("request.timeout.ms", 1...Int64(Int32.max)) { self.requestTimeout = .milliseconds($0) }
        try reader.read("retry.backoff.ms", 0...Int64(Int32.max)) { self.retryBackoff = .milliseconds($0) }
        try reader.read("retry.backoff.max.ms", 0...Int64(Int32.max)) { self.retryBackoffMaximum = .milliseconds($0) }
        self.retryBackoffMaximum = max(self.retryBackoffMaximum, self.retryBackoff)
        switch properties["enable.idempotence"]?.lowercased() {
        case nil, "true": break
        case "false": self.isIdempotent = false
        case .some(let other):
            throw KafkaClientError(
                .invalidConfiguration,
                "enable.idempotence = \"\(other)\" is neither true nor false",
                property: "enable.idempotence",
                nextStep: "Leave it out: the default is true."
            )
        }
        switch properties["acks"]?.lowercased() {
        case nil, "all", "-1": break
        case "1": self.acks = 1
        case .some(let other):
            throw KafkaClientError(
                .invalidConfiguration,
                "acks = \"\(other)\" cannot be used: without an answer no record is known to be safe",
                property: "acks",
                nextStep: "Use all (the default) or 1."
            )
        }
        // A broker keeps the sequence only for acks=all; one batch at a time keeps at least the order.
        if self.acks != -1 { self.isIdempotent = false }
    }

    func backoff(attempt: Int, seed: Int) -> TimeAmount {
        RetryPause(initial: self.retryBackoff, maximum: self.retryBackoffMaximum).pause(attempt: attempt, seed: seed)
    }
}
