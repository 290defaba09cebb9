import KafkaProtocol

/// A partition that a fetch asks for.
struct FetchKey: Hashable {
    var topicID: KafkaUUID
    var topic: TopicName
    var partition: Int32
}

/// What a session remembers of a partition (KIP-227).
struct FetchEntry {
    var key: FetchKey
    var topic: Topic?
    var offset: Int64
    var maxBytes: Int
    var highWatermark: Int64 = -1
}

/// An incremental fetch session.
final class FetchSession {
    let id: Int32
    var epoch: Int32 = 1
    var entries: [FetchEntry] = []
    private var positions: [FetchKey: Int] = [:]
    /// The entry to begin with, so that all partitions get their turn.
    var turn = 0

    init(id: Int32) { self.id = id }

    func update(_ entry: FetchEntry) {
        if let position = positions[entry.key] {
            entries[position].offset = entry.offset
            entries[position].maxBytes = entry.maxBytes
        } else {
            positions[entry.key] = entries.count
            entries.append(entry)
        }
    }

    func forget(_ keys: Set<FetchKey>) {
        guard !keys.isEmpty else { return }
        entries.removeAll { keys.contains($0.key) }
        positions = [:]
        for (position, entry) in entries.enumerated() { positions[entry.key] = position }
        turn = 0
    }
}
