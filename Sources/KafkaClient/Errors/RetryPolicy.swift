public import KafkaNetwork
public import KafkaProtocol

/// When a failed call is tried again: exponential pauses with jitter, until a deadline.
///
/// Pure: the clock and the randomness come in as parameters.
public struct RetryPolicy: Sendable, Hashable {
    public var backoff: BackoffPolicy

    public init(backoff: BackoffPolicy = BackoffPolicy(initial: .milliseconds(100), maximum: .seconds(1))) {
        self.backoff = backoff
    }

    /// The outcome of `decide`.
    public enum Decision: Sendable, Equatable {
        case retry(after: Duration, recovery: ErrorRecovery)
        /// The error would pass, but not before the deadline.
        case outOfTime
        /// No retry will cure it; the caller acts on the recovery.
        case giveUp(ErrorRecovery)
    }

    /// What to do about an error code.
    ///
    /// - Parameters:
    ///   - attempt: How many attempts have failed, this one included.
    ///   - random: A number in 0..<1.
    public func decide(
        _ error: ErrorCode,
        attempt: Int,
        now: ContinuousClock.Instant,
        deadline: ContinuousClock.Instant,
        random: Double
    ) -> Decision {
        let recovery = error.recovery
        guard recovery.isRetriable else { return .giveUp(recovery) }
        let pause = backoff.delay(failures: max(0, attempt - 1), random: random)
        return now + pause < deadline ? .retry(after: pause, recovery: recovery) : .outOfTime
    }
}
