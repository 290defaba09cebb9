import DequeModule
import KafkaClient
import KafkaRecords
import NIOCore

/// One batch in a partition's queue, in source order.
struct FlowEntry: Sendable {
    /// What is to be written.
    enum Content: Sendable {
        /// A source batch as it came.
        case fast(RecordBatchView)
        /// Several source batches joined, or one encoded again.
        case assembled(AssembledBatch)
        /// Being encoded again elsewhere.
        case rebuilding(ticket: UInt64)
        /// Cannot go on; the partition stops when everything before it is through.
        case damaged(QuarantineReason)
    }

    /// How it got here, for the counters.
    enum Path: Sendable {
        case fast(CompressionCodec)
        case coalesced(batches: Int64)
        case recompressed(batches: Int64)
        case slow(RebuildReason, batches: Int64)
        /// A further piece of a batch that was split.
        case piece
    }

    let content: Content
    let path: Path
    let recordCount: Int32
    let byteCount: Int
    /// The position moves here when this and everything before it is acknowledged.
    var through: Int64
    var leaderEpoch: Int32
    /// Name at the producer; set when it is sent.
    var token: UInt64 = 0
    var isAcknowledged = false
    /// The identity and sequence it was sent with; nil without idempotence.
    var stamp: ProducerStamp?

    init(content: Content, path: Path, through: Int64, leaderEpoch: Int32) {
        self.content = content
        self.path = path
        self.through = through
        self.leaderEpoch = leaderEpoch
        let view: RecordBatchView? =
            switch content {
            case .fast(let view): view
            case .assembled(let assembled): assembled.batch
            case .rebuilding, .damaged: nil
            }
        self.recordCount = view?.recordCount ?? 0
        self.byteCount = view?.sizeInBytes ?? 0
    }

    /// Whether it is, or will be, other bytes than those received.
    var isMade: Bool {
        switch self.content {
        case .assembled, .rebuilding: true
        case .fast, .damaged: false
        }
    }

    /// The codec of what is to be written, when it is known.
    var codec: CompressionCodec? {
        switch content {
        case .fast(let batch): batch.codec
        case .assembled(let assembled): assembled.batch.codec
        case .rebuilding, .damaged: nil
        }
    }
    /// Where the target put it; nil when the target did not say.
    var targetBase: Int64?

    /// Memory of records that are no longer those that were received.
    var copiedBytes: Int {
        switch self.content {
        case .assembled(let assembled): assembled.batch.buffer.storageCapacity
        case .fast, .rebuilding, .damaged: 0
        }
    }

    // A deque copies an entry of which a property is read; what changes entries, or could, does so where they stand.

    /// Goes to the producer under this name; returns its bytes.
    mutating func sent(token: UInt64, stamp: ProducerStamp?) -> Int {
        self.token = token
        self.stamp = stamp
        return self.byteCount
    }

    /// Notes that it is written; false when it has another name, or is written already.
    mutating func acknowledge(token: UInt64, targetBase: Int64?) -> Bool {
        guard self.token == token, !self.isAcknowledged else { return false }
        self.isAcknowledged = true
        self.targetBase = targetBase
        return true
    }

    /// Whether the target said where it put it; nil until it is acknowledged.
    mutating func placeWhenAcknowledged() -> Bool? {
        self.isAcknowledged ? self.targetBase != nil : nil
    }

    /// Where its records come from, by index in the batch.
    func forEachRun(_ body: (OffsetRun) -> Void) {
        switch self.content {
        case .fast(let view):
            body(OffsetRun(source: view.baseOffset, index: 0, count: view.recordCount))
        case .assembled(let assembled):
            for run in assembled.runs { body(run) }
        case .rebuilding, .damaged:
            break
        }
    }
}

/// The batches of one partition that are read and not yet acknowledged: first those sent, then those waiting.
struct FlowQueue: Sendable {
    private(set) var entries: Deque<FlowEntry> = []
    /// How many at the front are with the producer.
    private(set) var sentCount = 0
    /// Bytes that wait to be sent, as far as they are known.
    private(set) var waitingBytes = 0
    /// Bytes of joined and encoded batches, which take memory beside what was received.
    private(set) var copiedBytes = 0
    var isEmpty: Bool { self.entries.isEmpty }
    var hasWaiting: Bool { self.sentCount < self.entries.count }

    /// What is to be sent next.
    var head: FlowEntry.Content? { self.hasWaiting ? self.entries[self.sentCount].content : nil }

    var waitingCount: Int { self.entries.count - self.sentCount }

    mutating func append(_ entry: consuming FlowEntry) {
        self.copiedBytes += entry.copiedBytes
        self.waitingBytes += entry.byteCount
        self.entries.append(entry)
    }

