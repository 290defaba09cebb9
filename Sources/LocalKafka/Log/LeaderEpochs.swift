/// Which leader epoch wrote from which offset on.
package struct LeaderEpochs: Sendable, Hashable {
    package struct Entry: Sendable, Hashable {
        package var epoch: Int32
        package var startOffset: Int64
    }

    package private(set) var entries: [Entry] = []

    package var latest: Int32? { self.entries.last?.epoch }

    /// Notes that `epoch` writes from `offset` on; older knowledge that contradicts it goes.
    mutating func assign(_ epoch: Int32, from offset: Int64) {
        guard epoch >= 0, epoch > self.entries.last?.epoch ?? -1 else { return }
        self.entries.removeAll { $0.startOffset >= offset }
        self.entries.append(Entry(epoch: epoch, startOffset: offset))
    }

    /// The end of an epoch as OffsetForLeaderEpoch answers it; (-1, -1) when unknown.
    package func end(of epoch: Int32, logEnd: Int64) -> (epoch: Int32, offset: Int64) {
        guard epoch >= 0 else { return (-1, -1) }
        if epoch == self.latest { return (epoch, logEnd) }
        guard let higher = self.entries.first(where: { $0.epoch > epoch }) else { return (-1, -1) }
        let floor = self.entries.last { $0.epoch <= epoch }
        return (floor?.epoch ?? epoch, higher.startOffset)
    }

    /// The epoch that wrote `offset`.
    package func epoch(at offset: Int64) -> Int32? {
        self.entries.last { $0.startOffset <= offset }?.epoch
    }

    mutating func truncate(toEnd offset: Int64) {
        self.entries.removeAll { $0.startOffset >= offset }
    }

    mutating func truncate(fromStart offset: Int64) {
        guard let index = self.entries.lastIndex(where: { $0.startOffset <= offset }) else { return }
        self.entries.removeFirst(index)
        self.entries[0].startOffset = max(offset, self.entries[0].startOffset)
    }
}
