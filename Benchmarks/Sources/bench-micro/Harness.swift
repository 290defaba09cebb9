import Foundation

/// Runs a body until it has taken long enough and prints a line of JSON: the best of several rounds counts.
struct Harness {
    /// Only benchmarks whose name contains this.
    var filter: String?
    var rounds = 5
    var secondsPerRound = 0.06

    /// - Parameter stored: bytes of the data as they travel, where `bytes` are of what they hold.
    func measure(
        _ name: String,
        bytes: Int = 0,
        stored: Int? = nil,
        operations: Int = 1,
        _ body: () throws -> Void
    ) throws {
        if let filter, !name.contains(filter) { return }
        try body()
        var iterations = 1
        var best = Double.infinity
        var round = 0
        while round < rounds {
            let begin = Self.cpuTime()
            for _ in 0..<iterations { try body() }
            let seconds = Self.cpuTime() - begin
            if seconds < secondsPerRound, best == .infinity {
                iterations = max(
                    iterations + 1,
                    Int(Double(iterations) * min(20, 1.2 * secondsPerRound / max(seconds, 1e-9)))
                )
                continue
            }
            best = min(best, seconds / Double(iterations))
            round += 1
        }
        let perOperation = best / Double(operations) * 1e9
        let rate = Double(bytes) / best / 1e6
        let perStored = stored.map { ", \"s_per_stored_gb\": \(best / Double($0) * 1e9)" } ?? ""
        print("{\"name\": \"\(name)\", \"ns\": \(perOperation), \"mb_per_s\": \(rate)\(perStored)}")
    }

    /// Prints the least of several measurements that a body makes itself, in seconds per operation.
    func report(_ name: String, bytes: Int = 0, _ body: () throws -> Double) throws {
        if let filter, !name.contains(filter) { return }
        var best = Double.infinity
        for _ in 0..<rounds { best = min(best, try body()) }
        print("{\"name\": \"\(name)\", \"ns\": \(best * 1e9), \"mb_per_s\": \(Double(bytes) / best / 1e6)}")
    }

    /// CPU time, so that what else the machine does counts less.
    private static func cpuTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// Keeps the optimiser from removing what nobody uses.
@inline(never)
func use<Value>(_ value: Value) {}
