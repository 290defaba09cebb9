public import KafkaProtocol
import KafkaRecords
public import NIOCore

extension FetchResponse {
    /// Bytes of records in all partitions.
    var recordBytes: Int {
        self.responses.reduce(0) { $0 + $1.partitions.reduce(0) { $0 + ($1.records?.byteCount ?? 0) } }
    }
}

/// What brokers answer.
extension FetcherMachine {
    /// From this time on an answer is too large for its link.
    static let longAnswer = TimeAmount.seconds(4)

    /// A broker's answer to the request that is out.
    ///
    /// - Parameter memory: What the answer keeps in memory, where that is more than its records.
    public mutating func answered(_ node: Int32, _ response: FetchResponse, memory: Int = 0, now: NIODeadline) {
        self.now = now
        guard let request = self.brokers[node]?.inFlight else { return }
        self.budget.release(request.reserved)
        self.brokers[node]?.inFlight = nil
        self.brokers[node]?.failures = 0
        self.brokers[node]?.throttledUntil = now + .throttle(response.throttleTimeMs)
        switch self.brokers[node]?.session.answered(error: response.errorCode, sessionID: response.sessionID) {
        case .accepted:
            let bytes = response.recordBytes
            if bytes > 0 {
                self.brokers[node]?.distance.add(now - request.sentAt)
                self.brokers[node]?.answerRate = FetchBroker.rate(bytes, in: now - request.sentAt)
            }
            let signal = self.take(response, from: node, memory: memory)
            self.adapt(node, request: request, bytes: bytes)
            self.pace(node, request: request, isEmpty: !signal)
        case .restarted:
            self.pace(node, request: request, isEmpty: true)
        case nil:
            break
        case .failed(let code):
            self.brokers[node]?.idleUntil = now + self.settings.backoff(attempt: 1, blocked: true, seed: Int(node))
            for slot in (self.brokers[node]?.members ?? []).sorted() {
                self.fail(slot, .refused(code), blocked: FetchErrorClass(code) == .denied, reportFrom: 3)
            }
        }
        self.pump()
    }

    /// Takes the partitions of an answer; false when it told nothing that a broker need not wait for.
    mutating func take(_ response: FetchResponse, from node: Int32, memory: Int) -> Bool {
        let frame = self.nextFrame
        self.nextFrame += 1
        var parts = 0
        var bytes = 0
        var signal = false
        for topic in response.responses {
            for answer in topic.partitions {
                let size = answer.records?.byteCount ?? 0
                // Bytes nobody wants any more stay in memory as long as their neighbours in the frame.
                bytes += size
                if size > 0 { signal = true }
                guard let slot = self.slot(topic, answer.partitionIndex, node),
                    let entry = self.entry(slot), entry.node == node,
                    let sent = self.brokers[node]?.session.sent(slot),
                    entry.cursor.phase == .fetching, sent.fetchOffset == entry.cursor.nextOffset
                else { continue }
                if answer.errorCode != .none {
                    signal = true
                    self.refused(slot, answer)
                } else if answer.divergingEpoch.endOffset.asOffset >= 0 {
                    signal = true
                    self.diverged(slot, answer)
                } else if answer.preferredReadReplica >= 0, answer.preferredReadReplica != node, size == 0 {
                    signal = true
                    self.entries[slot]?.cursor.prefer(
                        replica: answer.preferredReadReplica,
                        until: self.now + self.settings.replicaPreference
                    )
                    self.joinBroker(slot)
                } else {
                    self.recover(slot)
                    let marks = FetchWatermarks(answer)
                    self.report(.watermarks(slot: slot, marks))
                    guard size > 0, let records = answer.records?.joined() else { continue }
                    let bounds = RecordBounds(scanning: records)
                    if self.deliver(slot, answer, records, bounds, marks, frame: frame, asked: sent.fetchOffset) {
                        parts += 1
                        self.considerStream(slot, bounds, from: sent.fetchOffset, marks)
                    }
                }
            }
        }
        if parts > 0 {
            let held = max(bytes, memory)
            self.frames[frame] = Frame(bytes: held, parts: parts)
            self.budget.charge(held)
        }
        return signal
    }

    func slot(_ topic: FetchResponse.FetchableTopicResponse, _ index: Int32, _ node: Int32) -> Int? {
        if topic.topicID != .zero {
            return self.brokers[node]?.slotsByID[FetchBroker.TopicIDPartition(id: topic.topicID, index: index)]
        }
        return self.slotsByName[TopicPartition(topic: topic.topic, partition: index)]
    }

