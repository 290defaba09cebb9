import KafkaClient
import KafkaProtocol
package import MirrorModel
package import NIOCore

/// Places where the copy differs from its source: first into the ledger, then the policy decides.
extension PartitionFlow {
    /// A gap that keeps the partition from going on.
    struct Hold: Sendable {
        var gap: Gap
        var wayOn: WayOn
        /// Further findings, one after the other.
        var rest: [Gap] = []
        var isRecorded = false
        /// Whoever assigned the partition finds out with which producer it goes on.
        var yields = false
    }

    /// How to go on behind a gap.
    enum WayOn: Sendable {
        /// Begin as the assignment says.
        case start
        /// Go on behind this position.
        case behind(PartitionPosition)
    }

    /// Stops until the gap is in the ledger; nothing may be out.
    mutating func hold(_ gap: Gap, _ wayOn: WayOn, rest: [Gap] = [], yields: Bool = false) {
        self.drop()
        self.pendingSeek = nil
        self.foreignHold = nil
        self.holdReportDue = nil
        var gap = gap
        if gap.kind != .skipped {
            gap.policy = self.settings.policies.policy(for: gap.kind, topic: self.assignment.source.topic.string)
        }
        self.hold = Hold(gap: gap, wayOn: wayOn, rest: rest, yields: yields)
        self.phase = .holding
        self.actions.append(.setFetching(false))
        if self.settings.keepsLedger {
            self.report(.gap(gap))
        } else {
            self.recorded(gapKey: gap.key)
        }
    }

    /// The ledger holds the gap: goes on, or stops until somebody decides.
    package mutating func recorded(gapKey: [UInt8]) {
        if self.foreign?.gap.key == gapKey { self.foreign?.isRecorded = true }
        guard self.phase == .holding, let hold = self.hold, hold.gap.key == gapKey, !hold.isRecorded else { return }
        self.hold?.isRecorded = true
        self.holdReportDue = nil
        switch hold.gap.policy {
        case .continue: self.goOnBehindHold()
        case .pause, .fail: self.stop(for: hold.gap)
        }
    }

    private mutating func stop(for gap: Gap) {
        self.isTroubled = true
        self.impediment = nil
        self.counters.quarantines += 1
        let reason = QuarantineReason(
            .policy,
            cluster: gap.cluster,
            partition: gap.topicPartition,
            sourceOffset: (self.position?.sourceOffset ?? -1) + 1,
            message: "\(gap.text) (\(gap.kind.key ?? "") = \(gap.policy.rawValue))",
            nextStep: "kafka-mirror quarantine release lets it go on."
        )
        self.phase = .quarantined(reason, retryAt: .distantFuture)
        self.report(.quarantined(reason))
    }

    private mutating func goOnBehindHold() {
        guard let hold = self.hold else { return }
        self.hold = nil
        if let next = hold.rest.first {
            self.hold(next, hold.wayOn, rest: Array(hold.rest.dropFirst()), yields: hold.yields)
            return
        }
        self.pendingRefusal = nil
        self.targetLoss = nil
        self.actions.append(.setFetching(true))
        switch hold.wayOn {
        case .start:
            self.phase = .starting
            if case .offset(let offset) = self.assignment.start { self.begin(at: offset) }
            let epoch = self.position?.leaderEpoch ?? -1
            self.actions.append(.seek(self.assignment.start, topicID: nil, epoch: epoch))
        case .behind(let position):
            self.phase = .running
            self.move(to: position)
            if hold.yields {
                self.yield(.placeLost)
                return
            }
        }
        self.goOnProducing()
    }

