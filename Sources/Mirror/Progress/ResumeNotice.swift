import KafkaProtocol
import Logging
import MirrorModel

/// Something that people should know about the place where a partition goes on.
package enum ResumeNotice: Sendable, Hashable {
    /// The source topic was deleted and created again: mirrored from its beginning.
    case sourceRecreated
    /// The target topic was deleted and created again: mirrored from the beginning.
    case targetRecreated
    /// The source's log was cut off at this offset, below what was mirrored of it.
    case sourceTruncated(at: Int64, mirroredTo: Int64)
    /// Records behind the last progress that are not the source's.
    case foreign(Int64)
    /// Without progress: records that are not the source's.
    case unproven(Int64)
    /// The target lost the records from this offset on; they are copied again.
    case targetTruncated(at: Int64, writtenTo: Int64)
    /// The target lost records, and it is not known where its last one comes from: everything is copied again.
    case targetLost(end: Int64, writtenTo: Int64)
}

extension Logger {
    func note(_ notice: ResumeNotice, about mirrored: TopicPlan.Mirrored) {
        let source: Metadata = ["partition": "\(mirrored.source)"]
        var target: Metadata = ["partition": "\(mirrored.target)"]
        switch notice {
        case .sourceRecreated:
            warning(
                "a topic was deleted and created again at the source, it is mirrored from its beginning",
                metadata: source
            )
        case .targetRecreated:
            warning(
                "a topic was deleted and created again at the target, it is mirrored from the beginning",
                metadata: target
            )
        case .sourceTruncated(let end, let last):
            var source = source
            source["from"] = "\(end)"
            source["to"] = "\(last)"
            warning(
                "the source lost records that were mirrored, mirroring goes on with those in their place",
                metadata: source
            )
        case .foreign(let count):
            target["records"] = "\(count)"
            warning(
                "the target holds records that are not the source's, mirroring goes on behind them",
                metadata: target
            )
        case .unproven(let count):
            target["records"] = "\(count)"
            info("the target holds records that are not the source's, mirroring begins behind them", metadata: target)
        case .targetTruncated(let end, let written):
            target["records"] = "\(written + 1 - end)"
            warning("the target lost records, they are copied again", metadata: target)
        case .targetLost(let end, let written):
            target["end"] = "\(end)"
            target["written"] = "\(written)"
            warning(
                "the target lost records and it is not known from where on, the partition is mirrored from its beginning",
                metadata: target
            )
        }
    }
}