    /// Hands the complete batches of an answer to the owner; false when there is none.
    mutating func deliver(
        _ slot: Int,
        _ answer: FetchResponse.PartitionData,
        _ data: ByteBuffer,
        _ bounds: RecordBounds,
        _ marks: FetchWatermarks,
        frame: UInt64,
        asked: Int64
    ) -> Bool {
        guard let entry = self.entry(slot) else { return false }
        var records = data
        guard bounds.completeBytes > 0 || bounds.isDamaged else {
            // The first batch is larger than the limit: ask for all of it, ahead of the others.
            let size = min(bounds.truncatedSize ?? FetchSettings.answerLimit, Int(Int32.max))
            self.entries[slot]?.cursor.enlargedBytes = Int32(size)
            if let node = entry.node {
                self.brokers[node]?.session.favour(slot)
                self.brokers[node]?.largeBatches[slot] = Int32(size)
            }
            self.updateSession(slot)
            return false
        }
        if !bounds.isDamaged, let whole = records.readSlice(length: bounds.completeBytes) { records = whole }
        let next = max(entry.cursor.nextOffset, bounds.nextOffset ?? 0)
        let lease = FetchLease(
            frame: frame,
            slot: slot,
            identity: entry.identity,
            bytes: records.readableBytes
        )
        let delivered = FetchedRecords(
            slot: slot,
            partition: entry.cursor.partition,
            records: records,
            fetchOffset: asked,
            nextOffset: next,
            watermarks: marks,
            abortedTransactions: (answer.abortedTransactions ?? []).map {
                AbortedTransaction(producerID: $0.producerID, firstOffset: $0.firstOffset)
            },
            isDamaged: bounds.isDamaged,
            lease: lease
        )
        if entry.cursor.outstanding == 0 { self.holding += 1 }
        self.entries[slot]?.cursor.outstanding += lease.bytes
        self.entries[slot]?.cursor.advanced(to: next, epoch: bounds.lastEpoch)
        if entry.cursor.enlargedBytes != nil, let node = entry.node { self.brokers[node]?.largeBatches[slot] = nil }
        if bounds.isDamaged {
            self.leaveBroker(slot)
            self.entries[slot]?.cursor.phase = .suspended
        } else {
            self.updateSession(slot)
        }
        self.actions.append(.deliver(delivered))
        return true
    }

    mutating func refused(_ slot: Int, _ answer: FetchResponse.PartitionData) {
        guard let entry = self.entry(slot) else { return }
        let code = answer.errorCode
        let kind = FetchErrorClass(code)
        if entry.cursor.readsFromFollower, kind == .outOfRange || kind == .leaderMoved || kind == .brokerBehind {
            // A follower may be behind the offset or no replica any more; the leader decides.
            self.entries[slot]?.cursor.dropPreference()
            self.joinBroker(slot)
            return
        }
        switch kind {
        case .leaderMoved, .brokerBehind:
            let node = answer.currentLeader.leaderID
            let epoch = answer.currentLeader.leaderEpoch
            if self.entries[slot]?.cursor.moved(to: node, epoch: epoch) == true {
                self.actions.append(.learned(entry.cursor.partition, node: node, epoch: epoch))
                self.report(.leaderChanged(slot: slot, node: node, epoch: epoch))
                self.joinBroker(slot)
            } else {
                self.fail(slot, .refused(code), blocked: false, reportFrom: 10)
            }
        case .outOfRange:
            self.leaveBroker(slot)
            self.entries[slot]?.cursor.phase = .suspended
            self.actions.append(
                .findBounds(slot: slot, generation: entry.generation, entry.cursor.partition)
            )
        case .topicChanged: self.fail(slot, .refused(code), blocked: false, reportFrom: 3)
        case .denied, .unexpected: self.fail(slot, .refused(code), blocked: true, reportFrom: 1)
        case .transient: self.fail(slot, .refused(code), blocked: false, reportFrom: 10)
        }
    }

    private mutating func diverged(_ slot: Int, _ answer: FetchResponse.PartitionData) {
        guard let entry = self.entry(slot) else { return }
        self.leaveBroker(slot)
        self.entries[slot]?.cursor.phase = .suspended
        self.report(
            .diverged(
                slot: slot,
                offset: entry.cursor.nextOffset,
                epoch: answer.divergingEpoch.epoch,
                endOffset: answer.divergingEpoch.endOffset
            )
        )
    }

    /// Asks a distant broker for more at a time, so that its answers fill the way between, and a near one for less:
    /// small answers stay in the processor's caches and leave memory soon.
    private mutating func adapt(_ node: Int32, request: FetchBroker.Request, bytes: Int) {
        guard bytes >= request.reserved / 4 * 3, let size = self.brokers[node]?.answerBytes else { return }
        let time = self.now - request.sentAt
        if time > Self.longAnswer {
            // A slow link: twice as much could take longer than a request may.
            self.brokers[node]?.answerBytes = max(size / 2, FetchBroker.nearAnswer)
        } else if time > .milliseconds(30) {
            let isFar = self.brokers[node].map { $0.distance.isKnown && $0.distance.least >= self.settings.farAway }
            let larger = size * (isFar == true ? 8 : 2)
            self.brokers[node]?.answerBytes = min(larger, max(self.settings.maximumBytes, FetchBroker.nearAnswer))
        } else if time < .milliseconds(15) {
            self.brokers[node]?.answerBytes = max(size / 2, FetchBroker.nearAnswer)
        }
    }

    /// Slows down for a broker that does not wait when it has nothing.
    private mutating func pace(_ node: Int32, request: FetchBroker.Request, isEmpty: Bool) {
        guard isEmpty, (self.now - request.sentAt).nanoseconds < request.wait.nanoseconds / 2 else {
            self.brokers[node]?.quickAnswers = 0
            return
        }
        let count = (self.brokers[node]?.quickAnswers ?? 0) + 1
        self.brokers[node]?.quickAnswers = count
        let pause = min(TimeAmount.milliseconds(5 << Int64(min(count - 1, 10))), request.wait)
        self.brokers[node]?.idleUntil = self.now + pause
    }
}
