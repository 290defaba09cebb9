import KafkaRecords
import MirrorModel

/// Which offsets at the target belong to which at the source.
extension PartitionFlow {
    /// The map that came with an assignment, or one for this flow alone.
    static func offsets(of assignment: PartitionAssignment) -> PartitionOffsets {
        if let offsets = assignment.offsets { return offsets }
        let own = PartitionOffsets(source: assignment.source, target: assignment.target)
        own.begin(assignment, persisted: nil)
        return own
    }

    /// The target has written a batch: one lock for all its records.
    func noteOffsets(of entry: FlowEntry) {
        guard let base = entry.targetBase else {
            if entry.recordCount > 0 { self.offsets.loseSight(through: entry.through) }
            return
        }
        self.offsets.wrote(through: entry.through) { map in
            entry.forEachRun { run in
                map.append(source: run.source, target: base + Int64(run.index), count: Int64(run.count))
            }
        }
    }

    /// Takes the position along when nothing stands before what is left out.
    mutating func skipAtOnce(through offset: Int64, epoch: Int32) {
        self.offsets.skipped(through: offset)
        self.advance(through: offset, epoch: epoch)
    }
}
