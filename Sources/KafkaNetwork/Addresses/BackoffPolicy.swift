/// Exponential waiting with jitter, as Kafka's clients do it (KIP-580).
///
/// The wait before attempt n+1 is `initial * multiplier^n`, at most `maximum`, times a random factor between
/// `1 - jitter` and `1 + jitter`. It is a value: randomness comes in as a parameter.
public struct BackoffPolicy: Hashable, Sendable {
    public var initial: Duration
    public var maximum: Duration
    public var multiplier: Double
    public var jitter: Double

    public init(initial: Duration, maximum: Duration, multiplier: Double = 2, jitter: Double = 0.2) {
        self.initial = initial
        // A first wait above the maximum counts as constant waiting, as in Kafka.
        self.maximum = max(initial, maximum)
        self.multiplier = multiplier
        self.jitter = jitter
    }

    /// The wait after `failures` failures in a row (0 = before the first retry), for a random number in 0..<1.
    public func delay(failures: Int, random: Double) -> Duration {
        let first = self.initial.inSeconds
        guard first > 0 else { return .zero }
        let limit = self.maximum.inSeconds
        // A large exponent becomes infinity, which `min` turns into the limit.
        let exponential = min(first * power(self.multiplier, max(0, failures)), limit)
        // As in Kafka, the jittered wait is clipped at the maximum, and constant waiting has no jitter.
        let factor = 1 - self.jitter + 2 * self.jitter * min(max(random, 0), 1)
        let jittered = first >= limit ? exponential : min(exponential * factor, limit)
        return .seconds(jittered)
    }

    /// The same with the system's random numbers.
    public func delay(failures: Int) -> Duration {
        self.delay(failures: failures, random: Double.random(in: 0..<1))
    }

    private func power(_ base: Double, _ exponent: Int) -> Double {
        var result = 1.0
        for _ in 0..<min(exponent, 1_100) {
            result *= base
            if result.isInfinite { break }
        }
        return result
    }
}

extension Duration {
    /// As a floating point number of seconds.
    var inSeconds: Double {
        let parts = self.components
        return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
    }

    /// Whole milliseconds, rounded towards zero.
    var inMilliseconds: Int64 {
        let parts = self.components
        return parts.seconds * 1_000 + parts.attoseconds / 1_000_000_000_000_000
    }

    /// For people: `30 s`, `1500 ms`.
    var forPeople: String {
        let milliseconds = self.inMilliseconds
        return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000) s" : "\(milliseconds) ms"
    }
}
