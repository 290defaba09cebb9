import DequeModule
public import KafkaProtocol
public import NIOCore

/// What brokers answer, and connections that are lost before they do.
extension ProducerMachine {
    /// The connection is there.
    ///
    /// - Parameter version: The newest Produce version both sides speak.
    public mutating func connected(_ node: Int32, version: Int16, now: NIODeadline) {
        self.now = now
        guard self.brokers[node]?.link == .connecting else { return }
        self.brokers[node]?.link = .ready(version: version)
        self.brokers[node]?.failures = 0
        // At least two ways there and back. It tells a close broker that has much to do from a distant one, which the first
        // answers, to large requests, do not.
        if let since = self.brokers[node]?.connectingSince, self.brokers[node]?.roundTrip.isKnown == false {
            let distance = TimeAmount.nanoseconds((now - since).nanoseconds / 2)
            if distance > .zero, distance < self.settings.farAway { self.brokers[node]?.roundTrip.add(distance) }
        }
    }

    /// There is no connection, or no longer; every request on it failed, and nobody knows what was written.
    public mutating func disconnected(_ node: Int32, reason: String, now: NIODeadline) {
        self.now = now
        guard var failures = self.brokers[node]?.failures, let lost = self.brokers[node]?.lost() else { return }
        failures += 1
        self.brokers[node]?.failures = failures
        self.brokers[node]?.link = .waiting(
            until: now + self.settings.backoff(attempt: failures, seed: Int(node))
        )
        for id in lost {
            guard let request = self.requests.removeValue(forKey: id) else { continue }
            for part in request.parts {
                guard let entry = self.entry(part.slot), entry.identity == part.identity else { continue }
                self.entries[part.slot]?.takeBack(request: id, isUncertain: true)
                self.entries[part.slot]?.decide(.retry(refresh: true, .disconnected(node: node, reason)))
                self.settle(part.slot)
            }
        }
        // Partitions that had nothing out may have moved as well.
        for slot in self.entries.indices {
            guard let entry = self.entry(slot), entry.node == node, entry.phase == .active, entry.onWire == 0 else {
                continue
            }
            self.pause(slot, .disconnected(node: node, reason))
        }
    }

    /// A broker's answer to a request.
    public mutating func answered(_ id: UInt64, _ response: ProduceResponse, now: NIODeadline) {
        self.now = now
        guard let request = self.requests.removeValue(forKey: id) else { return }
        self.brokers[request.node]?.answered(
            id,
            sentAt: request.sentAt,
            throttle: .throttle(response.throttleTimeMs),
            now: now
        )
        // Brokers answer in the order of the request, so the next part is nearly always the one looked for.
        var cursor = 0
        var isAnswered = [Bool](repeating: false, count: request.parts.count)
        for topic in response.responses {
            for result in topic.partitionResponses {
                let matches = { (part: SentRequest.Part) in
                    part.partition.partition == result.index && part.partition.topic == topic.name
                }
                let position: Int
                if cursor < request.parts.count, matches(request.parts[cursor]) {
                    position = cursor
                } else if let found = request.parts.firstIndex(where: matches) {
                    position = found
                } else {
                    continue
                }
                cursor = position + 1
                guard !isAnswered[position] else { continue }
                isAnswered[position] = true
                let part = request.parts[position]
                guard self.isOpen(part) else { continue }
                self.take(part.slot, request: id, result)
            }
        }
        for (position, part) in request.parts.enumerated() where !isAnswered[position] {
            guard let entry = self.entry(part.slot), entry.identity == part.identity else { continue }
            self.entries[part.slot]?.takeBack(request: id, isUncertain: true)
            self.entries[part.slot]?.decide(.retry(refresh: false, .refused(.unknownServerError)))
            self.settle(part.slot)
        }
    }

    /// Whether the slot is still used for what was sent.
    private mutating func isOpen(_ part: SentRequest.Part) -> Bool {
        self.entries.indices.contains(part.slot)
            && self.entries[part.slot]?.edit { $0.identity } == part.identity
    }

