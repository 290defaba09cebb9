import DequeModule
import KafkaClient
package import NIOCore

/// Ways back: reading again, stopping for a pause, and what had to wait for the queue.
extension PartitionFlow {
    /// Drops everything that is not acknowledged and reads it again.
    mutating func rewind() {
        self.counters.rewinds += 1
        self.targetLoss = nil
        self.targetLossEnd = -1
        self.damageAtHead = nil
        self.drop()
        let next = (self.position?.sourceOffset ?? -1) + 1
        self.scanOffset = next
        self.receivedOffset = next
        // A seek that waits for the queue has lost nothing: its reason shows again when the place is reached.
        self.pendingSeek = nil
        self.actions.append(.seek(.offset(next), topicID: nil, epoch: self.position?.leaderEpoch ?? -1))
    }

    /// Gives everything up at once; whoever goes on reads it again.
    package mutating func abandon() {
        self.drop()
        self.phase = .stopped
    }

    mutating func drop() {
        self.queue.removeAll()
        self.unplanned.removeAll()
        self.group = []
        self.groupBytes = 0
        for bytes in self.held { self.actions.append(.release(bytes.lease)) }
        self.held.removeAll()
    }

    mutating func quarantine(_ reason: QuarantineReason, now: NIODeadline) {
        self.drop()
        self.pendingSeek = nil
        self.quarantineAttempts += 1
        self.counters.quarantines += 1
        self.isTroubled = true
        self.impediment = nil
        let doublings = min(self.quarantineAttempts - 1, 16)
        let pause = min(
            self.settings.quarantinePause.nanoseconds << Int64(doublings),
            self.settings.quarantinePauseMaximum.nanoseconds
        )
        self.phase = .quarantined(reason, retryAt: now + .nanoseconds(pause))
        self.actions.append(.setFetching(false))
        self.report(.quarantined(reason))
    }

    /// Time has passed.
    package mutating func tick(now: NIODeadline) {
        self.tickReports(now: now)
        if let due = self.proofDue, due <= now {
            self.proofDue = nil
            if self.phase == .proving { self.queryTarget() }
        }
        guard case .quarantined(_, let retryAt) = self.phase, retryAt <= now else { return }
        self.actions.append(.setFetching(true))
        if self.pendingRefusal != nil {
            self.phase = .proving
            self.queryTarget()
            return
        }
        self.phase = .running
        self.rewind()
        self.goOnProducing()
    }

    /// Lets the producer go on where the target has surely written nothing but what we know.
    ///
    /// With the same identity and the sequence number that comes next: under another one, what is written without our
    /// knowing, and not to be seen yet, would be written again.
    mutating func goOnProducing() {
        self.actions.append(.resumeProducing(self.position?.producer))
    }

    /// Whether earlier processes wrote, and later ones will write, with the same producer id.
    var sharesProducer: Bool { self.settings.yieldsWhenOvertaken && self.position?.producer != nil }

    /// Applies what had to wait for the queue: a damaged batch at its head, another place to read, the end.
    mutating func settle() {
        if self.phase == .running, self.queue.sentCount == 0, case .damaged(let reason)? = self.queue.head {
            self.damageAtHead = reason
            return
        }
        if self.phase == .running || self.phase == .starting, self.queue.isEmpty, self.unplanned.isEmpty,
            let seek = self.pendingSeek
        {
            self.follow(seek)
        }
        if self.phase == .draining, self.queue.sentCount == 0 {
            self.drop()
            self.phase = .stopped
            self.actions.append(.drained)
        }
    }

    /// Acts on what was found at the head of the queue, once everything sent is acknowledged; called after each event.
    package mutating func conclude(now: NIODeadline) {
        self.watchOpenTransaction(now: now)
        if self.isFirstInDoubt {
            self.isFirstInDoubt = false
            if self.phase == .running { self.yield(.overtaken(isForgotten: false)) }
        }
        if self.queue.sentCount == 0, self.phase == .running { self.takeBackLoss(now: now) }
        self.concludeForeign()
        if let reason = self.damageAtHead {
            self.damageAtHead = nil
            if self.phase == .running { self.stopAtDamage(reason, now: now) }
        }
        self.scheduleReports(now: now)
    }
}
