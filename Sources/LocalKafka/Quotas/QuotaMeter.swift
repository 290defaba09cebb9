/// Measures a rate over the last eleven seconds, and says how long a client above its quota has to pause.
///
/// Like Kafka's, with one-second samples (`quota.window.num`, `quota.window.size.seconds`).
struct QuotaMeter: Sendable {
    private var samples: [(second: Int64, amount: Double)] = []
    private static let window: Int64 = 11

    /// Counts `amount` and returns the pause in milliseconds.
    mutating func record(_ amount: Double, limit: Double, now: Int64) -> Int32 {
        let second = now / 1000
        self.samples.removeAll { $0.second <= second - Self.window }
        if let last = self.samples.last, last.second == second {
            self.samples[self.samples.count - 1].amount += amount
        } else {
            self.samples.append((second, amount))
        }
        let total = self.samples.reduce(0) { $0 + $1.amount }
        // A young meter counts as if it had run for the whole window but the present second.
        let span = max(Double(Self.window - 1), Double(second - (self.samples.first?.second ?? second)))
        let rate = total / span
        guard limit > 0, rate > limit else { return 0 }
        let pause = (rate - limit) / limit * span * 1000
        return Int32(min(pause, Double(Self.window) * 1000))
    }
}
