import KafkaProtocol
public import NIOCore

/// What a partition needs before it can send: its leader and a producer id.
extension ProducerMachine {
    /// The metadata know the partition's leader.
    public mutating func located(_ slot: Int, identity: UInt64, leader: PartitionLeader, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot), entry.identity == identity, entry.phase == .preparing, entry.isLocating
        else {
            return
        }
        self.entries[slot]?.isLocating = false
        if leader.epoch < 0 || leader.epoch >= entry.leaderEpoch {
            self.entries[slot]?.leaderEpoch = leader.epoch
            self.move(slot, to: leader.node)
        }
        self.activate(slot)
    }

    /// The partition has no leader now, or the cluster could not be asked.
    ///
    /// - Parameter isMissing: The topic or partition does not exist, as far as the cluster knows.
    public mutating func notLocated(
        _ slot: Int,
        identity: UInt64,
        reason: ProduceFailure,
        isMissing: Bool,
        now: NIODeadline
    ) {
        self.now = now
        guard let entry = self.entry(slot), entry.identity == identity, entry.phase == .preparing, entry.isLocating
        else {
            return
        }
        self.entries[slot]?.isLocating = false
        if isMissing, entry.attempts + 1 >= self.settings.missingTopicAttempts {
            self.entries[slot]?.decide(.refused(.missing, .unknownTopicOrPartition, nil, token: entry.firstToken))
            self.settle(slot)
        } else {
            self.pause(slot, reason)
        }
    }

    /// A producer id was handed out.
    public mutating func initialized(_ question: ProducerIDQuestion, _ identity: ProducerIdentity, now: NIODeadline) {
        self.now = now
        switch question {
        case .shared:
            self.shared = .ready(identity)
            self.sharedAttempts = 0
            for slot in self.entries.indices where self.entries[slot]?.needsOwnIdentity == false { self.activate(slot) }
        case .own(let slot, let owner):
            guard let entry = self.entry(slot), entry.identity == owner, entry.isInitializing else { return }
            self.entries[slot]?.isInitializing = false
            self.entries[slot]?.ids.begin(identity)
            self.activate(slot)
        }
    }

    /// No producer id: the broker is starting up, refuses, or cannot be reached.
    public mutating func notInitialized(_ question: ProducerIDQuestion, reason: String, now: NIODeadline) {
        self.now = now
        switch question {
        case .shared:
            self.sharedAttempts += 1
            self.shared = .waiting(until: now + self.settings.backoff(attempt: self.sharedAttempts, seed: 0))
            guard self.sharedAttempts >= 3 else { return }
            for slot in self.entries.indices {
                guard let entry = self.entry(slot), entry.phase == .preparing, !entry.needsOwnIdentity else { continue }
                self.reportFailing(slot, .noProducerID(reason))
            }
        case .own(let slot, let owner):
            guard let entry = self.entry(slot), entry.identity == owner, entry.isInitializing else { return }
            self.entries[slot]?.isInitializing = false
            self.pause(slot, .noProducerID(reason))
        }
    }

    /// Looks for what the partition lacks: its leader, and an identity.
    mutating func prepare(_ slot: Int, refresh: Bool) {
        guard let entry = self.entry(slot) else { return }
        self.entries[slot]?.phase = .preparing
        self.entries[slot]?.isLocating = true
        self.entries[slot]?.wantsRefresh = false
        self.questions.append(
            LeaderQuestion(slot: slot, identity: entry.identity, partition: entry.partition, refresh: refresh)
        )
        self.activate(slot)
    }

    /// Goes to work when nothing is missing any more.
    mutating func activate(_ slot: Int) {
        guard let entry = self.entry(slot), entry.phase == .preparing else { return }
        if entry.ids.identity == nil {
            if entry.needsOwnIdentity {
                if !entry.isInitializing {
                    self.entries[slot]?.isInitializing = true
                    self.actions.append(.initialize(.own(slot: slot, identity: entry.identity)))
                }
                return
            }
            guard case .ready(let identity) = self.shared else {
                if case .none = self.shared { self.requestShared() }
                return
            }
            self.entries[slot]?.ids.begin(identity, at: self.closedSequences[entry.partition] ?? 0)
        }
        guard !entry.isLocating, entry.node != nil else { return }
        self.entries[slot]?.phase = .active
        self.queue(slot)
    }

    mutating func requestShared() {
        guard !self.settings.isTransactional else { return }
        self.shared = .requested
        self.actions.append(.initialize(.shared))
    }

    mutating func move(_ slot: Int, to node: Int32) {
        guard let entry = self.entry(slot), entry.node != node else { return }
        if let old = entry.node { self.brokers[old]?.remove(slot) }
        self.entries[slot]?.node = node
        self.brokers.add(node, BrokerProduceQueue())
    }

    mutating func pause(_ slot: Int, _ failure: ProduceFailure) {
        guard let entry = self.entry(slot) else { return }
        if let node = entry.node { self.brokers[node]?.remove(slot) }
        let attempts = entry.attempts + 1
        self.entries[slot]?.attempts = attempts
        self.entries[slot]?.wantsRefresh = true
        self.entries[slot]?.phase = .waiting(until: self.now + self.settings.backoff(attempt: attempts, seed: slot))
        self.sleeping.insert(slot)
        if attempts >= 5 { self.reportFailing(slot, failure) }
    }

    private mutating func reportFailing(_ slot: Int, _ failure: ProduceFailure) {
        guard let entry = self.entry(slot), !entry.isReportedFailing else { return }
        self.entries[slot]?.isReportedFailing = true
        self.actions.append(.report(.failing(slot: slot, failure)))
    }
}
