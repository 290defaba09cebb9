package import KafkaClient
import KafkaProtocol
import KafkaRecords
package import NIOCore

/// What the target refuses, and what the producer has trouble with.
extension PartitionFlow {
    /// The producer dropped every batch that is not acknowledged.
    package mutating func refused(_ refusal: ProduceRefusal, now: NIODeadline) {
        switch self.phase {
        case .draining, .stopped:
            // What is unacknowledged now will be read again by whoever goes on; nothing more is sent from here.
            self.queue.removeAll()
            self.settle()
            return
        case .holding, .yielding: return
        case .starting, .running, .proving, .quarantined: break
        }
        // The queue is dropped with it: nothing more is out.
        if self.takeBackLoss(now: now) { return }
        if self.sharesProducer, refusal.kind == .sequenceLost {
            // Only a comparison tells what the target has: the visible end of its log may not show it yet, or show as many
            // records of somebody else as it has lost of ours.
            self.position?.isDoubtful = true
            self.yield(.overtaken(isForgotten: refusal.code != .outOfOrderSequenceNumber))
            return
        }
        if refusal.isOutcomeUnknown {
            self.phase = .proving
            self.pendingRefusal = refusal
            self.queryTarget()
            return
        }
        self.act(on: refusal, now: now)
    }

    mutating func act(on refusal: ProduceRefusal, now: NIODeadline) {
        let entry = self.queue.entries.first { $0.token == refusal.token } ?? self.queue.entries.first
        switch refusal.kind {
        case .sequenceLost:
            self.rewind()
            self.actions.append(.resumeProducing(nil))
        case .tooLarge where (entry?.recordCount ?? 0) > 1:
            // The target does not say what it allows. Its default first, then halves.
            let size = entry?.byteCount ?? 0
            let limit = size > Self.defaultMaxBytes ? Self.defaultMaxBytes : max(size / 2, 512)
            self.planner.settings.maxBatchBytes = min(limit, self.planner.settings.maxBatchBytes)
            self.report(.splitting(maxBatchBytes: self.planner.settings.maxBatchBytes))
            self.rewind()
            self.goOnProducing()
        case .invalid where refusal.code == .unsupportedCompressionType && self.doesWithout(entry?.codec):
            self.rewind()
            self.goOnProducing()
        case .tooLarge, .invalid, .denied, .missing, .other:
            let offset = (self.position?.sourceOffset ?? -1) + 1
            if refusal.kind == .missing { self.report(.targetMissing) }
            var reason = self.reason(for: refusal, entry, offset: offset)
            reason.batchEnd = entry?.through
            self.quarantine(reason, now: now)
        }
    }

    /// Has batches of a codec that the target does not take encoded anew from now on; false when that would not help.
    private mutating func doesWithout(_ codec: CompressionCodec?) -> Bool {
        guard let codec, codec != .none,
            self.planner.settings.allowedCodecs.remove(codec) != nil
        else { return false }
        self.report(.codecRefused(codec, replacement: self.planner.settings.replacementCodec))
        return true
    }

    /// `max.message.bytes` of a topic that nobody configured.
    private static let defaultMaxBytes = 1_048_588

    func reason(for refusal: ProduceRefusal, _ entry: FlowEntry?, offset: Int64) -> QuarantineReason {
        let answer = refusal.message.map { "\(refusal.code.name): \($0)" } ?? refusal.code.name
        let code: QuarantineReason.Code
        let message: String
        let nextStep: String
        switch refusal.kind {
        case .tooLarge:
            code = .recordTooLarge
            message = "a record of \(entry?.byteCount ?? 0) bytes is larger than the target accepts (\(answer))"
            nextStep =
                "Raise max.message.bytes of topic \(self.assignment.target.topic) at \(self.settings.targetAlias)."
        case .denied:
            code = .notAuthorized
            message = "the target does not let us write (\(answer))"
            let principal = self.settings.targetPrincipal.map { "User:\($0)" } ?? "the target principal"
            nextStep =
                "Allow \(principal) WRITE on topic \(self.assignment.target.topic) at \(self.settings.targetAlias)."
        case .missing:
            code = .targetMissing
            message = "the target topic or partition does not exist (\(answer))"
            nextStep = "It is created again if topic creation is on; else create it with enough partitions."
        case .invalid, .sequenceLost, .other:
            code = .refusedByTarget
            message = "the target refuses the batch (\(answer))"
            nextStep = "Compare the record at this offset with the rules of the target topic."
        }
        return QuarantineReason(
            code,
            cluster: self.settings.targetAlias,
            partition: self.assignment.target,
            sourceOffset: offset,
            message: message,
            nextStep: nextStep
        )
    }

    /// The producer has trouble that passes, or it has passed.
    package mutating func producer(failing failure: ProduceFailure?) {
        if let failure {
            self.impede(failure.text(cluster: self.settings.targetAlias, self.assignment.target))
        } else {
            self.clearImpediment()
        }
    }
}
