public import NIOCore

/// How a `PartitionFetcher` fetches, under the names Java consumers use.
public struct FetchSettings: Sendable, Equatable {
    /// `fetch.max.wait.ms`: how long a broker waits for data before it answers empty.
    public var maximumWait: TimeAmount = .milliseconds(500)
    /// `fetch.min.bytes`.
    public var minimumBytes: Int32 = 1
    /// `fetch.max.bytes`: the most one answer should hold.
    ///
    /// Answers stay below 16 MiB, where a slice of a NIO buffer begins to be a copy.
    public var maximumBytes = 8 << 20
    /// `max.partition.fetch.bytes`; nil chooses it from the number of partitions of a broker.
    public var maximumPartitionBytes: Int?
    /// `isolation.level`.
    public var isolation = IsolationLevel.readUncommitted
    /// `client.rack`: brokers answer with the closest replica when it is set (KIP-392).
    public var rack = ""
    /// How long a follower is preferred before the leader is asked again; Java ties it to `metadata.max.age.ms`.
    public var replicaPreference: TimeAmount = .minutes(5)
    /// Bytes that may be in memory at once, requests that are out included.
    public var byteBudget = 64 << 20
    /// As many of them are enough between clusters close by.
    public var nearBytes = 8 << 20
    /// From this distance on, partitions that lag behind are read ahead.
    public var farAway = TimeAmount.milliseconds(20)
    /// Answers below this size are no reason to.
    public var aheadBytes = 512 << 10
    /// `retry.backoff.ms`, the first pause after an error.
    public var retryBackoff: TimeAmount = .milliseconds(100)
    /// `retry.backoff.max.ms`, the longest pause.
    public var retryBackoffMaximum: TimeAmount = .seconds(1)
    /// The longest pause after an error that only an operator can cure, such as a missing permission.
    public var blockedBackoffMaximum: TimeAmount = .seconds(30)

    /// The largest size below `bytes` whose answers fill their buffers well.
    ///
    /// NIO's buffers have powers of two as their sizes, so an answer just above one would take twice its memory; a
    /// little room is left for what stands around the records. Small sizes stay as they are.
    static func fitting(_ bytes: Int) -> Int {
        guard bytes >= 1 << 20 else { return bytes }
        let power = 1 << (Int.bitWidth - 1 - bytes.leadingZeroBitCount)
        return power - power / 32
    }

    /// The largest answer we ever ask for.
    static let answerLimit = 15 << 20

    public init() {}

    /// Reads the settings from Java consumer properties and ignores all others.
    public init(properties: [String: String]) throws(KafkaClientError) {
        let reader = PropertyReader(properties: properties)
        try reader.read("fetch.max.wait.ms", 0...Int64(Int32.max)) { self.maximumWait = .milliseconds($0) }
        try reader.read("fetch.min.bytes", 0...Int64(Int32.max)) { self.minimumBytes = Int32($0) }
        try reader.read("fetch.max.bytes", 0...Int64(Int32.max)) {
            self.maximumBytes = min(max(Int($0), 1), Self.answerLimit)
        }
        try reader.read("max.partition.fetch.bytes", 0...Int64(Int32.max)) {
            self.maximumPartitionBytes = max(Int($0), 1)
        }
        try reader.read("metadata.max.age.ms", 0...Int64.max / 1_000_000) {
            self.replicaPreference = .milliseconds($0)
        }
        try reader.read("retry.backoff.ms", 0...Int64.max / 1_000_000) { self.retryBackoff = .milliseconds($0) }
        try reader.read("retry.backoff.max.ms", 0...Int64.max / 1_000_000) {
            self.retryBackoffMaximum = .milliseconds($0)
        }
        self.retryBackoffMaximum = max(self.retryBackoffMaximum, self.retryBackoff)
        self.blockedBackoffMaximum = max(self.blockedBackoffMaximum, self.retryBackoffMaximum)
        if let rack = properties["client.rack"] { self.rack = rack }
        switch properties["isolation.level"]?.lowercased() {
        case nil, "read_uncommitted": break
        case "read_committed": self.isolation = .readCommitted
        case .some(let other):
            throw KafkaClientError(
                .invalidConfiguration,
                "isolation.level = \"\(other)\" is not an isolation level",
                property: "isolation.level",
                nextStep: "Use read_committed or read_uncommitted."
            )
        }
    }

    /// The pause before retry number `attempt` (from 1), spread by `seed` so that partitions do not retry in step.
    func backoff(attempt: Int, blocked: Bool, seed: Int) -> TimeAmount {
        RetryPause(initial: self.retryBackoff, maximum: blocked ? self.blockedBackoffMaximum : self.retryBackoffMaximum)
            .pause(attempt: attempt, seed: seed)
    }
}

/// Exponential pauses without randomness: the spread comes from a seed, so that a run can be repeated exactly.
struct RetryPause: Sendable {
    var initial: TimeAmount
    var maximum: TimeAmount

    /// The pause before retry number `attempt`, counted from 1.
    func pause(attempt: Int, seed: Int) -> TimeAmount {
        let doublings = min(max(attempt - 1, 0), 30)
        let (product, overflow) = self.initial.nanoseconds.multipliedReportingOverflow(by: 1 << Int64(doublings))
        let full = overflow ? self.maximum.nanoseconds : min(product, self.maximum.nanoseconds)
        // 80 % to 100 % of the full pause; Knuth's multiplicative hash spreads neighbouring seeds.
        let hash = UInt32(truncatingIfNeeded: seed &+ attempt &* 31) &* 2_654_435_761
        let share = Int64(80) + Int64(hash >> 16) % 21
        return .nanoseconds(full / 100 * share)
    }
}

/// Reads whole numbers from Java properties and names the key in errors.
struct PropertyReader {
    var properties: [String: String]

    func read(_ key: String, _ range: ClosedRange<Int64>, _ use: (Int64) -> Void) throws(KafkaClientError) {
        guard let text = self.properties[key] else { return }
        guard let value = Int64(text.filter { !$0.isWhitespace }), range.contains(value) else {
            throw KafkaClientError(
                .invalidConfiguration,
                "\(key) = \"\(text)\" is not a whole number from \(range.lowerBound) to \(range.upperBound)",
                property: key,
                nextStep: "Correct the value of \(key)."
            )
        }
        use(value)
    }
}
