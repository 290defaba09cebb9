import KafkaProtocol
public import NIOCore

/// Connections, which partitions are read from which broker, and the requests to it.
extension FetcherMachine {
    /// The connection is there.
    ///
    /// - Parameter version: The newest Fetch version both sides speak.
    public mutating func connected(_ node: Int32, version: Int16, now: NIODeadline) {
        self.now = now
        guard self.brokers[node]?.link == .connecting else { return }
        self.brokers[node]?.link = .ready(version: version)
        self.brokers[node]?.session.reset()
        // At least two ways there and back: the connection and its first question. Answers to polls tell more exactly.
        if let since = self.brokers[node]?.connectingSince, self.brokers[node]?.distance.isKnown == false {
            self.brokers[node]?.distance.add(.nanoseconds((now - since).nanoseconds / 2))
        }
        // Limits and epochs may be written differently than for the broker's last version.
        for slot in self.brokers[node]?.members ?? [] { self.updateSession(slot) }
        self.pump()
    }

    /// There is no connection, or no longer; every request on it failed.
    public mutating func disconnected(_ node: Int32, reason: String, now: NIODeadline) {
        self.now = now
        guard var broker = self.brokers[node] else { return }
        if let request = broker.inFlight { self.budget.release(request.reserved) }
        // The next request to a broker that answers none takes as long again, so the first is told.
        let wasSilent = broker.inFlight.map { now - $0.sentAt >= .seconds(5) } ?? false
        broker.inFlight = nil
        broker.answerBytes = max(broker.answerBytes / 2, FetchBroker.nearAnswer)
        broker.failures += 1
        broker.session.reset()
        broker.link = .waiting(
            until: now + self.settings.backoff(attempt: broker.failures, blocked: false, seed: Int(node))
        )
        self.brokers[node] = broker
        for slot in broker.members.sorted() {
            self.entries[slot]?.cursor.dropPreference()
            self.fail(slot, .disconnected(node: node, reason), blocked: false, reportFrom: wasSilent ? 1 : 3)
        }
        self.pump()
    }

    mutating func leaveBroker(_ slot: Int) {
        guard let node = self.entry(slot)?.node else { return }
        self.endStream(slot)
        self.entries[slot]?.node = nil
        self.brokers[node]?.leave(slot)
        self.updateLimit(node)
    }

    mutating func joinBroker(_ slot: Int) {
        guard let entry = self.entry(slot) else { return }
        let node = entry.cursor.source(now: self.now)
        guard node >= 0 else {
            self.fail(slot, .noLeader("the partition has no leader"), blocked: false, reportFrom: 3)
            return
        }
        if entry.node != node {
            self.leaveBroker(slot)
            self.entries[slot]?.node = node
            self.brokers.add(node, FetchBroker())
            self.brokers[node]?.join(slot, entry.cursor)
            self.updateLimit(node)
        }
        if entry.cursor.readsFromFollower {
            self.brokers[node]?.followers.insert(slot)
        } else {
            self.brokers[node]?.followers.remove(slot)
        }
        self.updateSession(slot)
    }

    /// The share of an answer each partition of a broker may take.
    private mutating func updateLimit(_ node: Int32) {
        guard let members = self.brokers[node]?.members.count else { return }
        let limit: Int
        if let fixed = self.settings.maximumPartitionBytes {
            limit = fixed
        } else {
            // A power of two, so that it rarely changes: each change renews every partition of the session.
            let fair = self.settings.maximumBytes / max(1, members)
            limit = max(1 << 20, fair <= 0 ? 1 : 1 << (Int.bitWidth - 1 - fair.leadingZeroBitCount))
        }
        let capped = Int32(min(limit, FetchSettings.answerLimit))
        guard capped != self.brokers[node]?.partitionLimit else { return }
        self.brokers[node]?.partitionLimit = capped
        for slot in self.brokers[node]?.members ?? [] { self.updateSession(slot) }
    }

    /// Brings a partition's place in its broker's session in line with its cursor.
    mutating func updateSession(_ slot: Int) {
        // Scalars only: a copy of the broker held across a change would make that change copy its whole session.
        guard let entry = self.entry(slot), let node = entry.node, let link = self.brokers[node]?.link,
            let limit = self.brokers[node]?.partitionLimit
        else { return }
        let cursor = entry.cursor
        guard entry.stream == nil else {
            self.brokers[node]?.session.forget(slot)
            self.brokers[node]?.starved.remove(slot)
            return
        }
        // Half of what there is stays free for others, also when all that hold something get stuck.
        let share = self.ceiling(node) / (2 * max(1, self.holding))
        guard cursor.phase == .fetching, !cursor.isPaused, cursor.outstanding == 0 || cursor.outstanding < share else {
            self.brokers[node]?.session.forget(slot)
            if !cursor.isPaused { self.brokers[node]?.starved.insert(slot) }
            return
        }
        var version: Int16 = 0
        if case .ready(let negotiated) = link { version = negotiated }
        if self.brokers[node]?.starved.remove(slot) != nil { self.brokers[node]?.idleUntil = .distantPast }
        self.brokers[node]?.session.want(
            slot,
            FetchSessionState.Partition(
                topic: cursor.partition.topic,
                topicID: cursor.topicID,
                index: cursor.partition.partition,
                fetchOffset: cursor.nextOffset,
                leaderEpoch: cursor.leaderEpoch,
                lastFetchedEpoch: version >= 12 ? cursor.lastFetchedEpoch : -1,
                maxBytes: max(cursor.enlargedBytes ?? 0, limit)
            )
        )
    }

