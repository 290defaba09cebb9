import KafkaProtocol
import KafkaRecords
import NIOCore

/// The producers at the source.
extension History {
    func scheduleProducers() {
        for index in pairs.indices {
            var written = 0
            var first = true
            while written < plan.recordsPerPartition {
                let count = random.int(1...10)
                written += count
                // Some are there before the mirror starts.
                let delay = first || random.chance(2_000) ? TimeAmount.zero : moment()
                first = false
                later(delay) { self.write(index, count: count) }
            }
        }
    }

    private func moment() -> TimeAmount {
        .milliseconds(Int64(random.int(0...Int(plan.storm.nanoseconds / 1_000_000))))
    }

    func writeEverywhere() {
        for index in pairs.indices { writePlain(index, count: random.int(1...4)) }
    }

    func write(_ index: Int, count: Int) {
        let topic = plan.topics[pairs[index].topic]
        switch topic.style {
        case .plain: writePlain(index, count: count)
        case .transactional: writeInTransaction(index, count: count)
        case .compacted: writeWithHoles(index, count: count)
        case .mixed:
            switch random.int(0...3) {
            case 0: writeInTransaction(index, count: count)
            case 1: writeWithHoles(index, count: count)
            default: writePlain(index, count: count)
            }
        }
    }

    func writePlain(_ index: Int, count: Int) {
        append(index, count: count, fate: .committed) { _ in }
    }

    /// A batch as the cleaner leaves it: some records are gone, and some batches before it.
    private func writeWithHoles(_ index: Int, count: Int) {
        let gap = random.chance(4_000) ? Int64(random.int(1...6)) : 0
        append(index, count: count, fate: .committed, skipped: gap, holes: true) { _ in }
    }

    private func writeInTransaction(_ index: Int, count: Int) {
        let partition = pairs[index].source
        guard let log = source[partition] else { return }
        let producerID = Int64(9_000 + random.int(0...2))
        if log.open[producerID] != nil, random.chance(6_000) {
            endTransaction(index, producerID, isCommit: random.chance(5_500))
        }
        append(index, count: count, fate: .open) { builder in
            builder.isTransactional = true
            builder.producerID = producerID
            builder.producerEpoch = 1
            builder.baseSequence = 0
        }
    }

    func endTransactions() {
        for index in pairs.indices {
            guard let log = source[pairs[index].source] else { continue }
            for producerID in log.open.keys.sorted() {
                endTransaction(index, producerID, isCommit: random.chance(5_000))
            }
        }
    }

    func endTransaction(_ index: Int, _ producerID: Int64, isCommit: Bool) {
        let partition = pairs[index].source
        guard let log = source[partition], let first = log.open[producerID] else { return }
        let bytes = try? RecordBatchBuilder.endTransaction(
            isCommit ? .commit : .abort,
            baseOffset: log.end,
            timestamp: 1_000,
            producerID: producerID,
            producerEpoch: 1,
            coordinatorEpoch: 0,
            partitionLeaderEpoch: log.epoch
        )
        guard let bytes else { return }
        var batch = ModelLog.Batch(base: log.end, next: log.end + 1, bytes: bytes, epoch: log.epoch)
        batch.isControl = true
        batch.isTransactional = true
        batch.producerID = producerID
        for stored in log.batches where stored.producerID == producerID && !stored.isControl && stored.base >= first {
            for birth in stored.births where truth[index].born[birth].fate == .open {
                truth[index].born[birth].fate = isCommit ? .committed : .aborted
            }
        }
        if !isCommit {
            source[partition]?.aborted.append(
                ModelLog.Aborted(producerID: producerID, first: first, marker: log.end)
            )
        }
        source[partition]?.open[producerID] = nil
        source[partition]?.append(batch)
    }

    private func append(
        _ index: Int,
        count: Int,
        fate: BornRecord.Fate,
        skipped: Int64 = 0,
        holes: Bool = false,
        _ prepare: (inout RecordBatchBuilder) -> Void
    ) {
        let partition = pairs[index].source
        let topic = plan.topics[pairs[index].topic]
        guard let log = source[partition] else { return }
        let base = log.end + skipped
        var builder = RecordBatchBuilder(baseOffset: base, codec: random.pick(topic.codecs))
        builder.partitionLeaderEpoch = log.epoch
        let stamp = Int64(now.uptimeNanoseconds / 1_000_000)
        if topic.isLogAppendTime { builder.logAppendTime = stamp }
        prepare(&builder)
        var stored = ModelLog.Batch(base: base, next: base, bytes: ByteBuffer(), epoch: log.epoch)
        var offset = base
        for _ in 0..<count {
            if holes, random.chance(3_500) { offset += Int64(random.int(1...3)) }
            let birth = truth[index].born.count
            var record = Record(
                offset: offset,
                timestamp: stamp - Int64(random.int(0...50)),
                key: random.chance(3_000) ? nil : ByteBuffer(string: "k\(birth % 7)"),
                value: ByteBuffer(string: value(index, birth))
            )
            if random.chance(2_000) {
                record.headers = [RecordHeader(key: "h", value: random.chance(5_000) ? nil : ByteBuffer(string: "v"))]
            }
            builder.append(record)
            if topic.isLogAppendTime { record.timestamp = stamp }
            truth[index].born.append(
                BornRecord(record: record, topicID: source.topicID(of: partition.topic), fate: fate)
            )
            stored.births.append(birth)
            stored.recordOffsets.append(offset)
            offset += 1
        }
        if holes, random.chance(4_000) {
            offset += Int64(random.int(1...4))
            builder.lastOffset = offset - 1
        }
        stored.next = offset
        stored.producerID = fate == .open ? builder.producerID : -1
        stored.isTransactional = fate == .open
        let producerID = stored.producerID
        guard let bytes = try? builder.build(codecs: codecs) else { return }
        stored.bytes = bytes
        if fate == .open, log.open[producerID] == nil { source[partition]?.open[producerID] = base }
        source[partition]?.append(stored)
        statistics.recordsProduced += count
    }

    /// Tells where the record belongs.
    private func value(_ index: Int, _ birth: Int) -> String {
        let filler = String(repeating: "x", count: random.int(0...30))
        return "\(index)|\(birth)|\(filler)"
    }
}
