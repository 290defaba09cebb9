package import KafkaClient
package import KafkaProtocol
package import NIOCore

/// What the target and the coordinator answered.
extension TransactionWriter {
    /// Whether a slot writes progress.
    package func writesProgress(_ slot: Int) -> Bool { self.progressBySlot[slot] != nil }

    package mutating func acknowledged(_ slot: Int, token: UInt64, targetBase: Int64?, now: NIODeadline) {
        guard !self.isHalted else { return }
        if let partition = self.progressBySlot[slot] {
            self.progress[partition]?.outstanding -= 1
            self.finishProgress(now)
        } else {
            self.outstanding[slot, default: 1] -= 1
            self.acknowledged.append(Acknowledgement(slot: slot, token: token, targetBase: targetBase))
            self.cycle.acknowledged(now: now)
        }
    }

    /// - Parameter place: names the partition in the reason for a lost transaction.
    package mutating func refused(_ slot: Int, _ refusal: ProduceRefusal, place: String, now: NIODeadline) {
        // The answer that ended the transaction tells of other batches behind it, which are lost all the same.
        guard !self.isHalted else { return }
        if let partition = self.progressBySlot[slot] {
            self.cycle.fail("\(partition) refuses progress (\(refusal.code.name))", now: now)
        } else if refusal.isOutcomeUnknown || refusal.code.endsTransaction {
            self.fail("\(place) answers \(refusal.code.name)", code: refusal.code, now: now)
        } else {
            self.postpone(refusal, of: slot, now)
        }
    }

    /// Nothing of a batch was written: what was written before it is committed first, then the flow decides.
    private mutating func postpone(_ refusal: ProduceRefusal, of slot: Int, _ now: NIODeadline) {
        let count = self.outstanding.removeValue(forKey: slot) ?? 0
        self.refusals[slot] = refusal
        self.cycle.dropped(count, now: now)
        self.cycle.hurry(now: now)
    }

    /// The coordinator has answered; empty codes mean that it knows all partitions now.
    ///
    /// Returns those that are to come again after a while: a topic that was just created is unknown here and there for a
    /// moment.
    package mutating func announced(
        _ codes: [TopicPartition: ErrorCode],
        generation: UInt64,
        now: NIODeadline
    ) -> [Retry] {
        guard generation == self.cycle.generation else { return [] }
        if codes.isEmpty {
            self.cycle.added(generation: generation, now: now)
            self.missing.removeAll()
            return []
        }
        if let code = codes.values.first(where: \.endsTransaction) {
            self.fail("the coordinator answers \(code.name)", code: code, now: now)
            return []
        }
        let refused = codes.filter { $0.value != .operationNotAttempted }
        self.cycle.notAdded(refused: Set(refused.keys), generation: generation, now: now)
        var retries: [Retry] = []
        for (slot, partition) in self.waiting.sorted(by: { $0.key < $1.key }) {
            guard let code = refused[partition] else { continue }
            if code == .unknownTopicOrPartition, let retry = self.retry(slot) {
                retries.append(retry)
                continue
            }
            let kind: ProduceRefusal.Kind =
                switch ProduceErrorClass(code) {
                case .refused(let kind): kind
                case .missing: .missing
                default: .other
                }
            let refusal = ProduceRefusal(kind: kind, code: code, message: nil, token: 0, isOutcomeUnknown: false)
            self.refused(slot, refusal, place: "\(partition)", now: now)
        }
        return retries
    }

    private mutating func retry(_ slot: Int) -> Retry? {
        let attempts = self.missing[slot, default: 0] + 1
        self.missing[slot] = attempts < Self.missingAttempts ? attempts : nil
        guard attempts < Self.missingAttempts else { return nil }
        self.waiting[slot] = nil
        return Retry(slot: slot, after: .milliseconds(Int64(100 * attempts)))
    }

    private static let missingAttempts = 6

    package mutating func committed(_ code: ErrorCode, generation: UInt64, now: NIODeadline) {
        guard generation == self.cycle.generation else { return }
        if code == .none {
            self.cycle.committed(generation: generation, now: now)
        } else {
            self.fail("the commit is refused with \(code.name)", code: code, now: now)
        }
    }

    /// Something happened after which the transaction can only be given up.
    package mutating func fail(_ reason: String, code: ErrorCode = .none, now: NIODeadline) {
        self.wasFenced = code.isFencing
        self.cycle.fail(reason, now: now)
    }
}

extension ErrorCode {
    /// After this answer the transaction can only be given up.
    package var endsTransaction: Bool {
        switch self {
        case .invalidTxnState, .transactionAbortable, .invalidProducerIDMapping, .producerFenced,
            .invalidProducerEpoch, .transactionCoordinatorFenced, .outOfOrderSequenceNumber, .unknownProducerID,
            .concurrentTransactions:
            true
        default: false
        }
    }

    /// Another producer has the same transactional id now, or the coordinator has raised its epoch.
    fileprivate var isFencing: Bool {
        switch self {
        case .invalidProducerIDMapping, .producerFenced, .invalidProducerEpoch, .transactionCoordinatorFenced: true
        default: false
        }
    }
}
