import Synchronization

/// The bytes that the offset maps of a flow may take together.
///
/// Half is divided evenly, so that every partition has its share whatever the others do. The other half is lent to
/// those with long histories, first come, first served.
package final class OffsetMemory: Sendable {
    /// The most that one map may have.
    static let largestMap = 64 << 10
    /// What a partition costs without a history: the map, the objects around it, the places in tables, the head of an
    /// array; measured.
    static let perPartition = 576
    /// Maps begin with this, so that the many partitions without a history take nothing.
    private static let step = 256

    package let budget: Int
    private let lendable: Atomic<Int>
    private let evenShare: Atomic<Int>

    /// - Parameter budget: in bytes, for everything.
    package init(budget: Int = 64 << 20) {
        self.budget = budget
        self.lendable = Atomic(0)
        self.evenShare = Atomic(0)
    }

    /// What every map may have without borrowing.
    var share: Int { self.evenShare.load(ordering: .relaxed) }

    /// Divides anew for this many partitions; what is lent stays lent.
    func divide(among partitions: Int, lent: Int) {
        let rest = max(self.budget - partitions * Self.perPartition, 0)
        let share = rest / 2 / max(partitions, 1) * 4 / 5
        self.evenShare.store(min(max(share, 64), Self.largestMap), ordering: .relaxed)
        self.lendable.store(rest / 2 - lent, ordering: .relaxed)
    }

    /// Lends a map of `size` bytes some more; 0 when there is nothing left.
    func borrow(for size: Int) -> Int {
        let wanted = min(max(size / 4, Self.step), Self.largestMap - size)
        guard wanted > 0 else { return 0 }
        let cost = Self.cost(wanted)
        if self.lendable.subtract(cost, ordering: .relaxed).newValue >= 0 { return wanted }
        self.lendable.add(cost, ordering: .relaxed)
        return 0
    }

    /// The array behind a map may be an eighth longer than its contents, and what grows leaves holes in the heap.
    static func cost(_ bytes: Int) -> Int { bytes * 5 / 4 }

    func giveBack(_ borrowed: Int) {
        self.lendable.add(Self.cost(borrowed), ordering: .relaxed)
    }
}
