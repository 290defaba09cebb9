import KafkaClient
import KafkaProtocol
import MirrorModel
package import NIOCore

/// Finding out from the end of the target's log what was written.
extension PartitionFlow {
    mutating func queryTarget() {
        self.proofDue = nil
        self.generation += 1
        self.actions.append(.queryTarget(generation: self.generation))
    }

    /// The target's log end could not be found out.
    package mutating func notProven(generation: UInt64, reason: String, now: NIODeadline) {
        guard self.phase == .proving, generation == self.generation else { return }
        self.impede("cluster \(self.settings.targetAlias): \(reason)")
        self.proofDue = now + self.settings.proofPause
    }

    /// The target's log ends at `logEnd`: compares it with what we know to have written.
    package mutating func proven(generation: UInt64, logEnd: Int64, now: NIODeadline) {
        guard self.phase == .proving, generation == self.generation else { return }
        self.proofDue = nil
        self.phase = .running
        self.impediment = nil
        let refusal = self.pendingRefusal
        self.pendingRefusal = nil
        if self.settings.yieldsWhenOvertaken, let refusal, refusal.kind == .sequenceLost,
            logEnd > self.position?.targetOffset ?? -1
        {
            // The broker knows later sequence numbers of ours than we do, or none: the log's visible end may not show yet
            // what is written, and under a new producer id it would be written a second time.
            self.yield(.overtaken(isForgotten: refusal.code != .outOfOrderSequenceNumber))
            return
        }
        if let written = self.position?.targetOffset {
            if logEnd <= written {
                self.pendingRefusal = refusal
                self.takeBack(fromTarget: logEnd, writtenTo: written, now: now)
                return
            } else if logEnd > written + 1, !self.recognise(records: logEnd - written - 1, from: written + 1) {
                self.report(.foreignRecords(count: logEnd - written - 1))
                if self.settings.keepsLedger {
                    // Ours may stand among them: only a comparison tells.
                    self.pendingRefusal = refusal
                    self.loseThePlace("it holds records of somebody else behind offset \(written)", now: now)
                    return
                }
            }
        }
        if let refusal, refusal.kind != .sequenceLost {
            self.act(on: refusal, now: now)
        } else {
            self.rewind()
            self.actions.append(.resumeProducing(nil))
        }
    }

    /// Leaves it to whoever assigned the partition to find out where it goes on, and with which producer, and to write
    /// the producer down before it is used.
    mutating func yield(_ kind: PartitionEvent.Kind) {
        self.drop()
        self.pendingSeek = nil
        self.phase = .yielding
        self.yieldReport = kind
        self.holdReportDue = nil
        self.actions.append(.setFetching(false))
        self.report(kind)
    }

    /// Records behind our last acknowledged one: ours, if they are exactly the next batches that were sent.
    private mutating func recognise(records count: Int64, from base: Int64) -> Bool {
        var total: Int64 = 0
        var matched = 0
        for entry in self.queue.entries.prefix(self.queue.sentCount) where total < count {
            total += Int64(entry.recordCount)
            matched += 1
        }
        guard total == count else { return false }
        var next = base
        for entry in Array(self.queue.entries.prefix(matched)) {
            // Some may be acknowledged already, behind one whose answer was lost.
            _ = self.queue.acknowledge(token: entry.token, targetBase: next)
            next += Int64(entry.recordCount)
        }
        self.queue.placeAcknowledged(behind: self.position?.targetOffset)
        while let entry = self.queue.popAcknowledged() { self.account(entry) }
        return true
    }

    /// Acts on a loss that an acknowledgement has shown; false when there was none.
    @discardableResult
    mutating func takeBackLoss(now: NIODeadline) -> Bool {
        guard let loss = self.targetLoss else { return false }
        self.targetLoss = nil
        let written = self.position?.targetOffset ?? max(self.leastWritten, loss)
        self.takeBack(fromTarget: loss, writtenTo: written, now: now)
        return true
    }

    /// The target lost what we wrote from an offset on: goes back to where it came from.
    mutating func takeBack(fromTarget end: Int64, writtenTo: Int64, now: NIODeadline) {
        self.report(.targetTruncated(at: end, writtenTo: writtenTo))
        guard let source = self.offsets.truncate(target: end), var position = self.position else {
            self.position?.isDoubtful = true
            self.loseThePlace("it ends at offset \(end) but we wrote up to \(writtenTo)", now: now)
            return
        }
        let gap = self.gap(
            .targetChanged,
            atTarget: true,
            from: end,
            to: writtenTo,
            records: writtenTo - end + 1,
            "the target lost records, they are copied again"
        )
        position.sourceOffset = source - 1
        // The leader epoch of what was mirrored last stays: should the source have lost records too, it tells where.
        if self.settings.yieldsWhenOvertaken {
            // Somebody else may have written in the place of what was lost.
            position.targetOffset = end - 1
            position.isDoubtful = true
        } else {
            position.targetOffset = max(end - 1, self.targetLossEnd)
        }
        self.targetLossEnd = -1
        // What the broker remembers of it was cut off with the log.
        position.producer = nil
        self.hold(gap, .behind(position), yields: self.settings.yieldsWhenOvertaken)
    }

    /// What the target holds has to be compared with the source, as at a start.
    private mutating func loseThePlace(_ reason: String, now: NIODeadline) {
        self.pendingRefusal =
            self.pendingRefusal
            ?? ProduceRefusal(
                kind: .sequenceLost,
                code: .outOfOrderSequenceNumber,
                message: nil,
                token: 0,
                isOutcomeUnknown: true
            )
        self.quarantine(
            QuarantineReason(
                .targetLost,
                cluster: self.settings.targetAlias,
                partition: self.assignment.target,
                sourceOffset: (self.position?.sourceOffset ?? -1) + 1,
                message: "where to go on at the target is not known: \(reason)",
                nextStep: "It is compared with the source."
            ),
            now: now
        )
        self.report(.placeLost)
    }
}
