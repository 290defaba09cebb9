/// MirrorMaker 2's translation of one partition's offsets: 64 syncs, the further back the sparser.
///
/// It is here to know what MirrorMaker 2 would answer: a better answer is never lower.
package struct OffsetSyncStore: Sendable, Equatable {
    package struct Slot: Sendable, Equatable {
        package var upstream: Int64
        package var downstream: Int64
    }

    private static let slotCount = 64

    /// Newest first; a slot may repeat the one before.
    ///
    /// Empty while there is no sync.
    package private(set) var slots: [Slot] = []
    private var isLoaded = false
    private let keepsHistory: Bool

    /// - Parameter keepsHistory: whether the checkpoints of earlier runs could be read; otherwise only the newest
    ///   sync survives the start.
    package init(keepsHistory: Bool) {
        self.keepsHistory = keepsHistory
    }

    /// Says that all syncs from before the start have been applied.
    package mutating func finishLoading() { isLoaded = true }

    package mutating func apply(upstream: Int64, downstream: Int64) {
        let new = Slot(upstream: upstream, downstream: downstream)
        guard let newest = slots.first, upstream >= newest.upstream, isLoaded || keepsHistory else {
            slots = [Slot](repeating: new, count: Self.slotCount)
            return
        }
        let old = slots
        slots[0] = new
        var replacement = new
        var candidate = 0
        for current in 1..<Self.slotCount {
            let previous = current - 1
            // Consider old slots as long as they are too close to their neighbours to be of use.
            var isDiscardable = false
            repeat {
                let slot = old[candidate]
                let isFarFromPrevious = slot == slots[previous] || isFar(slots[previous], from: slot, previous, current)
                let isFarFromNext =
                    current + 1 >= Self.slotCount || slot == slots[current + 1]
                    || isFar(slot, from: slots[current + 1], current, current + 1)
                let isRecent = isRecent(slots[previous], slot, previous, current)
                let isPromoted = isRecent && isFarFromPrevious && isFarFromNext
                if isPromoted { replacement = slot }
                let isDuplicate = candidate + 1 < Self.slotCount && slot == old[candidate + 1]
                isDiscardable = isDuplicate || !isFarFromPrevious
                if isPromoted || isDiscardable { candidate += 1 }
            } while candidate < current && isDiscardable
            if isRecent(slots[previous], slots[current], previous, current) { break }
            slots[current] = replacement
        }
    }

    /// What MirrorMaker 2 answers: nil for nothing, -1 for an offset before its oldest sync.
    package func translate(_ upstream: Int64) -> Int64? {
        guard isLoaded, let oldest = slots.last else { return nil }
        let chosen = slots.first { $0.upstream <= upstream } ?? oldest
        if chosen.upstream > upstream { return -1 }
        return chosen.upstream == upstream ? chosen.downstream : chosen.downstream + 1
    }

    /// Whether slot `i` may stand before slot `j` without being too far away from it.
    private func isRecent(_ newer: Slot, _ older: Slot, _ i: Int, _ j: Int) -> Bool {
        if newer == older { return true }
        let distance = (Int64(1) &<< Int64(j)) &- (Int64(1) &<< Int64(i))
        let (limit, overflow) = older.upstream.addingReportingOverflow(distance)
        return overflow || distance < 0 || newer.upstream <= limit
    }

    private func isFar(_ newer: Slot, from older: Slot, _ i: Int, _ j: Int) -> Bool {
        let distance = Int64(1) &<< Int64(max(i - 2, 0))
        let (limit, overflow) = older.upstream.addingReportingOverflow(distance)
        return !overflow && newer.upstream >= limit
    }
}
