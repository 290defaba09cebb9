import NIOCore

/// The point in time at which a call gives up.
public struct Deadline: Sendable, Hashable, Comparable {
    public var instant: ContinuousClock.Instant

    public init(_ instant: ContinuousClock.Instant) {
        self.instant = instant
    }

    /// A deadline some time from now.
    public static func after(_ duration: Duration) -> Deadline {
        Deadline(ContinuousClock.now + duration)
    }

    /// The time left; negative once the deadline has passed.
    public var remaining: Duration { instant - ContinuousClock.now }

    public var hasPassed: Bool { remaining <= .zero }

    public static func < (left: Deadline, right: Deadline) -> Bool {
        left.instant < right.instant
    }
}

extension TimeAmount {
    /// How long a broker wants to be left alone, but not longer than a minute: it holds its answers back itself when it
    /// is asked too early, and a number that is wrong must not stop a partition for weeks.
    static func throttle(_ milliseconds: Int32) -> TimeAmount {
        .milliseconds(Int64(min(max(0, milliseconds), 60_000)))
    }
}

extension Duration {
    /// The duration as NIO counts it; clamped at both ends.
    var timeAmount: TimeAmount {
        let (seconds, attoseconds) = components
        let whole = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !whole.overflow else { return .nanoseconds(seconds < 0 ? .min : .max) }
        let sum = whole.partialValue.addingReportingOverflow(attoseconds / 1_000_000_000)
        return .nanoseconds(sum.overflow ? .max : sum.partialValue)
    }

    /// Whole milliseconds, clamped to what a request field holds.
    var milliseconds32: Int32 {
        let (seconds, attoseconds) = components
        let value = Double(seconds) * 1_000 + Double(attoseconds) / 1e15
        return Int32(max(0, min(value, Double(Int32.max))))
    }
}
