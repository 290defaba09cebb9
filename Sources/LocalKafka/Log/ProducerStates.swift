package import KafkaProtocol
import KafkaRecords

/// What a log remembers of the idempotent producers that wrote to it.
///
/// The rules are those of Kafka's ProducerStateManager: the last five batches of a producer are recognised when they
/// come again, sequences must go on without gaps, a new epoch starts at sequence 0, and a producer without any state
/// may start anywhere.
package struct ProducerStates: Sendable {
    package struct Batch: Sendable, Hashable {
        package var firstSequence: Int32
        package var lastSequence: Int32
        package var baseOffset: Int64
        package var lastOffset: Int64
        package var timestamp: Int64
    }

    package struct Entry: Sendable {
        package var epoch: Int16
        /// The newest batches, at most five.
        package var batches: [Batch] = []
        package var coordinatorEpoch: Int32 = -1
        /// Where the open transaction began in this log.
        package var transactionStart: Int64?
        package var lastTimestamp: Int64 = -1
    }

    package struct Violation: Error, Sendable {
        package var code: ErrorCode
        package var message: String
    }

    package private(set) var entries: [Int64: Entry] = [:]
    private static let remembered = 5

    /// The batch that `batch` is a copy of.
    func duplicate(of batch: RecordBatchView) -> Batch? {
        guard let entry = self.entries[batch.producerID], entry.epoch == batch.producerEpoch else { return nil }
        return entry.batches.first {
            $0.firstSequence == batch.baseSequence && $0.lastSequence == batch.lastSequence
        }
    }

    /// Checks a batch that is about to be appended.
    func check(_ batch: RecordBatchView) throws(Violation) {
        guard batch.producerID >= 0, let entry = self.entries[batch.producerID] else { return }
        if batch.producerEpoch < entry.epoch {
            throw Violation(
                code: .invalidProducerEpoch,
                message: "Epoch of producer \(batch.producerID) is \(batch.producerEpoch), "
                    + "which is smaller than the last seen epoch \(entry.epoch)"
            )
        }
        if batch.producerEpoch > entry.epoch {
            guard batch.baseSequence == 0 else {
                throw Self.outOfOrder(batch, "a new epoch must start with sequence 0")
            }
        } else {
            let last = entry.batches.last?.lastSequence ?? -1
            let next = last == .max ? 0 : last + 1
            guard batch.baseSequence == next else {
                throw Self.outOfOrder(batch, "current end sequence number: \(last)")
            }
        }
        if entry.transactionStart != nil, !batch.isTransactional {
            throw Violation(
                code: .invalidTxnState,
                message: "Expected transactional write from producer \(batch.producerID)"
            )
        }
    }

    /// Records an appended batch.
    mutating func append(_ batch: RecordBatchView, baseOffset: Int64, timestamp: Int64) {
        guard batch.producerID >= 0 else { return }
        var entry = self.entries[batch.producerID] ?? Entry(epoch: batch.producerEpoch)
        if entry.epoch != batch.producerEpoch {
            entry.epoch = batch.producerEpoch
            entry.batches.removeAll()
        }
        let lastOffset = baseOffset + Int64(batch.lastOffsetDelta)
        if entry.batches.count == Self.remembered { entry.batches.removeFirst() }
        entry.batches.append(
            Batch(
                firstSequence: batch.baseSequence,
                lastSequence: batch.lastSequence,
                baseOffset: baseOffset,
                lastOffset: lastOffset,
                timestamp: timestamp
            )
        )
        entry.lastTimestamp = timestamp
        if batch.isTransactional, entry.transactionStart == nil { entry.transactionStart = baseOffset }
        self.entries[batch.producerID] = entry
    }

    /// Checks and records the end of a transaction.
    ///
    /// - Returns: where the transaction began in this log, if it wrote to it.
    mutating func endTransaction(
        producerID: Int64,
        epoch: Int16,
        coordinatorEpoch: Int32,
        timestamp: Int64
    ) throws(Violation) -> Int64? {
        var entry = self.entries[producerID] ?? Entry(epoch: epoch)
        guard epoch >= entry.epoch else {
            throw Violation(
                code: .invalidProducerEpoch,
                message: "Marker of producer \(producerID) has epoch \(epoch), the last seen is \(entry.epoch)"
            )
        }
        guard coordinatorEpoch >= entry.coordinatorEpoch else {
            throw Violation(code: .transactionCoordinatorFenced, message: "Coordinator epoch \(coordinatorEpoch)")
        }
        if entry.epoch != epoch {
            entry.epoch = epoch
            entry.batches.removeAll()
        }
        let start = entry.transactionStart
        entry.transactionStart = nil
        entry.coordinatorEpoch = coordinatorEpoch
        entry.lastTimestamp = timestamp
        self.entries[producerID] = entry
        return start
    }

    /// Where the oldest open transaction began.
    var firstUnstableOffset: Int64? {
        self.entries.values.lazy.compactMap(\.transactionStart).min()
    }

    /// Forgets producers without an open transaction that have been silent since `time`.
    mutating func expire(silentSince time: Int64) {
        self.entries = self.entries.filter { $0.value.transactionStart != nil || $0.value.lastTimestamp >= time }
    }

    mutating func removeAll() {
        self.entries.removeAll()
    }

    private static func outOfOrder(_ batch: RecordBatchView, _ cause: String) -> Violation {
        Violation(
            code: .outOfOrderSequenceNumber,
            message: "Out of order sequence number for producer \(batch.producerID): "
                + "\(batch.baseSequence) (incoming seq. number), \(cause)"
        )
    }
}