    /// Goes on behind another position, after everything that was out.
    private mutating func move(to position: PartitionPosition) {
        let isOtherTopic = position.sourceTopicID != self.topicID
        if isOtherTopic {
            self.topicID = position.sourceTopicID
            self.offsets.restart()
        } else if let old = self.position, position.sourceOffset > old.sourceOffset {
            self.offsets.skipped(through: position.sourceOffset)
        } else if let target = position.targetOffset {
            self.offsets.wentBack(source: position.sourceOffset + 1, target: target + 1)
        }
        self.position = position
        self.leastWritten = position.targetOffset ?? -1
        if !position.isDoubtful {
            self.position?.isApart = true
            self.hasJumped = true
        }
        self.quarantineAttempts = 0
        let next = position.sourceOffset + 1
        self.scanOffset = next
        self.receivedOffset = next
        let topicID = isOtherTopic ? self.topicID : nil
        self.actions.append(.seek(.offset(next), topicID: topicID, epoch: position.leaderEpoch))
    }

    /// What a gap's report needs of the partition.
    func gap(
        _ kind: GapKind,
        atTarget: Bool = false,
        from: Int64,
        to: Int64,
        records: Int64? = nil,
        _ text: String
    ) -> Gap {
        Gap(
            flow: "\(self.settings.sourceAlias)->\(self.settings.targetAlias)",
            kind: kind,
            cluster: atTarget ? self.settings.targetAlias : self.settings.sourceAlias,
            partition: atTarget ? self.assignment.target : self.assignment.source,
            sourceTopic: self.assignment.source.topic,
            topicID: atTarget ? .zero : self.topicID,
            from: from,
            to: to,
            records: records,
            targetOffset: self.position?.targetOffset,
            text: text
        )
    }

    // MARK: Damaged batches

    /// The batch at the head cannot be forwarded.
    ///
    /// What may pass by itself is tried once more before it is left out.
    mutating func stopAtDamage(_ reason: QuarantineReason, now: NIODeadline) {
        let from = (self.position?.sourceOffset ?? -1) + 1
        var gap = self.gap(.undecodable, from: from, to: max(from, reason.batchEnd ?? from), reason.message)
        gap.policy = self.settings.policies.policy(for: .undecodable, topic: self.assignment.source.topic.string)
        if gap.policy == .continue, self.quarantineAttempts > 0, let end = reason.batchEnd,
            var position = self.position
        {
            position.sourceOffset = max(end, position.sourceOffset)
            position.leaderEpoch = -1
            self.hold(gap, .behind(position))
            return
        }
        self.quarantine(reason, now: now)
        if gap.policy != .continue { self.report(.gap(gap)) }
    }

    // MARK: Foreign records

    /// Records of somebody else in the mirror, while it is written.
    struct Foreign: Sendable {
        var gap: Gap
        /// Before the first of them.
        var before: PartitionPosition
        var isRecorded = false
        var reportDue: NIODeadline?
        /// The end that the ledger was told.
        var reportedTo: Int64
    }

    /// Records that are not ours stand before a batch that the target has just put at `base`.
    mutating func foundForeign(upTo base: Int64, behind written: Int64) {
        self.found(ForeignRecords(first: written + 1, last: base - 1, count: base - written - 1))
    }

    mutating func found(_ records: ForeignRecords) {
        self.report(.foreignRecords(count: records.count))
        guard let position = self.position else { return }
        if var foreign = self.foreign {
            foreign.gap.to = records.last
            foreign.gap.records = (foreign.gap.records ?? 0) + records.count
            self.foreign = foreign
        } else {
            var gap = self.gap(
                .foreignWriter,
                atTarget: true,
                from: records.first,
                to: records.last,
                records: records.count,
                "somebody else writes to \(self.assignment.target)"
            )
            gap.policy = self.settings.policies.policy(for: gap.kind, topic: self.assignment.source.topic.string)
            self.foreign = Foreign(
                gap: gap,
                before: position,
                isRecorded: !self.settings.keepsLedger,
                reportedTo: gap.to
            )
            if gap.policy == .continue { self.report(.gap(gap)) }
        }
        if let gap = self.foreign?.gap, gap.policy != .continue { self.foreignHold = gap }
    }

