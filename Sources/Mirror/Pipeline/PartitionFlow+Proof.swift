import KafkaClient
import KafkaProtocol
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
        if self.settings.yieldsWhenOvertaken, refusal?.code == .outOfOrderSequenceNumber,
            logEnd > self.position?.targetOffset ?? -1
        {
            self.yield(now: now)
            return
        }
        if let written = self.position?.targetOffset {
            if logEnd <= written {
                guard self.takeBack(fromTarget: logEnd, writtenTo: written, now: now) else { return }
            } else if logEnd > written + 1 {
                self.recognise(records: logEnd - written - 1, from: written + 1)
            }
        }
        if let refusal, refusal.kind != .sequenceLost {
            self.act(on: refusal, now: now)
        } else {
            self.rewind()
            self.actions.append(.resumeProducing)
        }
    }

    /// Leaves it to whoever assigned the partition to find out where it goes on.
    ///
    /// The broker knows later sequence numbers of ours than we do: under a new producer id we would write a second time
    /// what is there already. The log's visible end may not show it yet.
    private mutating func yield(now: NIODeadline) {
        self.drop()
        self.pendingSeek = nil
        let reason = QuarantineReason(
            .overtaken,
            cluster: self.settings.targetAlias,
            partition: self.assignment.target,
            sourceOffset: (self.position?.sourceOffset ?? -1) + 1,
            message: "an earlier process wrote here after this one began",
            nextStep: "Nothing has to be done, unless two processes run this flow."
        )
        // Normally the partition is revoked long before.
        self.phase = .quarantined(reason, retryAt: now + .seconds(30))
        self.actions.append(.setFetching(false))
        self.report(.overtaken)
    }

    /// Records behind our last acknowledged one: ours, if they are exactly the next batches that were sent.
    private mutating func recognise(records count: Int64, from base: Int64) {
        var total: Int64 = 0
        var matched = 0
        for entry in self.queue.entries.prefix(self.queue.sentCount) where total < count {
            total += Int64(entry.recordCount)
            matched += 1
        }
        guard total == count else {
            self.report(.foreignRecords(count: count))
            return
        }
        var next = base
        for entry in Array(self.queue.entries.prefix(matched)) {
            // Some may be acknowledged already, behind one whose answer was lost.
            _ = self.queue.acknowledge(token: entry.token, targetBase: next)
            next += Int64(entry.recordCount)
        }
        while let entry = self.queue.popAcknowledged() { self.account(entry) }
    }

    /// The target lost what we wrote from an offset on: goes back to where it came from.
    mutating func takeBack(fromTarget end: Int64, writtenTo: Int64, now: NIODeadline) -> Bool {
        self.report(.targetTruncated(at: end, writtenTo: writtenTo))
        guard let source = self.offsets.truncate(target: end) else {
            self.pendingRefusal = ProduceRefusal(
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
                    message:
                        "the target ends at offset \(end) but we wrote up to \(writtenTo), and where that came from is not known",
                    nextStep: "Decide where to go on: restart with the position of the target's last record."
                ),
                now: now
            )
            return false
        }
        self.position?.sourceOffset = source - 1
        self.position?.targetOffset = end - 1
        self.position?.leaderEpoch = -1
        return true
    }
}
