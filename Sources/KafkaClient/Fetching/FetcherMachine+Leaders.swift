import KafkaProtocol
public import NIOCore

/// Where a partition begins: its leader, its offsets, and the pauses when they cannot be found.
extension FetcherMachine {
    /// The metadata know the partition's leader.
    public mutating func located(_ slot: Int, generation: UInt64, leader: PartitionLeader, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot), entry.generation == generation, entry.cursor.phase == .locating else {
            return
        }
        let epoch = entry.cursor.leaderEpoch
        switch self.entries[slot]?.cursor.located(leader) {
        case .ready:
            if leader.epoch > epoch, epoch >= 0 {
                self.report(.leaderChanged(slot: slot, node: leader.node, epoch: leader.epoch))
            }
            if let start = entry.cursor.unresolved {
                self.actions.append(
                    .resolve(slot: slot, generation: generation, entry.cursor.partition, start)
                )
            } else {
                self.joinBroker(slot)
            }
        case .recreated(let old, let new):
            self.report(.topicRecreated(slot: slot, old: old, new: new))
        case .outdated:
            let reason = "a broker still names the topic that was deleted"
            self.fail(slot, .noLeader(reason), blocked: false, reportFrom: 3)
        case nil:
            break
        }
        self.pump()
    }

    /// The partition has no leader now, or the cluster could not be asked.
    public mutating func notLocated(_ slot: Int, generation: UInt64, reason: FetchFailure, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot), entry.generation == generation, entry.cursor.phase == .locating else {
            return
        }
        self.fail(slot, reason, blocked: false, reportFrom: 3)
    }

    /// The start offset was found.
    public mutating func resolved(_ slot: Int, generation: UInt64, offset: Int64, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot), entry.generation == generation, entry.cursor.phase == .resolving else {
            return
        }
        self.entries[slot]?.cursor.resolved(offset: offset)
        self.report(.started(slot: slot, offset: offset))
        self.joinBroker(slot)
        self.pump()
    }

    /// An offset could not be found.
    public mutating func notResolved(_ slot: Int, generation: UInt64, reason: FetchFailure, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot), entry.generation == generation else { return }
        switch entry.cursor.phase {
        case .resolving, .suspended: self.fail(slot, reason, blocked: false, reportFrom: 3)
        case .locating, .fetching, .waiting: break
        }
    }

    /// Both ends of the log of a partition that answered OFFSET_OUT_OF_RANGE.
    public mutating func foundBounds(
        _ slot: Int,
        generation: UInt64,
        logStart: Int64,
        logEnd: Int64,
        now: NIODeadline
    ) {
        self.now = now
        guard let entry = self.entry(slot), entry.generation == generation, entry.cursor.phase == .suspended else {
            return
        }
        let offset = entry.cursor.nextOffset
        let isGivenUp = entry.cursor.lastFetchedEpoch < 0 || entry.cursor.attempts >= Self.epochAttempts
        if offset >= logStart, !isGivenUp {
            // With the epoch its leader tells where its log took another course. Without, that would not be noticed once
            // the log has grown again, so the epoch is given up only for a broker that does not know it any more.
            self.fail(slot, .refused(.offsetOutOfRange), blocked: false, reportFrom: Self.epochAttempts)
        } else if (logStart...max(logStart, logEnd)).contains(offset) {
            // The leader changed in between.
            self.entries[slot]?.cursor.lastFetchedEpoch = -1
            self.fail(slot, .refused(.offsetOutOfRange), blocked: false, reportFrom: Self.epochAttempts)
        } else {
            self.report(.offsetOutOfRange(slot: slot, offset: offset, logStart: logStart, logEnd: logEnd))
        }
    }

    /// So often in a row a broker says that an offset is out of range, although it is not, until the epoch is the reason.
    static let epochAttempts = 5

    mutating func ask(_ slot: Int, refresh: Bool) {
        guard let entry = self.entry(slot) else { return }
        self.questions.append(
            LeaderQuestion(
                slot: slot,
                generation: entry.generation,
                partition: entry.cursor.partition,
                refresh: refresh
            )
        )
    }

    /// Counts a failure and takes the partition out of its session for a pause.
    mutating func fail(_ slot: Int, _ failure: FetchFailure, blocked: Bool, reportFrom: Int) {
        guard let entry = self.entry(slot) else { return }
        self.leaveBroker(slot)
        let attempts = entry.cursor.attempts + 1
        self.entries[slot]?.cursor.attempts = attempts
        let pause = self.settings.backoff(attempt: attempts, blocked: blocked, seed: slot)
        self.entries[slot]?.cursor.pause(until: self.now + pause)
        self.sleeping.insert(slot)
        if attempts >= reportFrom, !entry.isReportedFailing {
            self.entries[slot]?.isReportedFailing = true
            self.report(.failing(slot: slot, failure))
        }
    }

    mutating func recover(_ slot: Int) {
        guard let entry = self.entry(slot), entry.cursor.attempts > 0 || entry.isReportedFailing else { return }
        self.entries[slot]?.cursor.attempts = 0
        self.entries[slot]?.isReportedFailing = false
        if entry.isReportedFailing { self.report(.recovered(slot: slot)) }
    }
}
