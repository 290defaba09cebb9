import KafkaProtocol
import KafkaRecords
import NIOCore

/// A small real log, for internal topics and live records.
struct StoredLog {
    private(set) var batches: [(base: Int64, bytes: ByteBuffer)] = []
    private(set) var endOffset: Int64 = 0

    mutating func append(_ view: RecordBatchView) {
        var copy = ByteBufferAllocator().buffer(capacity: view.sizeInBytes)
        copy.writeImmutableBuffer(view.buffer)
        copy.setInteger(endOffset, at: 0)
        copy.setInteger(0 as Int32, at: 12)
        batches.append((endOffset, copy))
        endOffset += Int64(view.lastOffsetDelta) + 1
    }

    func read(from offset: Int64, maxBytes: Int, needsOne: Bool) -> RecordData? {
        guard offset < endOffset else { return nil }
        var low = 0
        var high = batches.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if batches[middle].base <= offset { low = middle } else { high = middle }
        }
        var parts: [ByteBuffer] = []
        var bytes = 0
        for batch in batches[low...] {
            guard bytes + batch.bytes.readableBytes <= maxBytes || (needsOne && parts.isEmpty) else { break }
            bytes += batch.bytes.readableBytes
            parts.append(batch.bytes)
        }
        return parts.isEmpty ? nil : RecordData(parts: parts)
    }
}

/// What the sink remembers of records it was sent: how many, and the sequence numbers that came last, so that what is sent
/// again counts once.
struct Counted {
    enum Place: Equatable {
        case next
        case repeated(base: Int64)
        case outOfOrder
    }

    var records: Int64 = 0
    private var producer: (id: Int64, epoch: Int16) = (-1, -1)
    private var nextSequence: Int32 = 0
    /// Kafka remembers the last five batches of a producer.
    private var recent: [(sequence: Int32, count: Int32, base: Int64)] = []

    func place(of view: RecordBatchView) -> Place {
        guard view.producerID >= 0, producer == (view.producerID, view.producerEpoch) else { return .next }
        guard view.baseSequence != nextSequence else { return .next }
        for batch in recent where batch.sequence == view.baseSequence && batch.count == view.recordCount {
            return .repeated(base: batch.base)
        }
        return .outOfOrder
    }

    mutating func append(_ view: RecordBatchView) {
        if view.producerID >= 0 {
            if producer != (view.producerID, view.producerEpoch) { recent.removeAll(keepingCapacity: true) }
            producer = (view.producerID, view.producerEpoch)
            nextSequence = (view.baseSequence &+ view.recordCount) & .max
            if recent.count == 5 { recent.removeFirst() }
            recent.append((view.baseSequence, view.recordCount, records))
        }
        records += Int64(view.recordCount)
    }
}

/// One partition of the bench broker.
final class Partition {
    enum Content {
        case replay(ReplayLog)
        case stored(StoredLog)
        case counted(Counted)
    }

    let index: Int32
    var content: Content

    init(index: Int32, content: Content) {
        self.index = index
        self.content = content
    }

    /// - Parameter isOpen: whether replayed records are there already.
    func endOffset(isOpen: Bool) -> Int64 {
        switch content {
        case .replay(let log): isOpen ? log.endOffset : 0
        case .stored(let log): log.endOffset
        case .counted(let counted): counted.records
        }
    }
}

/// One topic of the bench broker.
final class Topic {
    let name: TopicName
    let id: KafkaUUID
    var partitions: [Partition]

    init(name: TopicName, partitions: [Partition]) {
        self.name = name
        self.id = .random()
        self.partitions = partitions
    }
}
