package import KafkaClient
import KafkaProtocol

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
                self.goOn(at: .offset(logStart))
            } else {
                self.report(.sourceTruncated(at: logEnd, mirroredTo: offset))
                self.goOn(at: .offset(logEnd))
            }
        case .diverged(_, let offset, let epoch, let endOffset):
            self.report(.sourceTruncated(at: min(endOffset, offset), mirroredTo: offset))
            self.goOn(at: .offset(min(endOffset, offset)), epoch: epoch)
        case .topicRecreated(_, let old, let new):
            self.report(.sourceRecreated(old: old, new: new))
            // Not where it begins by now: what was removed from it before it was mirrored must show as a gap.
            self.goOn(at: .offset(0), topicID: new)
        }
    }

    /// Goes on somewhere else in the source, after everything that is queued.
    private mutating func goOn(at start: StartPosition, topicID: KafkaUUID? = nil, epoch: Int32 = -1) {
        guard self.phase == .running || self.phase == .starting || self.phase == .proving else { return }
        self.pendingSeek = PendingSeek(start: start, topicID: topicID, epoch: epoch)
        self.settle()
    }
}
