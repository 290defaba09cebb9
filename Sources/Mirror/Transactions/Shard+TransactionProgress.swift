import KafkaClient
import KafkaProtocol
import KafkaRecords
import MirrorModel
import NIOCore

/// Progress that is written in the transaction of the records that it is about.
extension Shard {
    /// All records are acknowledged: says how far each partition is when they are committed.
    func prepareProgress(_ transactions: ShardTransactions) {
        let now = self.eventLoop.now
        var written: [TopicPartition: [UInt64: Int64?]] = [:]
        for acknowledgement in transactions.acknowledged {
            let source = acknowledgement.cell.flow.assignment.source
            written[source, default: [:]][acknowledgement.token] = .some(acknowledgement.targetBase)
        }
        guard !self.looksForForeignRecords(written, transactions) else { return }
        var positions: [TopicPartition: PartitionPosition] = [:]
        for cell in self.cells.values {
            let source = cell.flow.assignment.source
            guard let batches = written[source] else {
                positions[source] = cell.flow.durablePosition
                continue
            }
            guard let position = cell.flow.position(adding: batches) else {
                // Its flow went elsewhere meanwhile, so these records must not count.
                transactions.cycle.fail("\(cell.flow.assignment.source) is read from another place now", now: now)
                return
            }
            positions[source] = position
        }
        transactions.ledger.observe(positions)
        transactions.pending = transactions.ledger.unwritten
        let count = Int32(
            clamping: self.target.metadata.topics[transactions.context.progressTopic]?.partitions.count ?? 0
        )
        guard transactions.pending.isEmpty || count > 0 else {
            transactions.cycle.fail("the progress topic is missing", now: now)
            return
        }
        var used: Set<TopicPartition> = []
        for (source, record) in transactions.pending {
            let key = transactions.context.ownership.store.key(of: source).bytes
            let partition = TopicPartition(
                topic: transactions.context.progressTopic,
                partition: defaultPartition(key: ByteBuffer(bytes: key), count: count)
            )
            used.insert(partition)
            if transactions.progress[partition] == nil {
                let slot = self.producer.add(partition)
                transactions.progress[partition] = .init(slot: slot)
                transactions.progressBySlot[slot] = partition
            }
            var record = record
            record.offsetMap = self.cells[source]?.flow.offsetMap(adding: written[source] ?? [:])
            transactions.progress[partition]?.waiting.append((key, record.bytes))
        }
        transactions.cycle.record(to: used, now: now)
    }

    /// The producer has room for progress; nil when the slot is not one of those.
    func pullProgress(_ request: ProducePullRequest) -> ProducePull? {
        guard let transactions = self.transactions, let partition = transactions.progressBySlot[request.slot] else {
            return nil
        }
        guard transactions.cycle.phase == .recording, var entry = transactions.progress[partition],
            !entry.waiting.isEmpty
        else { return .nothing }
        var builder = RecordBatchBuilder(codec: .none)
        builder.producerID = request.stamp.identity.producerID
        builder.producerEpoch = request.stamp.identity.epoch
        builder.baseSequence = request.stamp.sequence
        builder.isTransactional = true
        let timestamp = ContinuousClock.millisecondsSince1970
        while let (key, value) = entry.waiting.first, builder.uncompressedSize < Self.progressBatchBytes {
            builder.append(timestamp: timestamp, key: ByteBuffer(bytes: key), value: ByteBuffer(bytes: value))
            entry.waiting.removeFirst()
        }
        // Without compression, of records this small, it cannot fail; if it did, the transaction would time out.
        let count = builder.count
        guard let batch = try? builder.build() else { return .nothing }
        entry.outstanding += 1
        transactions.progress[partition] = entry
        return .batch(ProduceBatch(header: batch, body: ByteBuffer(), recordCount: count, token: 0))
    }

    /// Far below what any topic accepts.
    private static let progressBatchBytes = 256 << 10

    func finishProgress() {
        guard let transactions = self.transactions, transactions.cycle.phase == .recording else { return }
        for (_, partition) in transactions.progress where partition.outstanding > 0 || !partition.waiting.isEmpty {
            if partition.outstanding == 0 { self.producer.ready(partition.slot, bytes: 1) }
            return
        }
        transactions.cycle.recorded(now: self.eventLoop.now)
    }
}
