import KafkaNetwork

/// Decides when metadata is refreshed: at its maximum age, on request, and after failures with growing pauses.
///
/// Pure: the loop that drives it reads the clock and sends the requests. One refresh is in flight at a time.
struct MetadataRefreshMachine: Sendable, Equatable {
    enum Action: Sendable, Equatable {
        case wait(until: ContinuousClock.Instant)
        case refresh
    }

    private enum Phase: Sendable, Equatable {
        /// Nothing was ever asked.
        case new
        /// Waits for the answer.
        case inFlight
        /// The last attempt succeeded.
        case fresh(since: ContinuousClock.Instant)
        /// The last attempts failed; nothing is sent before `until`.
        case failing(attempts: Int, until: ContinuousClock.Instant)
    }

    private var phase = Phase.new
    private var isRequested = false
    private var failures = 0
    let maximumAge: Duration
    let backoff: BackoffPolicy

    init(maximumAge: Duration, backoff: BackoffPolicy) {
        self.maximumAge = maximumAge
        self.backoff = backoff
    }

    /// Somebody needs newer metadata.
    mutating func request() {
        isRequested = true
    }

    /// What to do now; `.refresh` is to be followed by `succeeded` or `failed`.
    mutating func next(now: ContinuousClock.Instant) -> Action {
        let due: ContinuousClock.Instant =
            switch phase {
            case .new: now
            case .inFlight: now + maximumAge
            case .fresh(let since):
                // A request right after an answer waits a little: many partitions report the same leader move.
                since + (isRequested ? min(backoff.initial, maximumAge) : maximumAge)
            case .failing(_, let until): until
            }
        guard due <= now else { return .wait(until: due) }
        phase = .inFlight
        isRequested = false
        return .refresh
    }

    mutating func succeeded(now: ContinuousClock.Instant) {
        failures = 0
        phase = .fresh(since: now)
    }

    mutating func failed(now: ContinuousClock.Instant, random: Double) {
        failures += 1
        phase = .failing(attempts: failures, until: now + backoff.delay(failures: failures - 1, random: random))
    }
}
