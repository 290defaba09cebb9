package import KafkaRecords
import MirrorModel

/// A record, and what its batch says of it.
package struct SeenRecord: Sendable {
    package var record: Record
    /// Leader epoch; -1 where the format has none.
    package var epoch: Int32
    /// The idempotent producer that wrote it; -1 when it was none.
    package var producerID: Int64
    /// The broker has replaced its time by that of its arrival (`message.timestamp.type = LogAppendTime`).
    package var hasAppendTime: Bool

    package init(_ record: Record, epoch: Int32, producerID: Int64 = -1, hasAppendTime: Bool = false) {
        self.record = record
        self.epoch = epoch
        self.producerID = producerID
        self.hasAppendTime = hasAppendTime
    }

    /// Whether `copy` is this record mirrored: everything but the offset is the same, and the time where it is kept.
    func isCopied(by copy: SeenRecord) -> Bool {
        record.key == copy.record.key && record.value == copy.record.value && record.headers == copy.record.headers
            && (copy.hasAppendTime || record.timestamp == copy.record.timestamp)
    }

    /// The progress of a partition whose last record is this one.
    func progress(copiedTo target: Int64) -> ProgressRecord {
        ProgressRecord(offset: record.offset, targetOffset: target, leaderEpoch: epoch >= 0 ? epoch : nil)
    }
}

extension ScannedBatch {
    /// What its records have in common.
    func seen(_ record: Record) -> SeenRecord {
        switch self {
        case .batch(let batch):
            SeenRecord(
                record,
                epoch: batch.partitionLeaderEpoch,
                producerID: batch.producerID,
                hasAppendTime: batch.attributes.timestampType == .logAppendTime
            )
        case .legacy(let message):
            SeenRecord(record, epoch: -1, hasAppendTime: message.timestampType == .logAppendTime)
        }
    }
}
