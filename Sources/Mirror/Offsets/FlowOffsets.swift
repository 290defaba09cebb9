package import KafkaProtocol
package import MirrorModel
import Synchronization

/// Where the records of a flow are in the mirror, both ways, for all its partitions.
///
/// # Overview
/// Shards write to the `PartitionOffsets` that comes with an assignment, in the order of acknowledgement. Checkpoints,
/// group offsets, failback and the offset syncs read, from any thread, what is acknowledged at that moment.
///
/// # Rules
/// An answer never lies past a record that the group has not read. It is `exact` when it is known to be the position of
/// the next record, `bounded` when records may come again, `beforeHistory` when the mirror begins later, and `unknown`
/// when there is nothing to go by.
package final class FlowOffsets: Sendable {
    /// What is known of one partition.
    package struct Coverage: Sendable, Equatable {
        package var source: TopicPartition
        package var target: TopicPartition
        /// Source offsets with an answer; the end is the next one to be mirrored.
        package var sourceOffsets: Range<Int64>
        /// Where they are; the end is where the next record goes.
        package var targetOffsets: Range<Int64>
        /// Whether the mirror begins here, or what was before is no longer in it.
        package var reachesBeginning: Bool
        package var runs: Int
        /// Runs and their records whose exact places were given up to save memory.
        package var lostRuns: Int64
        package var lostRecords: Int64
        /// How often the target's offsets went back, which ended all that was known.
        package var targetResets: Int64
    }

    /// Sums over all partitions.
    package struct Totals: Sendable, Equatable {
        package var partitions = 0
        package var runs = 0
        package var bytes = 0
        package var lostRuns: Int64 = 0
        package var lostRecords: Int64 = 0
        package var targetResets: Int64 = 0
    }

    package let memory: OffsetMemory
    /// For whoever writes offset syncs; nobody else may take from it.
    package let changes = OffsetChanges()
    private let state = Mutex(State())

    private struct State {
        var bySource: [TopicPartition: PartitionOffsets] = [:]
        var byTarget: [TopicPartition: PartitionOffsets] = [:]
        /// How many partitions the memory was divided among last.
        var divided = 0
    }

    package init(memoryBytes: Int = 64 << 20) {
        self.memory = OffsetMemory(budget: memoryBytes)
    }

    // MARK: Partitions

    /// The map of a partition; an empty one if there is none yet, or if it went to another target.
    package func partition(_ source: TopicPartition, target: TopicPartition) -> PartitionOffsets {
        let (partition, shrunk): (PartitionOffsets, [PartitionOffsets]) = self.state.withLock { state in
            if let known = state.bySource[source], known.target == target { return (known, []) }
            if let old = state.bySource[source] {
                state.byTarget[old.target] = nil
                old.clear()
            }
            let shrunk = self.divide(&state, among: state.bySource.count + 1)
            let new = PartitionOffsets(source: source, target: target, memory: self.memory, changes: self.changes)
            state.bySource[source] = new
            state.byTarget[target] = new
            return (new, shrunk)
        }
        for partition in shrunk { partition.fitShare() }
        return partition
    }

    /// The assignment with the map that belongs to it, which goes on where the assignment does.
    /// - Parameter persisted: what was kept of the map when the flow ran last.
    package func begin(_ assignment: PartitionAssignment, persisted: OffsetMap?) -> PartitionAssignment {
        var assignment = assignment
        let partition = self.partition(assignment.source, target: assignment.target)
        partition.begin(assignment, persisted: persisted)
        assignment.offsets = partition
        return assignment
    }

    /// The map of a partition, if it has one.
    package subscript(source: TopicPartition) -> PartitionOffsets? {
        self.state.withLock { $0.bySource[source] }
    }

    var all: [PartitionOffsets] { self.state.withLock { Array($0.bySource.values) } }

    /// The maps whose older part is kept elsewhere and has not been read.
    package var continuations: [PartitionOffsets] { self.all.filter { $0.read { $0.isContinuation } } }

    /// All source partitions with a map, in the order of their names.
    package var partitions: [TopicPartition] {
        self.state.withLock { Array($0.bySource.keys) }.sorted()
    }

    /// The source partition whose mirror this is.
    package func source(of target: TopicPartition) -> TopicPartition? {
        self.state.withLock { $0.byTarget[target]?.source }
    }

    /// Forgets a partition that does not exist any more.
    package func forget(_ source: TopicPartition) {
        self.state.withLock { state in
            guard let old = state.bySource.removeValue(forKey: source) else { return }
            state.byTarget[old.target] = nil
            old.clear()
        }
    }

    /// Makes everybody's share smaller before there are more; in steps of an eighth, so that it is rarely done.
    private func divide(_ state: inout State, among count: Int) -> [PartitionOffsets] {
        guard count > state.divided else { return [] }
        let rounded = max(count + count / 8, 64)
        state.divided = rounded
        self.memory.divide(
            among: rounded,
            lent: state.bySource.values.reduce(0) { $0 + OffsetMemory.cost($1.borrowed) }
        )
        return Array(state.bySource.values)
    }

    // MARK: Translation

    /// The position in the mirror of the next record that a group with this committed source offset would read.
    package func translate(source: TopicPartition, offset: Int64) -> OffsetTranslation {
        self[source]?.translate(source: offset) ?? .unknown(.nothingMirrored)
    }

    /// The source offset from which a group goes on that has committed this offset in the mirror (failback).
    package func translateBack(target: TopicPartition, offset: Int64) -> OffsetTranslation {
        guard let source = self.source(of: target), let partition = self[source] else {
            return .unknown(.nothingMirrored)
        }
        return partition.translate(target: offset)
    }

    // MARK: Reports

    package func coverage(of source: TopicPartition) -> Coverage? {
        guard let partition = self[source] else { return nil }
        return partition.read { map in
            map.isEmpty
                ? nil
                : Coverage(
                    source: source,
                    target: partition.target,
                    sourceOffsets: map.sourceOffsets,
                    targetOffsets: map.targetOffsets,
                    reachesBeginning: map.isOrigin,
                    runs: map.runCount,
                    lostRuns: Int64(map.lostRuns),
                    lostRecords: map.lostRecords,
                    targetResets: Int64(map.targetResets)
                )
        }
    }

    package func totals() -> Totals {
        let partitions = self.all
        var totals = Totals()
        totals.partitions = partitions.count
        for partition in partitions {
            partition.read { map in
                totals.runs += map.runCount
                totals.bytes += map.byteCount
                totals.lostRuns += Int64(map.lostRuns)
                totals.lostRecords += map.lostRecords
                totals.targetResets += Int64(map.targetResets)
            }
        }
        return totals
    }
}
