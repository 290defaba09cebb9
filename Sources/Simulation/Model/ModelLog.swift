import KafkaClient
import KafkaProtocol
import KafkaRecords
import NIOCore

/// The log of one partition of a model cluster.
struct ModelLog {
    struct Batch {
        var base: Int64
        var next: Int64
        var bytes: ByteBuffer
        var epoch: Int32
        /// Indices into the truth, in the order of the records; empty for control batches.
        var births: [Int] = []
        var recordOffsets: [Int64] = []
        var producerID: Int64 = -1
        var producerEpoch: Int16 = -1
        var sequence: Int32 = -1
        var count: Int32 = 0
        var isTransactional = false
        var isControl = false
        /// The bytes as they should be, while the disk shows others.
        var intact: ByteBuffer?
    }

    struct Aborted {
        var producerID: Int64
        var first: Int64
        var marker: Int64
    }

    struct Producer {
        var epoch: Int16
        var recent: [(sequence: Int32, count: Int32, base: Int64)] = []
        var nextSequence: Int32 = 0
    }

    var leader: Int32
    var epoch: Int32 = 0
    var start: Int64 = 0
    var end: Int64 = 0
    var batches: [Batch] = []
    /// Where each epoch begins.
    var epochs: [(epoch: Int32, start: Int64)] = []
    var open: [Int64: Int64] = [:]
    var aborted: [Aborted] = []
    var producers: [Int64: Producer] = [:]
    /// Those that the broker refuses, whatever their log says.
    var forgotten: [ProducerIdentity: ErrorCode] = [:]
    /// What metadata that lag behind still say.
    var before: (leader: Int32, epoch: Int32, until: NIODeadline)?

    init(leader: Int32) {
        self.leader = leader
        epochs = [(0, 0)]
    }

    /// Another leader, or the same again: as on a broker, its epoch begins at the end of its log.
    mutating func elect(_ node: Int32) {
        leader = node
        epoch += 1
        epochs.append((epoch, end))
    }

    var lastStable: Int64 { open.values.min() ?? end }

    /// Whether a batch is of a transaction that was aborted.
    func isAborted(_ batch: Batch) -> Bool {
        aborted.contains { $0.producerID == batch.producerID && $0.first <= batch.base && batch.base < $0.marker }
    }

    mutating func append(_ batch: Batch) {
        batches.append(batch)
        end = batch.next
    }

    /// The first offset behind an epoch, and the epoch that it is of.
    func endOffset(ofEpoch wanted: Int32) -> (epoch: Int32, end: Int64)? {
        guard let position = epochs.lastIndex(where: { $0.epoch <= wanted }), wanted <= epoch else { return nil }
        let next = position + 1 < epochs.count ? epochs[position + 1].start : end
        return (epochs[position].epoch, next)
    }

    func firstBatch(from offset: Int64) -> Int? {
        var low = 0
        var high = batches.count
        while low < high {
            let middle = (low + high) / 2
            if batches[middle].next > offset { high = middle } else { low = middle + 1 }
        }
        return low < batches.count ? low : nil
    }

    /// Cuts off what begins at or behind `offset`, whole batches at a time; returns the batches that are gone.
    mutating func truncate(to offset: Int64) -> [Batch] {
        guard let position = firstBatch(from: offset) else { return [] }
        let gone = Array(batches[position...])
        batches.removeSubrange(position...)
        end = max(start, gone[0].base)
        epochs.removeAll { $0.start >= end && $0.start > 0 }
        aborted.removeAll { $0.marker >= end }
        rebuildProducers()
        return gone
    }

    /// Deletes whole batches below an offset; returns those that are gone.
    mutating func deleteRecords(before offset: Int64) -> [Batch] {
        start = max(start, min(offset, end))
        let kept = batches.firstIndex { $0.next > start } ?? batches.count
        let gone = Array(batches[..<kept])
        batches.removeSubrange(..<kept)
        return gone
    }

    /// As a broker does it: what it knows of producers comes from the log.
    private mutating func rebuildProducers() {
        producers = [:]
        for batch in batches where batch.producerID >= 0 && !batch.isControl { note(batch) }
        open = open.filter { $0.value < end }
    }

    mutating func note(_ batch: Batch) {
        guard batch.sequence >= 0 else { return }
        var producer = producers[batch.producerID] ?? Producer(epoch: batch.producerEpoch)
        if producer.epoch != batch.producerEpoch { producer = Producer(epoch: batch.producerEpoch) }
        producer.recent.append((batch.sequence, batch.count, batch.base))
        if producer.recent.count > 5 { producer.recent.removeFirst() }
        producer.nextSequence = batch.sequence &+ batch.count
        producers[batch.producerID] = producer
    }
}
