import DequeModule
public import KafkaProtocol
import KafkaRecords
public import NIOCore

/// Reading ahead from distant brokers.
///
/// A session has one request out, so the link idles for a round trip after each answer, and one answer is too small to
/// make up for that. A partition that lags far behind leaves the session of its distant broker: requests for it, outside
/// of any session, follow each other on a second connection. Where an answer ends is known only when it is there, so the
/// next request is a guess that rather begins a little early: batches that come twice are left out by the owner. A guess
/// that leaves a gap is thrown away. Whatever else happens, an error, another leader, the end of the log, the partition
/// goes back to the session, which knows what to do.
extension FetcherMachine {
    /// The second connection is there.
    public mutating func aheadConnected(_ node: Int32, version: Int16, now: NIODeadline) {
        self.now = now
        guard self.brokers[node]?.ahead.link == .connecting else { return }
        self.brokers[node]?.ahead.link = .ready(version: version)
        self.pump()
    }

    /// There is no second connection, or no longer.
    public mutating func aheadDisconnected(_ node: Int32, now: NIODeadline) {
        self.now = now
        guard var ahead = self.brokers[node]?.ahead else { return }
        for request in ahead.requests { self.budget.release(request.reserved) }
        let slots = ahead.streaming
        ahead.requests.removeAll()
        ahead.streaming.removeAll()
        ahead.rate.lost()
        ahead.failures += 1
        ahead.link = .waiting(
            until: now + self.settings.backoff(attempt: ahead.failures, blocked: false, seed: Int(node))
        )
        self.brokers[node]?.ahead = ahead
        for slot in slots {
            self.entries[slot]?.stream = nil
            self.updateSession(slot)
        }
        self.pump()
    }

    /// The answer to the oldest request on the second connection.
    public mutating func aheadAnswered(_ node: Int32, _ response: FetchResponse, memory: Int = 0, now: NIODeadline) {
        self.now = now
        guard let request = self.brokers[node]?.ahead.requests.popFirst() else { return }
        self.budget.release(request.reserved)
        self.brokers[node]?.ahead.failures = 0
        self.brokers[node]?.throttledUntil = now + .throttle(response.throttleTimeMs)
        self.brokers[node]?.ahead.rate.answered(request.mark, bytes: response.recordBytes, now: now)
        if self.entry(request.slot)?.stream?.id == request.stream {
            self.takeAhead(request, response, memory: memory)
        }
        self.pump()
    }

    private mutating func takeAhead(_ request: FetchAhead.Request, _ response: FetchResponse, memory: Int) {
        let slot = request.slot
        self.entries[slot]?.stream?.inFlight -= 1
        guard response.errorCode == .none, let entry = self.entry(slot), entry.cursor.phase == .fetching,
            let answer = response.responses.lazy.flatMap(\.partitions).first(where: {
                $0.partitionIndex == entry.cursor.partition.partition
            }),
            answer.errorCode == .none, answer.divergingEpoch.endOffset < 0, let data = answer.records,
            data.byteCount > 0
        else { return self.endStream(slot) }
        let next = entry.cursor.nextOffset
        guard request.offset <= next else {
            let id = self.takeStreamID()
            self.entries[slot]?.stream?.restart(id: id, next: next)
            return
        }
        let marks = FetchWatermarks(answer)
        let end = self.readableEnd(marks)
        self.entries[slot]?.stream?.end = end
        self.report(.watermarks(slot: slot, marks))
        let records = data.joined()
        let bounds = RecordBounds(scanning: records)
        guard let reached = bounds.nextOffset, let reach = bounds.reach(of: request.reserved), reached > next else {
            // Nothing new: read twice entirely, or a batch that is larger than the answer.
            return self.endStream(slot)
        }
        let frame = self.nextFrame
        self.nextFrame += 1
        // The records keep what comes twice at their head: the markers of transactions in it count.
        guard self.deliver(slot, answer, records, bounds, marks, frame: frame, asked: request.offset) else {
            return self.endStream(slot)
        }
        let held = max(data.byteCount, memory)
        self.frames[frame] = Frame(bytes: held, parts: 1)
        self.budget.charge(held)
        self.entries[slot]?.stream?.reached(reached, reach, isLast: reached >= end)
    }

    private func readableEnd(_ marks: FetchWatermarks) -> Int64 {
        guard self.settings.isolation == .readCommitted, marks.lastStableOffset >= 0 else { return marks.highWatermark }
        return min(marks.lastStableOffset, marks.highWatermark)
    }

    /// Reads a partition ahead from now on, if its broker is far and much is left to read.
    mutating func considerStream(_ slot: Int, _ bounds: RecordBounds, from offset: Int64, _ marks: FetchWatermarks) {
        guard bounds.completeBytes >= self.settings.aheadBytes, let reach = bounds.reach(),
            let entry = self.entry(slot), let node = entry.node,
            entry.stream == nil, !entry.cursor.isPaused, entry.cursor.phase == .fetching,
            let distance = self.brokers[node]?.distance, distance.isKnown, distance.least >= self.settings.farAway
        else { return }
        let end = self.readableEnd(marks)
        let next = entry.cursor.nextOffset
        guard end > next, (end - next) / 2 > next - offset else { return }
        switch self.brokers[node]?.ahead.link {
        case .idle:
            self.brokers[node]?.ahead.link = .connecting
            self.actions.append(.connectAhead(node: node))
        case .ready:
            let id = self.takeStreamID()
            self.entries[slot]?.stream = FetchStream(id: id, next: next, end: end, after: reach)
            self.brokers[node]?.ahead.streaming.append(slot)
            self.updateSession(slot)
        case .connecting, .waiting, nil: break
        }
    }

