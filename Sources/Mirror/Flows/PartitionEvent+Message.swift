import KafkaProtocol
import Logging
import MirrorModel

extension PartitionEvent {
    /// How loudly the event is told, and how.
    var message: (level: Logger.Level, text: String) {
        switch kind {
        case .started(let offset): (.debug, "mirroring begins at source offset \(offset)")
        case .quarantined(let reason): (.error, "the partition is stopped: \(reason)")
        case .recovered: (.info, "the partition is mirrored again")
        case .impeded(let reason): (.warning, "the partition is held up: \(reason)")
        // The quarantine that follows says it with the next step.
        case .targetMissing: (.debug, "the target partition \(target) is missing")
        case .gap(let gap): (.debug, gap.text)
        case .placeLost: (.debug, "where the partition goes on is found out again")
        // What follows goes into the ledger, which tells it.
        case .sourceGap(let range):
            (
                .debug,
                "\(range.count) source offsets from \(range.lowerBound) on were removed before they were mirrored"
            )
        case .sourceTruncated(let offset, let mirroredTo):
            (
                .debug,
                "the source lost its records from offset \(offset) on, they are mirrored up to \(mirroredTo)"
            )
        case .sourceRecreated(let old, let new):
            (
                .debug,
                "the source topic was deleted and created again (\(old), now \(new)), it is mirrored from its beginning"
            )
        case .sourceLeaderChanged(let node, let epoch): (.debug, "the source is led by broker \(node), epoch \(epoch)")
        case .targetTruncated(let offset, let writtenTo):
            (.debug, "the target lost its records from offset \(offset) to \(writtenTo), they are copied again")
        case .foreignRecords(let count): (.debug, "the target holds \(count) records that are not ours")
        case .overtaken(isForgotten: false):
            (
                .info,
                "an earlier process may have written here since this one began, the end of the target is read again"
            )
        case .overtaken(isForgotten: true):
            (.info, "the target has forgotten who writes here, its end is read again")
        case .codecRefused(let codec, let replacement):
            (.warning, "the target does not take \(codec), batches are encoded again with \(replacement)")
        case .splitting(let limit): (.info, "batches are split to at most \(limit) bytes")
        }
    }
}
