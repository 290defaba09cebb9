package import KafkaProtocol

/// A position that a group stored for a partition.
package struct CommittedOffset: Equatable, Sendable {
    package var offset: Int64
    package var leaderEpoch: Int32 = -1
    package var metadata: KafkaString = ""
    package var timestamp: Int64 = 0

    package init(offset: Int64, leaderEpoch: Int32 = -1, metadata: KafkaString = "", timestamp: Int64 = 0) {
        self.offset = offset
        self.leaderEpoch = leaderEpoch
        self.metadata = metadata
        self.timestamp = timestamp
    }
}

/// The offsets of one group: those that count, and those that wait for their transaction to end.
struct GroupOffsets: Sendable {
    private(set) var committed: [TopicPartition: CommittedOffset] = [:]
    private(set) var pending: [Int64: [TopicPartition: CommittedOffset]] = [:]

    var isEmpty: Bool { committed.isEmpty && pending.isEmpty }

    /// Whether a transaction that is still open has an offset for `partition`.
    func isUnstable(_ partition: TopicPartition) -> Bool {
        pending.values.contains { $0[partition] != nil }
    }

    /// Whether `topic` has an offset that waits for its transaction.
    var unstablePartitions: Set<TopicPartition> {
        Set(pending.values.flatMap(\.keys))
    }

    mutating func commit(_ offset: CommittedOffset, for partition: TopicPartition) {
        committed[partition] = offset
    }

    mutating func commit(_ offset: CommittedOffset, for partition: TopicPartition, producer: Int64) {
        pending[producer, default: [:]][partition] = offset
    }

    mutating func endTransaction(producer: Int64, committed isCommitted: Bool) {
        guard let offsets = pending.removeValue(forKey: producer), isCommitted else { return }
        committed.merge(offsets) { $1 }
    }

    mutating func remove(_ partition: TopicPartition) {
        committed[partition] = nil
    }

    /// Drops what is stored for a topic that no longer exists.
    mutating func remove(topic: TopicName) {
        committed = committed.filter { $0.key.topic != topic }
        pending = pending.mapValues { $0.filter { $0.key.topic != topic } }.filter { !$0.value.isEmpty }
    }
}
