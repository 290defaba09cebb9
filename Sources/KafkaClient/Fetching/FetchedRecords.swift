public import KafkaProtocol
public import KafkaRecords
public import NIOCore

/// The bytes of one delivered answer part; given back to the fetcher exactly once, when its records are no longer needed.
///
/// All partitions of one answer share one buffer, so memory comes back when the last of them is given back.
public struct FetchLease: Sendable, Hashable {
    let frame: UInt64
    let slot: Int
    let identity: UInt64
    /// Bytes of this partition.
    public let bytes: Int
}

/// How far a partition reaches at its broker.
public struct FetchWatermarks: Sendable, Hashable {
    public var highWatermark: Int64
    /// -1 when the broker is too old to tell.
    public var lastStableOffset: Int64
    /// -1 when the broker is too old to tell.
    public var logStartOffset: Int64

    /// What no log can have counts as not known.
    init(_ answer: FetchResponse.PartitionData) {
        self.highWatermark = answer.highWatermark.asOffset
        self.lastStableOffset = answer.lastStableOffset.asOffset
        self.logStartOffset = answer.logStartOffset.asOffset
    }

    public init(highWatermark: Int64 = -1, lastStableOffset: Int64 = -1, logStartOffset: Int64 = -1) {
        self.highWatermark = highWatermark
        self.lastStableOffset = lastStableOffset
        self.logStartOffset = logStartOffset
    }
}

/// Records of one partition as they came.
public struct FetchedRecords: Sendable {
    public let slot: Int
    public let partition: TopicPartition
    /// Complete batches, a slice of the received frame; the first may begin below `fetchOffset`.
    public let records: ByteBuffer
    /// The offset that was asked for.
    public let fetchOffset: Int64
    /// The offset after the last complete batch.
    public let nextOffset: Int64
    public let watermarks: FetchWatermarks
    /// Transactions to leave out at read_committed, in the broker's order.
    public let abortedTransactions: [AbortedTransaction]
    /// The bytes end in something that is no batch; the cursor is suspended until the owner seeks.
    public let isDamaged: Bool
    public let lease: FetchLease
}

/// Something the owner of a partition should know.
public enum FetchEvent: Sendable {
    /// How far the partition reaches; comes with each answer that names it.
    case watermarks(slot: Int, FetchWatermarks)
    /// The start offset was looked up.
    case started(slot: Int, offset: Int64)
    /// The offset is not in the log, which has `logStart..<logEnd`. Suspended until the owner seeks.
    case offsetOutOfRange(slot: Int, offset: Int64, logStart: Int64, logEnd: Int64)
    /// The log took another course: the batches we have of `epoch` are valid below `endOffset` only. Suspended.
    case diverged(slot: Int, offset: Int64, epoch: Int32, endOffset: Int64)
    /// The name belongs to another topic now. Suspended.
    case topicRecreated(slot: Int, old: KafkaUUID, new: KafkaUUID)
    /// The partition has a new leader epoch.
    case leaderChanged(slot: Int, node: Int32, epoch: Int32)
    /// The partition fails repeatedly; it is tried again by itself.
    case failing(slot: Int, FetchFailure)
    /// It works again after `failing`.
    case recovered(slot: Int)
}

/// Why a partition cannot be read at the moment.
public enum FetchFailure: Sendable, Hashable {
    /// The broker answered with an error code.
    case refused(ErrorCode)
    /// The partition's leader is not known.
    case noLeader(String)
    /// The broker cannot be reached.
    case disconnected(node: Int32, String)
}

/// Where a run of fetched bytes ends, found by hopping from batch header to batch header.
struct RecordBounds: Equatable {
    /// Bytes of complete batches.
    var completeBytes = 0
    /// The base offset of the first complete batch; nil without one.
    var firstOffset: Int64?
    /// The fewest and the most offsets that one batch takes.
    var narrowest = Int64.max
    var widest: Int64 = 1
    /// The offset after the last complete batch; nil without one.
    var nextOffset: Int64?
    /// Leader epoch of the last complete batch; -1 for old formats.
    var lastEpoch: Int32 = -1
    /// Size of the batch that was cut off, when its length field arrived.
    var truncatedSize: Int?
    /// What follows the complete batches cannot be a batch.
    var isDamaged = false

    /// Bytes of offset and length, which every format has in front.
    private static let prefix = 12

    /// What was there, for answers of that size to come; nil when no batch was complete.
    ///
    /// - Parameter bytes: What the answer was allowed to hold; what it held when nil.
    func reach(of bytes: Int? = nil) -> FetchReach? {
        guard let first = self.firstOffset, let next = self.nextOffset, next > first else { return nil }
        return FetchReach(
            span: next - first,
            bytes: bytes ?? self.completeBytes,
            narrowest: self.narrowest,
            widest: self.widest
        )
    }

    init(scanning records: ByteBuffer) {
        unsafe records.withUnsafeReadableBytes { unsafe self.scan($0) }
    }

    private mutating func scan(_ bytes: UnsafeRawBufferPointer) {
        func integer<I: FixedWidthInteger>(_ position: Int, _: I.Type) -> I {
            unsafe I(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: I.self))
        }
        let end = bytes.count
        var position = 0
        while end - position >= Self.prefix {
            let base = integer(position, Int64.self)
            let length = integer(position + 8, Int32.self)
            // Smallest sizes after the prefix: 14 for a message of magic 0, 49 for a batch of magic 2.
            guard length >= 14, base.asOffset >= 0 else {
                self.isDamaged = true
                return
            }
            let size = Self.prefix + Int(length)
            guard end - position >= size else {
                self.truncatedSize = size
                return
            }
            let magic = integer(position + 16, Int8.self)
            var last = base
            self.lastEpoch = -1
            if magic >= 2 {
                guard length >= 49, magic == 2 else {
                    self.isDamaged = true
                    return
                }
                let delta = integer(position + 23, Int32.self)
                let epoch = integer(position + 12, Int32.self)
                guard delta >= 0 else {
                    self.isDamaged = true
                    return
                }
                last = base + Int64(delta)
                self.lastEpoch = epoch
            }
            // Inner offsets never go back in a log; if they do, the later one must not undo the progress.
            self.nextOffset = max(self.nextOffset ?? 0, last &+ 1)
            if self.firstOffset == nil { self.firstOffset = base }
            let width = last &- base &+ 1
            self.narrowest = min(self.narrowest, width)
            self.widest = max(self.widest, width)
            position += size
            self.completeBytes += size
        }
    }
}