    private mutating func take(
        _ slot: Int,
        request: UInt64,
        _ result: ProduceResponse.PartitionProduceResponse
    ) {
        if result.errorCode == .none, result.baseOffset.asOffset >= 0,
            let token = self.entries[slot]?.acknowledge(request: request, baseOffset: result.baseOffset)
        {
            let time = result.logAppendTimeMs >= 0 ? result.logAppendTimeMs : nil
            self.actions.append(
                .report(
                    .acknowledged(slot: slot, token: token, baseOffset: result.baseOffset, logAppendTime: time)
                )
            )
            self.queue(slot)
            return
        }
        guard let entry = self.entry(slot),
            let position = entry.outstanding.firstIndex(where: { $0.request == request })
        else { return }
        let code = result.errorCode
        let token = entry.outstanding[position].batch.token
        let kind = ProduceErrorClass(code)
        if kind == .done {
            let offset = code == .none && result.baseOffset.asOffset >= 0 ? result.baseOffset : nil
            let time = result.logAppendTimeMs >= 0 ? result.logAppendTimeMs : nil
            self.acknowledge(slot, position, baseOffset: offset, logAppendTime: time)
            return
        }
        if kind == .sequenceGap, entry.settlement == nil, entry.isKnownWritten(position) {
            self.acknowledge(slot, position, baseOffset: nil, logAppendTime: nil)
            return
        }
        // A leader that is deposed while it waits for its followers has written, and says that it leads no more.
        self.entries[slot]?.takeBack(request: request, isUncertain: kind == .uncertain || kind == .leaderMoved)
        let attempts = entry.attempts + 1
        switch kind {
        case .done: break
        case .leaderMoved:
            let node = result.currentLeader.leaderID
            let epoch = result.currentLeader.leaderEpoch
            if node >= 0, epoch > entry.leaderEpoch {
                self.entries[slot]?.leaderEpoch = epoch
                self.entries[slot]?.decide(.moved(node))
                self.actions.append(.learned(entry.partition, node: node, epoch: epoch))
            } else {
                self.entries[slot]?.decide(.retry(refresh: true, .refused(code)))
            }
        case .transient, .uncertain: self.entries[slot]?.decide(.retry(refresh: false, .refused(code)))
        case .missing where attempts < self.settings.missingTopicAttempts:
            self.entries[slot]?.decide(.retry(refresh: true, .refused(code)))
        case .missing:
            self.entries[slot]?.decide(.refused(.missing, code, result.errorMessage?.string, token: token))
        case .corrupt where attempts < 4: self.entries[slot]?.decide(.retry(refresh: false, .refused(code)))
        case .corrupt:
            self.entries[slot]?.decide(.refused(.invalid, code, result.errorMessage?.string, token: token))
        case .sequenceGap where position > entry.presumed:
            // An earlier batch was not written, so this one could not be; it follows when the other one is through.
            self.entries[slot]?.decide(.retry(refresh: false, .refused(code)))
        case .sequenceGap where entry.settlement != nil:
            break
        case .sequenceGap where self.entries[slot]?.presumeWritten(position) == true:
            self.entries[slot]?.decide(.ask)
        case .sequenceGap, .identityLost:
            self.entries[slot]?.decide(.refused(.sequenceLost, code, result.errorMessage?.string, token: token))
        case .refused(let kind):
            self.entries[slot]?.decide(.refused(kind, code, result.words, token: token))
        }
        self.settle(slot)
    }

    /// The batch at a position is written, and so are those before it that the broker no longer recognised.
    private mutating func acknowledge(_ slot: Int, _ position: Int, baseOffset: Int64?, logAppendTime: Int64?) {
        guard let entry = self.entry(slot) else { return }
        guard let presumed = entry.places(ofPresumedBefore: position, baseOffset) else {
            // They cannot all be where they should be: the target has lost something.
            let token = entry.outstanding[position].batch.token
            self.entries[slot]?.takeBack(position, isUncertain: true)
            self.entries[slot]?.decide(.refused(.sequenceLost, .outOfOrderSequenceNumber, nil, token: token))
            self.settle(slot)
            return
        }
        if entry.isReportedFailing {
            self.entries[slot]?.isReportedFailing = false
            self.actions.append(.report(.recovered(slot: slot)))
        }
        for (token, base) in presumed {
            self.actions.append(
                .report(.acknowledged(slot: slot, token: token, baseOffset: base, logAppendTime: nil))
            )
        }
        let token = entry.outstanding[position].batch.token
        self.entries[slot]?.acknowledge(position, baseOffset: baseOffset)
        self.actions.append(
            .report(
                .acknowledged(slot: slot, token: token, baseOffset: baseOffset, logAppendTime: logAppendTime)
            )
        )
        self.settle(slot)
        self.queue(slot)
    }

    /// Acts on a failure once everything that was out has been answered.
    mutating func settle(_ slot: Int) {
        guard let entry = self.entry(slot), let settlement = entry.settlement else { return }
        if let node = entry.node { self.brokers[node]?.remove(slot) }
        guard entry.onWire == 0 else {
            self.entries[slot]?.phase = .settling
            return
        }
        self.entries[slot]?.clearSettlement()
        self.entries[slot]?.ids.doubt()
        if !self.settings.isIdempotent, entry.outstanding.contains(where: \.isUncertain) {
            // Without sequence numbers a broker takes a repetition for news: only the owner can find out what is there.
            self.refuse(slot, .sequenceLost, .networkException, nil, token: entry.firstToken)
            return
        }
        switch settlement {
        case .ask:
            self.entries[slot]?.phase = .preparing
            self.activate(slot)
        case .moved(let node):
            self.move(slot, to: node)
            self.entries[slot]?.phase = .preparing
            self.activate(slot)
        case .retry(let refresh, let failure):
            self.pause(slot, failure)
            self.entries[slot]?.wantsRefresh = refresh
        case .refused(let kind, let code, let message, let token):
            self.refuse(slot, kind, code, message, token: token)
        }
    }

    private mutating func refuse(
        _ slot: Int,
        _ kind: ProduceRefusal.Kind,
        _ code: ErrorCode,
        _ message: String?,
        token: UInt64
    ) {
        guard let entry = self.entry(slot) else { return }
        let refusal = ProduceRefusal(
            kind: kind,
            code: code,
            message: message,
            token: token,
            isOutcomeUnknown: kind == .sequenceLost || entry.outstanding.contains(where: \.isUncertain)
        )
        if self.settings.isTransactional, !refusal.isOutcomeUnknown {
            let records = entry.outstanding.reduce(Int64(0)) { $0 + Int64($1.batch.recordCount) }
            self.entries[slot]?.ids.giveBack(records: records)
        }
        self.entries[slot]?.stop()
        self.sleeping.remove(slot)
        self.actions.append(.report(.refused(slot: slot, refusal)))
    }
}

extension ProduceResponse.PartitionProduceResponse {
    /// What the broker says about the batch and about the first record that it does not want.
    fileprivate var words: String? {
        let record = recordErrors.first { $0.batchIndexErrorMessage != nil }.map {
            "record \($0.batchIndex) of the batch, counted from 0: \($0.batchIndexErrorMessage?.string ?? "")"
        }
        let words = [errorMessage?.string, record].compactMap { $0 }
        return words.isEmpty ? nil : words.joined(separator: "; ")
    }
}
