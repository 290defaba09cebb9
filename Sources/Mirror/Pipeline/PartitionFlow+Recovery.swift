import DequeModule
import KafkaClient
package import NIOCore

/// Ways back: reading again, stopping for a pause, and what had to wait for the queue.
extension PartitionFlow {
    /// Drops everything that is not acknowledged and reads it again.
    mutating func rewind() {
        self.counters.rewinds += 1
        self.targetLoss = nil
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
        if let due = self.proofDue, due <= now, self.phase == .proving { self.queryTarget() }
        guard case .quarantined(_, let retryAt) = self.phase, retryAt <= now else { return }
        self.actions.append(.setFetching(true))
        if self.pendingRefusal != nil {
            self.phase = .proving
            self.queryTarget()
            return
        }
        self.phase = .running
        self.rewind()
        self.actions.append(.resumeProducing)
    }

    /// Applies what had to wait for the queue: a damaged batch at its head, another place to read, the end.
    mutating func settle() {
        if self.phase == .running, self.queue.sentCount == 0, case .damaged(let reason)? = self.queue.head?.content {
            self.damageAtHead = reason
            return
        }
        if self.phase == .running || self.phase == .starting, self.queue.isEmpty, self.unplanned.isEmpty,
            let seek = self.pendingSeek
        {
            self.pendingSeek = nil
            self.position?.leaderEpoch = seek.epoch
            if case .offset(let offset) = seek.start {
                self.position?.sourceOffset = offset - 1
                self.scanOffset = offset
                self.receivedOffset = offset
            }
            if let topicID = seek.topicID {
                // Place and topic change together: the old offset under the new id would say that the new records are done.
                self.topicID = topicID
                self.position?.sourceTopicID = topicID
                self.offsets.restart()
            }
            self.drop()
            self.actions.append(.seek(seek.start, topicID: seek.topicID, epoch: seek.epoch))
        }
        if self.phase == .draining, self.queue.sentCount == 0 {
            self.drop()
            self.phase = .stopped
            self.actions.append(.drained)
        }
    }

    /// Acts on what was found at the head of the queue, once everything sent is acknowledged; called after each event.
    package mutating func conclude(now: NIODeadline) {
        if let loss = self.targetLoss, self.queue.sentCount == 0, self.phase == .running {
            self.targetLoss = nil
            let written = self.position?.targetOffset ?? loss
            if self.takeBack(fromTarget: loss, writtenTo: written, now: now) { self.rewind() }
        }
        guard let reason = self.damageAtHead else { return }
        self.damageAtHead = nil
        guard self.phase == .running else { return }
        self.quarantine(reason, now: now)
    }
}
