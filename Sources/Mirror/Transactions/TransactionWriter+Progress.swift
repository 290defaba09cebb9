package import KafkaClient
package import KafkaProtocol
import KafkaRecords
package import MirrorModel
package import NIOCore

/// A partition that is written in transactions.
package protocol TransactionCell: AnyObject {
    var flow: PartitionFlow { get }
    /// Its place at the producer.
    var produceSlot: Int { get }
}

/// Progress that is written in the transaction of the records that it is about.
extension TransactionWriter {
    /// The batches of the transaction: their place at the target by token, by slot.
    package var written: [Int: [UInt64: Int64?]] {
        var written: [Int: [UInt64: Int64?]] = [:]
        for batch in self.acknowledged { written[batch.slot, default: [:]][batch.token] = .some(batch.targetBase) }
        return written
    }

    /// Finds out where each partition will be when the transaction is committed; ``pending`` is to be written then.
    ///
    /// False when the transaction has to be given up, because a flow went elsewhere: its records must not count.
    ///
    /// - Parameter written: As ``written`` says.
    package mutating func settle(
        _ cells: some Sequence<some TransactionCell>,
        _ written: [Int: [UInt64: Int64?]],
        now: NIODeadline
    ) -> Bool {
        var positions: [TopicPartition: PartitionPosition] = [:]
        for cell in cells {
            let source = cell.flow.assignment.source
            guard let batches = written[cell.produceSlot] else {
                positions[source] = cell.flow.durablePosition
                continue
            }
            guard let position = cell.flow.position(adding: batches) else {
                self.fail("\(source) is read from another place now", now: now)
                return false
            }
            positions[source] = position
        }
        self.settle(positions)
        return true
    }

    mutating func settle(_ positions: [TopicPartition: PartitionPosition]) {
        self.ledger.observe(positions)
        self.pending = self.ledger.unwritten
    }

    /// The slot that writes to a partition of the progress topic; nil while there is none.
    package func progressSlot(of partition: TopicPartition) -> Int? { self.progress[partition]?.slot }

    /// A record of progress goes to a partition of its topic.
    package mutating func add(_ record: ProgressRecord, key: [UInt8], to partition: TopicPartition, slot: Int) {
        self.progressBySlot[slot] = partition
        self.progress[partition, default: ProgressPartition(slot: slot)].waiting.append((key, record.bytes))
    }

    /// All progress of the transaction is added.
    package mutating func record(now: NIODeadline) {
        let used = self.progress.filter { !$0.value.waiting.isEmpty }.keys
        self.cycle.record(to: Set(used), now: now)
    }

    /// The producer has room for progress; nil when the slot is not one of those.
    ///
    /// - Parameter timestamp: of the records, in milliseconds since 1970.
    package mutating func pullProgress(_ request: ProducePullRequest, timestamp: Int64) -> ProducePull? {
        guard let partition = self.progressBySlot[request.slot] else { return nil }
        guard self.cycle.phase == .recording, var entry = self.progress[partition], !entry.waiting.isEmpty else {
            return .nothing
        }
        var builder = RecordBatchBuilder(codec: .none)
        builder.producerID = request.stamp.identity.producerID
        builder.producerEpoch = request.stamp.identity.epoch
        builder.baseSequence = request.stamp.sequence
        builder.isTransactional = true
        while let (key, value) = entry.waiting.first, builder.uncompressedSize < Self.progressBatchBytes {
            builder.append(timestamp: timestamp, key: ByteBuffer(bytes: key), value: ByteBuffer(bytes: value))
            entry.waiting.removeFirst()
        }
        // Without compression, of records this small, it cannot fail; if it did, the transaction would time out.
        let count = builder.count
        guard let batch = try? builder.build() else { return .nothing }
        entry.outstanding += 1
        self.progress[partition] = entry
        return .batch(ProduceBatch(header: batch, body: ByteBuffer(), recordCount: count, token: 0))
    }

    /// Far below what any topic accepts.
    private static let progressBatchBytes = 256 << 10

    mutating func finishProgress(_ now: NIODeadline) {
        guard self.cycle.phase == .recording else { return }
        var isDone = true
        for partition in self.progress.values where partition.outstanding > 0 || !partition.waiting.isEmpty {
            isDone = false
            if partition.outstanding == 0 { self.ready.insert(partition.slot) }
        }
        if isDone { self.cycle.recorded(now: now) }
    }
}