    /// Back to the session.
    mutating func endStream(_ slot: Int) {
        guard let entry = self.entry(slot), entry.stream != nil else { return }
        self.entries[slot]?.stream = nil
        if let node = entry.node { self.brokers[node]?.ahead.streaming.removeAll { $0 == slot } }
        self.updateSession(slot)
    }

    /// Sends what can be sent on the second connection.
    mutating func pumpAhead(_ node: Int32) {
        guard let streaming = self.brokers[node]?.ahead.streaming, !streaming.isEmpty else { return }
        for slot in streaming {
            guard let stream = self.entry(slot)?.stream, stream.inFlight == 0, stream.guess >= stream.end else {
                continue
            }
            self.endStream(slot)
        }
        guard case .ready(let version)? = self.brokers[node]?.ahead.link,
            (self.brokers[node]?.throttledUntil ?? self.now) <= self.now
        else { return }
        while let slot = self.nextStream(node) {
            guard self.sendAhead(slot, to: node, version: version) else { return }
        }
    }

    /// The partition whose turn it is; nil while enough is on its way.
    private func nextStream(_ node: Int32) -> Int? {
        guard let ahead = self.brokers[node]?.ahead else { return nil }
        guard ahead.requests.isEmpty || ahead.rate.bytesOut < self.allowance(node) else { return nil }
        let share = self.budget.capacity / 2 / max(1, self.holding)
        var best: (slot: Int, inFlight: Int)?
        for slot in ahead.streaming {
            guard let entry = self.entry(slot), let stream = entry.stream, stream.wantsMore,
                entry.cursor.outstanding < max(share, self.settings.maximumBytes)
            else { continue }
            if best.map({ stream.inFlight < $0.inFlight }) ?? true { best = (slot, stream.inFlight) }
        }
        return best?.slot
    }

    /// The bytes that may be on their way from a broker: what keeps the link full, or what there is room for, as far as
    /// it comes soon: a request that waits for long behind others would be given up.
    private func allowance(_ node: Int32) -> Int {
        guard let broker = self.brokers[node] else { return 0 }
        let others = self.brokers.values.reduce(0) { $0 + ($1.ahead.streaming.isEmpty ? 0 : 1) }
        let room = self.budget.capacity / 2 / max(1, others)
        return max(
            broker.ahead.rate.allowance(roundTrip: broker.distance.least),
            min(room, Int(min(self.rate(broker) * Self.soon, 1e9)))
        )
    }

    /// Bytes per second that a broker is known to send.
    private func rate(_ broker: FetchBroker) -> Double {
        broker.ahead.rate.best > 0 ? broker.ahead.rate.best : broker.answerRate
    }

    /// Seconds in which everything asked for should be there.
    private static let soon = 2.0

    private mutating func sendAhead(_ slot: Int, to node: Int32, version: Int16) -> Bool {
        guard let entry = self.entry(slot), let stream = entry.stream, let broker = self.brokers[node] else {
            return false
        }
        let cursor = entry.cursor
        let fair = self.budget.capacity / 2 / max(1, broker.ahead.streaming.count)
        let share = max(min(fair, Int(min(self.rate(broker) * Self.soon, 1e9))), FetchBroker.nearAnswer)
        let wish = FetchSettings.fitting(min(self.settings.maximumBytes, share, max(1, self.budget.capacity / 4)))
        // Some of the budget stays for partitions in sessions.
        let isAlone = self.brokers.values.allSatisfy { $0.session.wantedCount == 0 }
        let kept = isAlone || self.brokers[node]?.ahead.requests.isEmpty == true ? 0 : self.budget.capacity / 8
        guard self.budget.available >= wish + kept,
            let reserved = self.budget.reserve(upTo: wish, least: wish),
            let mark = self.brokers[node]?.ahead.rate.sent(reserved, now: self.now)
        else { return false }
        var partition = FetchRequest.FetchPartition()
        partition.partition = cursor.partition.partition
        partition.currentLeaderEpoch = cursor.leaderEpoch
        partition.fetchOffset = stream.guess
        // Only of the first is the epoch before it known.
        partition.lastFetchedEpoch = version >= 12 && stream.guess == cursor.nextOffset ? cursor.lastFetchedEpoch : -1
        partition.partitionMaxBytes = Int32(clamping: reserved)
        var topic = FetchRequest.FetchTopic()
        topic.topic = cursor.partition.topic
        topic.topicID = cursor.topicID
        topic.partitions = [partition]
        var request = FetchRequest()
        request.maxWaitMs = 0
        request.minBytes = 0
        request.maxBytes = Int32(clamping: reserved)
        request.isolationLevel = self.settings.isolation.rawValue
        request.sessionEpoch = -1
        request.topics = [topic]
        request.rackID = KafkaString(self.settings.rack)
        self.brokers[node]?.ahead.requests.append(
            FetchAhead.Request(slot: slot, stream: stream.id, offset: stream.guess, reserved: reserved, mark: mark)
        )
        self.entries[slot]?.stream?.sent(reserved)
        let canNameID = version >= 13 && cursor.topicID != .zero
        self.actions.append(.sendAhead(node: node, request, version: canNameID ? version : min(version, 12)))
        return true
    }

    private mutating func takeStreamID() -> UInt64 {
        self.nextStreamID += 1
        return self.nextStreamID
    }
}