    /// Lets the last entry take the position further; false when there is none.
    mutating func extend(through offset: Int64, epoch: Int32) -> Bool {
        guard !self.entries.isEmpty else { return false }
        let last = self.entries.count - 1
        if offset > self.entries[last].through {
            self.entries[last].through = offset
            self.entries[last].leaderEpoch = epoch
        }
        return true
    }

    /// The head goes to the producer under this name.
    mutating func send(token: UInt64, stamp: ProducerStamp? = nil) {
        let stamp = stamp?.identity == ProducerIdentity.none ? nil : stamp
        self.waitingBytes -= self.entries[self.sentCount].sent(token: token, stamp: stamp)
        self.sentCount += 1
    }

    /// The first waiting entries become one.
    mutating func mergeWaiting(_ count: Int, into entry: FlowEntry) {
        let range = self.sentCount..<self.sentCount + count
        for index in range {
            self.copiedBytes -= self.entries[index].copiedBytes
            self.waitingBytes -= self.entries[index].byteCount
        }
        self.copiedBytes += entry.copiedBytes
        self.waitingBytes += entry.byteCount
        self.entries.replaceSubrange(range, with: CollectionOfOne(entry))
    }

    /// Puts the result of an encoding in the place of its ticket; false when the ticket is gone.
    mutating func replace(ticket: UInt64, with results: [FlowEntry]) -> Bool {
        let position = self.entries.firstIndex {
            if case .rebuilding(ticket) = $0.content { true } else { false }
        }
        guard let position, position >= self.sentCount else { return false }
        let (through, epoch) = (self.entries[position].through, self.entries[position].leaderEpoch)
        for result in results {
            self.copiedBytes += result.copiedBytes
            self.waitingBytes += result.byteCount
        }
        self.entries.replaceSubrange(position..<position + 1, with: results)
        if results.isEmpty, position > 0 {
            self.entries[position - 1].through = max(self.entries[position - 1].through, through)
            self.entries[position - 1].leaderEpoch = epoch
        }
        return true
    }

    /// Notes that a batch is written; false for a name that is not here.
    mutating func acknowledge(token: UInt64, targetBase: Int64?) -> Bool {
        for index in 0..<self.sentCount
        where self.entries[index].acknowledge(token: token, targetBase: targetBase) { return true }
        return false
    }

    /// Finds the places of acknowledged batches whose answers did not tell.
    ///
    /// - Parameter written: The last target offset before the oldest one.
    mutating func placeAcknowledged(behind written: Int64?) {
        let known = self.entries.prefix(self.sentCount).prefix { $0.isAcknowledged }
        guard known.contains(where: { $0.targetBase == nil }) else { return }
        let places = Self.places(of: known.map { (Int64($0.recordCount), $0.targetBase) }, behind: written)
        for (index, place) in places.enumerated() { self.entries[index].targetBase = place }
    }

    /// Where batches are that follow one another: those whose place is not known are where just they fit between two others.
    ///
    /// - Parameter written: The last target offset before the first one.
    static func places(of batches: [(count: Int64, base: Int64?)], behind written: Int64?) -> [Int64?] {
        var places: [Int64?] = []
        var end = written.map { $0 + 1 }
        var (first, count): (Int, Int64) = (0, 0)
        for (index, batch) in batches.enumerated() {
            places.append(batch.base)
            guard let base = batch.base else {
                count += batch.count
                continue
            }
            if var next = end, next + count == base {
                for index in first..<index {
                    places[index] = next
                    next += batches[index].count
                }
            }
            end = base + batch.count
            (first, count) = (index + 1, 0)
        }
        return places
    }

    /// Whether the oldest batch is not acknowledged, or its place may be told by one that is still out.
    private mutating func awaitsPlace() -> Bool {
        for index in 0..<min(self.sentCount, Self.placeless + 1) {
            guard let isPlaced = self.entries[index].placeWhenAcknowledged() else { return true }
            if isPlaced { return false }
        }
        return false
    }

    /// So many batches without a place are kept; a target that never tells one would hold up everything.
    private static let placeless = 5

    /// Takes the oldest entry if it is acknowledged, and if nothing that is out can tell its place.
    mutating func popAcknowledged() -> FlowEntry? {
        guard self.sentCount > 0, !self.awaitsPlace() else { return nil }
        let first = self.entries.removeFirst()
        self.copiedBytes -= first.copiedBytes
        self.sentCount -= 1
        // With many partitions the places of empty queues would be most of the memory.
        if self.entries.isEmpty { self.removeAll() }
        return first
    }

    /// Drops what was not sent.
    mutating func dropWaiting() {
        self.copiedBytes -= self.entries[self.sentCount...].reduce(0) { $0 + $1.copiedBytes }
        self.entries.removeLast(self.entries.count - self.sentCount)
        self.waitingBytes = 0
    }

    mutating func removeAll() {
        self.entries = []
        self.sentCount = 0
        self.waitingBytes = 0
        self.copiedBytes = 0
    }
}