    /// Sends whatever can be sent now.
    mutating func pump() {
        for node in self.brokers.nodes {
            self.pumpAhead(node)
            self.pump(node)
        }
    }

    mutating func pump(_ node: Int32) {
        guard let link = self.brokers[node]?.link, self.brokers[node]?.members.isEmpty == false else { return }
        switch link {
        case .idle:
            self.brokers[node]?.link = .connecting
            self.brokers[node]?.connectingSince = self.now
            self.actions.append(.connect(node: node))
        case .connecting, .waiting:
            break
        case .ready(let version):
            guard self.brokers[node]?.canSend(now: self.now) == true else { return }
            self.send(node, version: version)
        }
    }

    /// How many bytes of a broker may be in memory.
    ///
    /// The data on their way to a target close by are few, however fast it is: what is read beyond them only waits, and
    /// leaves the processor's caches.
    private func ceiling(_ node: Int32) -> Int {
        let capacity = self.budget.capacity
        guard let distance = self.targetDistance, distance < self.settings.farAway,
            self.brokers[node].map({ $0.distance.least < self.settings.farAway }) ?? true
        else { return capacity }
        // Two bytes in each nanosecond are more than one event loop moves.
        let wanted = max(self.settings.nearBytes, Int(distance.nanoseconds) * 2)
        // Each broker has an answer on its way and one that is being written.
        return min(capacity / 2, max(wanted, 2 * FetchBroker.nearAnswer * self.brokers.nodes.count))
    }

    /// How much may be asked for now.
    private func available(_ node: Int32) -> Int {
        let ceiling = self.ceiling(node)
        guard ceiling < self.budget.capacity else { return self.budget.available }
        return max(0, min(self.budget.available, ceiling - (self.budget.used - self.charged)))
    }

    mutating func send(_ node: Int32, version: Int16) {
        // Brokers share the budget: each leaves enough for one answer of every other that has none out.
        var waiting = 0
        for node in self.brokers.nodes {
            if self.brokers[node]?.inFlight == nil, self.brokers[node]?.session.wantedCount ?? 0 > 0 { waiting += 1 }
            if self.brokers[node]?.ahead.streaming.isEmpty == false { waiting += 1 }
        }
        let largest = min(self.settings.maximumBytes, self.brokers[node]?.answerBytes ?? .max)
        let available = self.available(node)
        let share = min(largest, max(available / max(1, waiting), 64 << 10))
        let wish = FetchSettings.fitting(share)
        let least = min(wish, 64 << 10)
        guard available >= least || self.budget.used == 0,
            let reserved = self.budget.reserve(upTo: wish, least: least)
        else { return }
        let useIDs = version >= 13 && self.brokers[node]?.lacksTopicID == false
        // Others wait for room at their owner: do not let this poll hold them up when the room comes.
        let isStarving = self.brokers[node]?.starved.isEmpty == false
        let wait = isStarving ? min(self.settings.maximumWait, .milliseconds(10)) : self.settings.maximumWait
        guard let plan = self.brokers[node]?.session.nextRequest(topicIDs: useIDs) else {
            self.budget.release(reserved)
            return
        }
        var request = FetchRequest()
        request.maxWaitMs = Int32(clamping: wait.nanoseconds / 1_000_000)
        request.minBytes = self.settings.minimumBytes
        request.maxBytes = max(Int32(clamping: reserved), self.brokers[node]?.largestBatch ?? 0)
        request.isolationLevel = self.settings.isolation.rawValue
        request.sessionID = plan.sessionID
        request.sessionEpoch = plan.sessionEpoch
        request.topics = plan.topics
        request.forgottenTopicsData = plan.forgotten
        request.rackID = KafkaString(self.settings.rack)
        self.brokers[node]?.inFlight = FetchBroker.Request(sentAt: self.now, reserved: reserved, wait: wait)
        self.actions.append(.send(node: node, request, version: useIDs ? version : min(version, 12)))
    }
}
