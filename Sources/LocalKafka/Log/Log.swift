import KafkaProtocol
import KafkaRecords
import NIOCore

/// The log of one partition.
///
/// Overview: a value that knows batches, offsets, producers, transactions and leader epochs, but no clock, no socket
/// and no other partition. Appending checks what Kafka's broker checks (`Log+Append.swift`), reading hands out slices
/// (`Log+Read.swift`), `Log+Offsets.swift` answers ListOffsets, `Log+Retention.swift` and `Log+Compaction.swift` remove.
/// All replicas share one log, so the high watermark is its end unless ``heldHighWatermark`` says otherwise.
package struct Log {
    package internal(set) var batches: [StoredBatch] = []
    package internal(set) var startOffset: Int64 = 0
    /// The offset of the next record.
    package internal(set) var endOffset: Int64 = 0
    package internal(set) var size = 0
    package internal(set) var producers = ProducerStates()
    package internal(set) var leaderEpochs = LeaderEpochs()
    package internal(set) var abortedTransactions: [AbortedTransaction] = []
    /// The segment files that a broker would keep; a read never goes beyond the end of one.
    var segments: [Segment] = []
    /// A high watermark kept below the end, as if followers lagged.
    package var heldHighWatermark: Int64?

    /// A transaction that was rolled back, as read-committed consumers are told about it.
    package struct AbortedTransaction: Sendable, Hashable {
        package var producerID: Int64
        package var firstOffset: Int64
        /// The offset of the abort marker.
        package var lastOffset: Int64
    }

    /// A segment file with its sparse index.
    struct Segment: Sendable {
        var baseOffset: Int64
        var size = 0
        /// Last offset and position of a batch now and then.
        var index: [IndexEntry] = []
        private var unindexed = 0

        struct IndexEntry: Sendable {
            var offset: Int64
            var position: Int
        }

        /// As `index.interval.bytes`.
        private static let indexInterval = 4096

        init(baseOffset: Int64) {
            self.baseOffset = baseOffset
        }

        mutating func append(_ size: Int, lastOffset: Int64) {
            if self.unindexed > Self.indexInterval {
                self.index.append(IndexEntry(offset: lastOffset, position: self.size))
                self.unindexed = 0
            }
            self.unindexed += size
            self.size += size
        }
    }

    package init() {}

    package var highWatermark: Int64 {
        min(self.endOffset, max(self.startOffset, self.heldHighWatermark ?? .max))
    }

    /// Up to here every transaction is decided.
    package var lastStableOffset: Int64 {
        min(self.highWatermark, self.producers.firstUnstableOffset ?? .max)
    }

    /// Notes that a leader with `epoch` takes over at the end of the log.
    package mutating func beginEpoch(_ epoch: Int32) {
        self.leaderEpochs.assign(epoch, from: self.endOffset)
    }

    /// The position of the first batch that reaches `offset` or beyond.
    func batchIndex(reaching offset: Int64) -> Int {
        var low = 0
        var high = self.batches.count
        while low < high {
            let middle = (low + high) / 2
            if self.batches[middle].lastOffset < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
