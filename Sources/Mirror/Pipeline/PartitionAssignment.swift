package import KafkaClient
package import KafkaProtocol
package import MirrorModel

/// One partition to mirror: where from, where to, and where to begin.
package struct PartitionAssignment: Sendable, Equatable {
    package var source: TopicPartition
    /// Identity of the source topic; zero when the broker is too old to tell.
    package var sourceTopicID: KafkaUUID
    package var target: TopicPartition
    /// Identity of the target topic; zero when unknown.
    package var targetTopicID: KafkaUUID
    package var start: StartPosition
    /// What is known to be mirrored already; lets a lost produce outcome be proven from the first batch on.
    package var resumed: PartitionPosition?
    /// The target topic's `max.message.bytes`, if it is known.
    package var maxBatchBytes: Int?
    /// The producer to go on with, and the sequence number of the first record.
    package var producer: ProducerStamp?
    /// What stands behind the resumed position can be compared with the source.
    package var isComparable = true
    /// The producer is another one than that of the records before, of which some may still be on their way.
    package var isProducerRenewed = false
    /// Records found at the target behind the progress that was written, up to `resumed`.
    package var copied: [OffsetMap.Run] = []
    /// Whether `copied` is everything that was ever mirrored.
    package var isComparedFromBeginning = false
    /// Where to note which offsets records went to; nil for one that only the flow itself uses.
    package var offsets: PartitionOffsets?

    /// Where the copy turned out to differ, to be recorded before the partition goes on.
    package var findings: [Gap] = []

    package static func == (left: PartitionAssignment, right: PartitionAssignment) -> Bool {
        left.source == right.source && left.sourceTopicID == right.sourceTopicID && left.target == right.target
            && left.start == right.start && left.resumed == right.resumed && left.maxBatchBytes == right.maxBatchBytes
            && left.copied == right.copied && left.isComparedFromBeginning == right.isComparedFromBeginning
            && left.offsets === right.offsets && left.findings == right.findings
    }

    package init(
        source: TopicPartition,
        sourceTopicID: KafkaUUID = .zero,
        target: TopicPartition,
        targetTopicID: KafkaUUID = .zero,
        start: StartPosition,
        resumed: PartitionPosition? = nil,
        maxBatchBytes: Int? = nil
    ) {
        self.source = source
        self.sourceTopicID = sourceTopicID
        self.target = target
        self.targetTopicID = targetTopicID
        self.start = start
        self.resumed = resumed
        self.producer = resumed?.producer
        self.maxBatchBytes = maxBatchBytes
    }
}

/// How far a partition is mirrored.
package struct PartitionPosition: Sendable, Hashable {
    /// The last source offset that is done: written at the target, or deliberately left out.
    package var sourceOffset: Int64
    /// The target offset of the last record written; nil when it is not known.
    package var targetOffset: Int64?
    /// Leader epoch of the source batch that held it; -1 when unknown.
    package var leaderEpoch: Int32
    /// Identity of the source topic; zero when unknown.
    package var sourceTopicID: KafkaUUID
    /// What the next record is to be written with, so that a broker refuses it when it is not the next one.
    package var producer: ProducerStamp?
    /// The record at `targetOffset` is the copy of an earlier one than that at `sourceOffset`.
    package var isApart = false
    /// The target may have lost the record at `targetOffset` or earlier ones.
    package var isDoubtful = false

    package init(
        sourceOffset: Int64,
        targetOffset: Int64? = nil,
        leaderEpoch: Int32 = -1,
        sourceTopicID: KafkaUUID = .zero,
        producer: ProducerStamp? = nil
    ) {
        self.sourceOffset = sourceOffset
        self.targetOffset = targetOffset
        self.leaderEpoch = leaderEpoch
        self.sourceTopicID = sourceTopicID
        self.producer = producer
    }
}