    /// Once nothing is out: stops where the policy does not let it go on.
    mutating func concludeForeign() {
        guard let gap = self.foreignHold, self.phase == .running, self.queue.sentCount == 0,
            let position = self.position
        else { return }
        self.hold(gap, .behind(position))
    }

    // MARK: Time

    /// How long an answer of the ledger is waited for before it is told again, and how often a gap that grows is.
    static let reportPause = TimeAmount.seconds(10)

    /// When `tick` must be called for the ledger.
    var integrityWake: NIODeadline? {
        guard let hold = self.holdReportDue else { return self.foreign?.reportDue }
        return min(hold, self.foreign?.reportDue ?? hold)
    }

    /// Called after each event: the ledger's reader may have missed a report.
    mutating func scheduleReports(now: NIODeadline) {
        if self.phase == .holding || self.phase == .yielding, self.holdReportDue == nil {
            self.holdReportDue = now + Self.reportPause
        }
        if let foreign = self.foreign, foreign.reportDue == nil, self.foreignHold == nil, self.settings.keepsLedger,
            !foreign.isRecorded || foreign.gap.to != foreign.reportedTo
        {
            self.foreign?.reportDue = now + Self.reportPause
        }
    }

    mutating func tickReports(now: NIODeadline) {
        if let due = self.holdReportDue, due <= now {
            self.holdReportDue = nil
            if self.phase == .holding, let hold = self.hold, !hold.isRecorded { self.report(.gap(hold.gap)) }
            if self.phase == .yielding, let kind = self.yieldReport { self.report(kind) }
        }
        if let due = self.foreign?.reportDue, due <= now, let gap = self.foreign?.gap {
            self.foreign?.reportDue = nil
            self.foreign?.reportedTo = gap.to
            self.report(.gap(gap))
        }
    }

    /// The position that progress may show: not past a gap that is not in the ledger, nor past one that stops the partition.
    package var durablePosition: PartitionPosition? {
        // Where it would begin is behind what was found.
        if case .start? = self.hold?.wayOn { return nil }
        // In a transaction nothing behind them is committed before.
        if !self.settings.isTransactional, let foreign = self.foreign,
            !foreign.isRecorded || (self.hold?.gap.kind == .foreignWriter)
        {
            return foreign.before
        }
        return self.position
    }

    // MARK: Release

    /// Somebody has decided about the partition; returns why that cannot be done.
    package mutating func release(_ action: ReleaseOrder.Action, now: NIODeadline) -> String? {
        guard case .quarantined(let reason, _) = self.phase else { return "the partition is not stopped" }
        switch action {
        case .goOn:
            if self.hold != nil {
                self.isTroubled = false
                self.foreign = nil
                self.goOnBehindHold()
                self.report(.recovered)
            } else {
                self.phase = .quarantined(reason, retryAt: now)
                self.tick(now: now)
            }
            return nil
        case .skipBatch:
            guard let end = reason.batchEnd else {
                return "where the batch ends is not known: name the offset to go on at with --skip-to"
            }
            return self.skip(to: end + 1)
        case .skipTo(let offset):
            return self.skip(to: offset)
        }
    }

    private mutating func skip(to offset: Int64) -> String? {
        var base = self.position ?? PartitionPosition(sourceOffset: -1, sourceTopicID: self.topicID)
        if case .behind(let position)? = self.hold?.wayOn { base = position }
        guard offset > base.sourceOffset + 1 else {
            return "it would go on at source offset \(base.sourceOffset + 1): there is nothing to skip before \(offset)"
        }
        let gap = self.gap(
            .skipped,
            from: base.sourceOffset + 1,
            to: offset - 1,
            "left out when the partition was released"
        )
        base.sourceOffset = offset - 1
        base.leaderEpoch = -1
        let yields = self.hold?.yields ?? false
        self.foreign = nil
        self.hold = nil
        self.isTroubled = false
        self.hold(gap, .behind(base), yields: yields)
        self.report(.recovered)
        return nil
    }
}
