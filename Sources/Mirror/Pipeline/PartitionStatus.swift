package import KafkaProtocol
package import KafkaRecords
package import MirrorModel
package import NIOCore

/// What a partition is doing.
package enum PartitionState: Sendable, Hashable {
    /// Its start position is being looked up.
    case starting
    case running
    /// Something that passes by itself is in the way.
    case backingOff(reason: String)
    /// Only this partition is stopped; it is tried again at the time given.
    case quarantined(QuarantineReason, retryAt: NIODeadline)
    /// It finishes what was sent and takes nothing new.
    case draining
    case stopped
}

/// A snapshot of one partition.
package struct PartitionStatus: Sendable {
    package var source: TopicPartition
    package var target: TopicPartition
    package var state: PartitionState
    /// Nil until the start position is known.
    package var position: PartitionPosition?
    /// The end of the source partition as far as consumers see it; -1 until known.
    package var highWatermark: Int64
    /// Source offsets not mirrored yet; nil until both ends are known.
    package var lag: Int64?
    package var counters: PipelineCounters
    /// Batches read and not acknowledged.
    package var pendingBatches: Int

    package init(
        source: TopicPartition,
        target: TopicPartition,
        state: PartitionState,
        position: PartitionPosition?,
        highWatermark: Int64,
        lag: Int64?,
        counters: PipelineCounters,
        pendingBatches: Int
    ) {
        self.source = source
        self.target = target
        self.state = state
        self.position = position
        self.highWatermark = highWatermark
        self.lag = lag
        self.counters = counters
        self.pendingBatches = pendingBatches
    }
}

/// Something that happened to a partition.
package struct PartitionEvent: Sendable, Equatable {
    /// What happened.
    package enum Kind: Sendable, Equatable {
        /// Mirroring begins at this source offset.
        case started(at: Int64)
        case quarantined(QuarantineReason)
        /// It works again after a quarantine or an impediment.
        case recovered
        /// Something is in the way that passes by itself, but has not for a while.
        case impeded(reason: String)
        /// The target topic or partition is missing.
        case targetMissing
        /// Source records in this range were removed before they were mirrored.
        case sourceGap(Range<Int64>)
        /// The source log took another course from this offset on; what was mirrored after it no longer exists there.
        case sourceTruncated(at: Int64, mirroredTo: Int64)
        /// The name belongs to another topic now, which is mirrored from its beginning.
        case sourceRecreated(old: KafkaUUID, new: KafkaUUID)
        /// The source partition has a new leader epoch.
        case sourceLeaderChanged(node: Int32, epoch: Int32)
        /// The target lost the records from this offset on; they are copied again.
        case targetTruncated(at: Int64, writtenTo: Int64)
        /// The target holds records that are not ours behind what we wrote.
        case foreignRecords(count: Int64)
        /// Records that we were about to write were written by somebody else with our sequence numbers, by all signs an
        /// earlier process of this flow: where to go on has to be found out anew. Or the target has forgotten our producer.
        case overtaken(isForgotten: Bool)
        /// The copy differs from its source; the partition waits for the ledger where it has to.
        case gap(Gap)
        /// Where the partition goes on has to be found out as at a start.
        case placeLost
        /// Batches are split from now on to be at most this large.
        case splitting(maxBatchBytes: Int)
        /// The target does not take this codec: its batches are encoded with another.
        case codecRefused(CompressionCodec, replacement: CompressionCodec)
    }

    package var source: TopicPartition
    package var target: TopicPartition
    package var kind: Kind

    package init(source: TopicPartition, target: TopicPartition, kind: Kind) {
        self.source = source
        self.target = target
        self.kind = kind
    }
}
