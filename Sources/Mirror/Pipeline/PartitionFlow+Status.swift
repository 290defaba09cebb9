import KafkaClient
package import NIOCore

/// What the flow tells about itself.
extension PartitionFlow {
    package var state: PartitionState {
        switch self.phase {
        case .starting: .starting
        case .running: self.impediment.map { .backingOff(reason: $0) } ?? .running
        case .proving: .backingOff(reason: "asking the target where its log ends")
        case .holding: .backingOff(reason: "writing a gap into the ledger")
        case .yielding: .backingOff(reason: "finding out from the target where to go on")
        case .quarantined(let reason, let retryAt): .quarantined(reason, retryAt: retryAt)
        case .draining: .draining
        case .stopped: .stopped
        }
    }

    package var isQuarantined: Bool {
        if case .quarantined = self.phase { true } else { false }
    }

    package var status: PartitionStatus {
        let end =
            self.settings.isReadCommitted && self.watermarks.lastStableOffset >= 0
            ? self.watermarks.lastStableOffset : self.watermarks.highWatermark
        return PartitionStatus(
            source: self.assignment.source,
            target: self.assignment.target,
            state: self.state,
            position: self.position,
            highWatermark: self.watermarks.highWatermark,
            lag: end >= 0 ? self.position.map { max(0, end - $0.sourceOffset - 1) } : nil,
            counters: self.counters,
            pendingBatches: self.queue.entries.count
        )
    }

    /// `nextWake` for an owner that is a class: it would copy the whole flow to ask a method that is not mutating.
    mutating func askNextWake() -> NIODeadline? { self.nextWake }

    /// When `tick` must be called; nil when only other events matter.
    package var nextWake: NIODeadline? {
        var wake = min(self.proofDue ?? .distantFuture, self.integrityWake ?? .distantFuture)
        wake = min(wake, self.openTransactionDue ?? .distantFuture)
        if case .quarantined(_, let retryAt) = self.phase { wake = min(wake, retryAt) }
        return wake == .distantFuture ? nil : wake
    }
}
