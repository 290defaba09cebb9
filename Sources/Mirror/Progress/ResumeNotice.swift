import KafkaProtocol
package import MirrorModel

/// Something that people should know about the place where a partition goes on.
package enum ResumeNotice: Sendable, Equatable {
    /// The source topic was deleted and created again: mirrored from its beginning.
    case sourceRecreated(before: ProgressRecord)
    /// The target topic was deleted and created again: mirrored from the beginning.
    case targetRecreated(before: ProgressRecord)
    /// The source's log was cut off at this offset, below what was mirrored of it.
    case sourceTruncated(at: Int64, mirroredTo: Int64)
    /// Source offsets that were removed before they were copied, or copied and then lost by the target; of the latter some
    /// may still be there.
    case sourceRemoved(Range<Int64>)
    /// Records behind the last progress that are not the source's.
    case foreign(Int64, among: Range<Int64>)
    /// Without progress: records that are not the source's.
    case unproven(Int64, among: Range<Int64>)
    /// The target lost the records from this offset on; they are copied again.
    case targetTruncated(at: Int64, writtenTo: Int64)
    /// The target lost records, and it is not known where its last one comes from: everything is copied again.
    case targetLost(end: Int64, writtenTo: Int64)

    /// Records of somebody else, where they are; nil for what else was found.
    var foreignRange: Range<Int64>? {
        switch self {
        case .foreign(_, let range), .unproven(_, let range): range
        case .sourceRemoved, .sourceRecreated, .targetRecreated, .sourceTruncated, .targetTruncated, .targetLost: nil
        }
    }

    /// Whether the partition's producer may go on; otherwise its next sequence numbers may stand for other records, or what
    /// brokers know of producers was cut back with the log.
    var leavesProducer: Bool {
        if case .sourceRemoved = self { return true }
        return foreignRange != nil
    }

    /// What the gap ledger is told.
    package func gap(_ mirrored: TopicPlan.Mirrored, flow: String, source: String, target: String) -> Gap {
        func gap(
            _ kind: GapKind,
            atTarget: Bool,
            _ id: KafkaUUID,
            _ range: Range<Int64>,
            records: Int64? = nil,
            _ text: String
        ) -> Gap {
            Gap(
                flow: flow,
                kind: kind,
                cluster: atTarget ? target : source,
                partition: atTarget ? mirrored.target : mirrored.source,
                sourceTopic: mirrored.source.topic,
                topicID: id,
                from: range.lowerBound,
                to: range.upperBound - 1,
                records: records,
                text: text
            )
        }
        switch self {
        case .sourceRecreated(let record):
            // From this offset on records of the old topic are not mirrored; how many there were nobody knows.
            let next = record.offset + 1
            return gap(
                .recreated,
                atTarget: false,
                record.sourceTopicID ?? .zero,
                next..<next,
                "the source topic was deleted and created again, it is mirrored from its beginning"
            )
        case .sourceTruncated(let end, let last):
            return gap(
                .truncation,
                atTarget: false,
                mirrored.sourceTopicID,
                end..<max(end, last + 1),
                "the source lost records that are mirrored, what it holds instead follows them"
            )
        case .sourceRemoved(let range):
            return gap(
                .retention,
                atTarget: false,
                mirrored.sourceTopicID,
                range,
                "source records were removed, and the target lacks some or all of them"
            )
        case .targetRecreated(let record):
            return gap(
                .targetChanged,
                atTarget: true,
                record.targetTopicID ?? .zero,
                0..<(record.targetOffset ?? -1) + 1,
                "the target topic was deleted and created again, what the source still has is copied again"
            )
        case .foreign(let count, let range):
            return gap(
                .foreignWriter,
                atTarget: true,
                .zero,
                range,
                records: count,
                "somebody else writes to \(mirrored.target)"
            )
        case .unproven(let count, let range):
            return gap(
                .foreignWriter,
                atTarget: true,
                .zero,
                range,
                records: count,
                "\(mirrored.target) held records that are not the source's when mirroring began"
            )
        case .targetTruncated(let end, let written):
            return gap(
                .targetChanged,
                atTarget: true,
                .zero,
                end..<max(end, written + 1),
                records: written + 1 - end,
                "the target lost records, they are copied again"
            )
        case .targetLost(let end, let written):
            return gap(
                .targetChanged,
                atTarget: true,
                .zero,
                end..<max(end, written + 1),
                "the target lost records and it is not known from where on, what the source still has is copied again"
            )
        }
    }
}
