package import KafkaProtocol
package import MirrorModel
import Synchronization

/// The offset map of one partition, written by the data path and read by everybody.
///
/// The lock is taken once per batch that the target has acknowledged, never per record, and is hardly ever contended:
/// readers hold it for the search in one map. Two atomic operations per batch cost less than handing runs to another
/// thread, and what is written can be translated at once. A run that goes on where the last one ended only adds to
/// three numbers.
package final class PartitionOffsets: Sendable {
    package let source: TopicPartition
    package let target: TopicPartition
    private let memory: OffsetMemory
    private let changes: OffsetChanges?
    private let state: Mutex<State>

    struct State: Sendable {
        var map: OffsetMap
        let memory: OffsetMemory
        var borrowed = 0
        /// Whether it is on the list of those that changed.
        var isListed = false
        /// The source offset from which on this process has written.
        var began: Int64 = 0
        /// What is before it is kept in a place for long maps.
        var kept: OffsetMap.Bookmark?

        init(_ memory: OffsetMemory) {
            self.memory = memory
            self.map = OffsetMap(byteLimit: memory.share)
        }

        mutating func append(source: Int64, target: Int64, count: Int64) {
            if self.map.isNearlyFull { self.makeRoom() }
            self.map.append(source: source, target: target, count: count)
        }

        /// Begins with a map that was kept.
        mutating func takeOver(_ persisted: OffsetMap) {
            self.map = persisted
            self.raise(to: persisted.byteCount)
            self.kept = persisted.isContinuation ? self.map.beginning : nil
        }

        /// Lets the map have so many bytes, or as many as there are.
        mutating func raise(to wanted: Int) {
            var limit = min(self.memory.share + self.borrowed, OffsetMemory.largestMap)
            while limit < wanted {
                let lent = self.memory.borrow(for: limit)
                guard lent > 0 else { break }
                self.borrowed += lent
                limit += lent
            }
            self.map.limit(bytes: limit)
        }

        private mutating func makeRoom() {
            let allowed = min(self.memory.share + self.borrowed, OffsetMemory.largestMap)
            if allowed != Int(self.map.byteLimit) {
                self.map.limit(bytes: allowed)
                if !self.map.isNearlyFull { return }
            }
            let lent = self.memory.borrow(for: allowed)
            guard lent > 0 else { return }
            self.borrowed += lent
            self.map.limit(bytes: allowed + lent)
        }
    }

    /// - Parameter changes: where to put it down when it changes.
    package init(
        source: TopicPartition,
        target: TopicPartition,
        memory: OffsetMemory = OffsetMemory(),
        changes: OffsetChanges? = nil
    ) {
        self.source = source
        self.target = target
        self.memory = memory
        self.changes = changes
        self.state = Mutex(State(memory))
    }

    // MARK: The data path

    /// Notes what the target has written; everything up to `through` is done.
    func wrote(through offset: Int64, _ addRuns: (inout State) -> Void) {
        self.change { state in
            addRuns(&state)
            state.map.advance(scannedEnd: offset &+ 1)
        }
    }

    /// Notes that there is nothing to mirror up to this source offset.
    package func skipped(through offset: Int64) {
        self.change { $0.map.advance(scannedEnd: offset &+ 1) }
    }

    /// Notes that the target wrote records up to this source offset and did not say where.
    package func loseSight(through offset: Int64) {
        self.change { $0.map.loseSight(scannedEnd: offset &+ 1) }
    }

    /// Forgets what the target lost; the source is read again from the offset returned.
    ///
    /// Nil when it is not known exactly where the record at `target` came from.
    package func truncate(target: Int64) -> Int64? {
        self.change { $0.map.truncate(target: target) }
    }

    /// The source has lost what was behind an offset: what is read from there on are other records.
    package func wentBack(source: Int64, target: Int64) {
        self.change { $0.map.resume(source: source, target: target) }
    }

    /// The source is another topic of the same name from now on.
    package func restart() {
        self.change { state in
            let limit = Int(state.map.byteLimit)
            state.map = OffsetMap(byteLimit: limit)
            state.map.isOrigin = true
            state.began = 0
            state.kept = nil
        }
    }

    // MARK: The beginning

    /// Prepares for a partition that is about to be mirrored.
    ///
    /// What this process knows already is newer than what was kept.
    package func begin(_ assignment: PartitionAssignment, persisted: OffsetMap?) {
        guard let resumed = assignment.resumed else { return self.restart() }
        self.change { state in
            if state.map.isEmpty, let persisted {
                state.takeOver(persisted)
            }
            if assignment.isComparedFromBeginning, state.map.isEmpty { state.map.isOrigin = true }
            // Copies that were found lie behind what was kept, or take the place of its end.
            if let first = assignment.copied.first {
                state.map.goBack(source: first.source, target: first.target)
                for run in assignment.copied {
                    state.append(source: run.source, target: run.target, count: run.count)
                }
            }
            if let target = resumed.targetOffset {
                state.map.goBack(source: resumed.sourceOffset + 1, target: target + 1)
                state.map.resume(source: resumed.sourceOffset + 1, target: target + 1)
            }
            state.began = resumed.sourceOffset + 1
        }
    }

    // MARK: Readers

    /// A copy of everything.
    package var map: OffsetMap { self.state.withLock(\.map) }

    package func translate(source offset: Int64) -> OffsetTranslation {
        self.state.withLock { $0.map.translate(source: offset) }
    }

    package func translate(target offset: Int64) -> OffsetTranslation {
        self.state.withLock { $0.map.translate(target: offset) }
    }

    /// The end of the map, and the source offset from which on this process has written.
    var latest: (OffsetMap.Latest?, began: Int64) { self.state.withLock { ($0.map.latest, $0.began) } }

    package func read<Value: Sendable>(_ body: (borrowing OffsetMap) -> Value) -> Value {
        self.state.withLock { body($0.map) }
    }

    /// Forgets what the target has deleted.
    package func trim(targetStart: Int64) {
        self.state.withLock { $0.map.trim(targetStart: targetStart) }
    }

    // MARK: Memory

    var borrowed: Int { self.state.withLock(\.borrowed) }

    /// Keeps to a share that has become smaller.
    func fitShare() {
        self.state.withLock { $0.map.limit(bytes: min(self.memory.share + $0.borrowed, OffsetMemory.largestMap)) }
    }

    /// Gives back what was lent; nothing is known afterwards.
    func clear() {
        self.state.withLock { state in
            self.memory.giveBack(state.borrowed)
            state.borrowed = 0
            state.map = OffsetMap(byteLimit: self.memory.share)
        }
    }

    func withState<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        self.state.withLock { body(&$0) }
    }

    private func change<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        let (value, isNews) = self.state.withLock { state in
            let value = body(&state)
            let isNews = !state.isListed
            state.isListed = true
            return (value, isNews)
        }
        if isNews { self.changes?.note(self) }
        return value
    }

    /// From now on a change puts it on the list again.
    func unlist() {
        self.state.withLock { $0.isListed = false }
    }
}

/// Partitions whose map has changed since somebody looked last.
package final class OffsetChanges: Sendable {
    private let list = Mutex<[PartitionOffsets]>([])

    package init() {}

    func note(_ partition: PartitionOffsets) {
        self.list.withLock { $0.append(partition) }
    }

    /// Takes those that changed; each comes once, however often it changed.
    package func take() -> [PartitionOffsets] {
        let changed = self.list.withLock { list in
            let taken = list
            list = []
            return taken
        }
        // Before they are read, so that what changes meanwhile comes again.
        for partition in changed { partition.unlist() }
        return changed
    }
}
