package import KafkaClient
import KafkaProtocol
import MirrorModel

/// What happens at the source: the start, records, and other places to read.
extension PartitionFlow {
    /// The start position was looked up.
    package mutating func started(at offset: Int64) {
        if self.phase == .starting {
            self.begin(at: offset)
        } else if self.queue.isEmpty, self.phase == .running {
            // The end of a seek to the beginning of another topic.
            self.position?.sourceOffset = offset - 1
            self.position?.leaderEpoch = -1
            self.scanOffset = offset
            self.receivedOffset = offset
        }
    }

    mutating func begin(at offset: Int64) {
        self.phase = .running
        self.position = PartitionPosition(
            sourceOffset: offset - 1,
            targetOffset: self.assignment.resumed?.targetOffset,
            leaderEpoch: self.assignment.resumed?.leaderEpoch ?? -1,
            sourceTopicID: self.topicID,
            producer: self.assignment.producer
        )
        self.position?.isApart = self.assignment.resumed?.isApart ?? false
        self.scanOffset = offset
        self.receivedOffset = offset
        self.report(.started(at: offset))
    }

    /// How far the source partition reaches.
    package mutating func reached(_ watermarks: FetchWatermarks) {
        self.watermarks = watermarks
    }

    /// Records arrived.
    package mutating func fetched(_ fetched: FetchedRecords) {
        guard self.phase == .running, self.pendingSeek == nil, fetched.fetchOffset <= self.receivedOffset else {
            // Late data of a place we left. Data that would leave a hole are never taken.
            self.actions.append(.release(fetched.lease))
            return
        }
        let aborted = self.settings.isReadCommitted ? fetched.abortedTransactions : []
        self.unplanned.append(
            Answer(
                cursor: self.planner.cursor(fetched.records, aborted: aborted),
                nextOffset: fetched.nextOffset,
                isDamaged: fetched.isDamaged
            )
        )
        self.held.append(HeldBytes(through: fetched.nextOffset - 1, lease: fetched.lease))
        self.receivedOffset = max(self.receivedOffset, fetched.nextOffset)
        self.fill()
        self.settle()
        self.announce()
    }

    /// Something happened to the source partition.
    package mutating func source(_ event: FetchEvent) {
        switch event {
        case .watermarks(_, let marks): self.reached(marks)
        case .started(_, let offset): self.started(at: offset)
        case .leaderChanged(_, let node, let epoch): self.report(.sourceLeaderChanged(node: node, epoch: epoch))
        case .failing(_, let failure):
            self.impede(
                failure.text(
                    cluster: self.settings.sourceAlias,
                    principal: self.settings.sourcePrincipal,
                    self.assignment.source
                )
            )
        case .recovered: self.clearImpediment()
        case .offsetOutOfRange(_, let offset, let logStart, let logEnd):
            if offset < logStart {
                self.report(.sourceGap(offset..<logStart))
                let text = "source records were removed before they were mirrored"
                self.goOn(at: logStart, self.gap(.retention, from: offset, to: logStart - 1, text))
            } else {
                self.report(.sourceTruncated(at: logEnd, mirroredTo: offset))
                let text = "the source ends before what is mirrored, and does not say where it took another course"
                self.goOn(at: logEnd, self.gap(.outOfRange, from: logEnd, to: offset - 1, text))
            }
        case .diverged(_, let offset, let epoch, let endOffset):
            let end = min(endOffset, offset)
            guard end < offset else {
                // The source was cut off behind what is mirrored; the epoch was that of a record after it.
                self.actions.append(.seek(.offset(offset), topicID: nil, epoch: epoch))
                return
            }
            self.report(.sourceTruncated(at: end, mirroredTo: offset))
            let text = "the source lost records that are mirrored, what it holds instead follows them"
            self.goOn(at: end, epoch: epoch, self.gap(.truncation, from: end, to: offset - 1, text))
        case .topicRecreated(_, let old, let new):
            self.report(.sourceRecreated(old: old, new: new))
            // The offset from which on records of the old topic are not mirrored; how many there were nobody knows.
            let next = (self.position?.sourceOffset ?? -1) + 1
            var gap = self.gap(
                .recreated,
                from: next,
                to: next - 1,
                "the source topic was deleted and created again, it is mirrored from its beginning"
            )
            gap.topicID = old
            // Not where it begins by now: what was removed from it before it was mirrored must show as a gap.
            self.goOn(at: 0, topicID: new, gap)
        }
    }

    /// Goes on somewhere else in the source, after everything that is queued and once the gap is in the ledger.
    private mutating func goOn(at offset: Int64, topicID: KafkaUUID? = nil, epoch: Int32 = -1, _ gap: Gap) {
        guard self.phase == .running || self.phase == .starting || self.phase == .proving else { return }
        self.pendingSeek = PendingSeek(offset: offset, topicID: topicID, epoch: epoch, gap: gap)
        self.settle()
    }

    /// Everything before the other place is through.
    ///
    /// Place and topic change together: the old offset under the new id would say that the new records are done.
    mutating func follow(_ seek: PendingSeek) {
        var position = self.position ?? PartitionPosition(sourceOffset: -1, sourceTopicID: self.topicID)
        position.sourceOffset = seek.offset - 1
        position.leaderEpoch = seek.epoch
        if let topicID = seek.topicID { position.sourceTopicID = topicID }
        var gap = seek.gap
        gap.targetOffset = position.targetOffset
        if gap.kind == .retention || gap.kind == .recreated, seek.topicID != nil || gap.from <= gap.to {
            // What was queued when it was found is mirrored by now.
            let next = (self.position?.sourceOffset ?? -1) + 1
            gap.from = max(gap.from, next)
            if gap.kind == .recreated { gap.to = gap.from - 1 }
        }
        self.hold(gap, .behind(position))
    }
}
