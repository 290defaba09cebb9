package import KafkaProtocol
package import MirrorModel

/// What has to be written down before partitions begin.
extension ProgressLedger {
    /// Where partitions begin that would begin somewhere else next time, and with which producer.
    package func starts(
        of decisions: [(TopicPlan.Mirrored, ResumeResolver.Decision)],
        _ offsets: FlowOffsets
    ) -> [TopicPartition: ProgressRecord] {
        var starts: [TopicPartition: ProgressRecord] = [:]
        for (mirrored, decision) in decisions {
            switch decision {
            case .beginOnceWritten(let assignment, var record), .beginWhenWritten(let assignment, var record):
                // What is known of the offsets before must not be lost with the record that holds it now.
                record.offsetMap = offsetMap(of: mirrored, offsets, adding: assignment)
                starts[mirrored.source] = record
            case .begin, .comparing, .wait: break
            }
        }
        return starts
    }

    /// What is kept of a partition's map, with the copies that were found; nil when it begins with another topic.
    private func offsetMap(
        of mirrored: TopicPlan.Mirrored,
        _ offsets: FlowOffsets,
        adding assignment: PartitionAssignment
    ) -> [UInt8]? {
        guard goesOn(mirrored) else { return nil }
        if let known = offsets[mirrored.source], !known.read({ $0.isEmpty }) {
            return known.shortened { $0.add(assignment.copied, isFromBeginning: assignment.isComparedFromBeginning) }
        }
        return offsetMap(
            of: mirrored,
            adding: assignment.copied,
            isFromBeginning: assignment.isComparedFromBeginning
        )
    }
}
