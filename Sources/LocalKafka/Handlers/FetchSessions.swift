import KafkaProtocol

/// A partition in a fetch, by name or by topic id depending on the request's version.
struct FetchKey: Hashable {
    var topic: TopicName
    var topicID: KafkaUUID
    var partition: Int32
}

/// What a session remembers of a partition (KIP-227).
struct FetchSessionPartition {
    var key: FetchKey
    var request: FetchRequest.FetchPartition
    /// What the client was told last; an answer leaves out a partition about which there is nothing new.
    var highWatermark: Int64 = -1
    var logStartOffset: Int64 = -1
}

/// One incremental fetch session.
final class FetchSession {
    let id: Int32
    let usesTopicIDs: Bool
    var epoch: Int32 = 1
    private(set) var order: [FetchKey] = []
    private(set) var partitions: [FetchKey: FetchSessionPartition] = [:]

    init(id: Int32, usesTopicIDs: Bool) {
        self.id = id
        self.usesTopicIDs = usesTopicIDs
    }

    func update(_ key: FetchKey, _ request: FetchRequest.FetchPartition) {
        if self.partitions[key] == nil {
            self.order.append(key)
            self.partitions[key] = FetchSessionPartition(key: key, request: request)
        } else {
            self.partitions[key]?.request = request
        }
    }

    func forget(_ keys: Set<FetchKey>) {
        guard !keys.isEmpty else { return }
        self.order.removeAll { keys.contains($0) }
        for key in keys { self.partitions[key] = nil }
    }

    func answered(_ key: FetchKey, highWatermark: Int64, logStartOffset: Int64) {
        self.partitions[key]?.highWatermark = highWatermark
        self.partitions[key]?.logStartOffset = logStartOffset
    }

    /// Puts partitions that have just had data behind the others, so that all get their turn.
    func moveToEnd(_ keys: Set<FetchKey>) {
        guard !keys.isEmpty, keys.count < self.order.count else { return }
        self.order = self.order.filter { !keys.contains($0) } + self.order.filter { keys.contains($0) }
    }
}

/// The fetch sessions of a broker.
struct FetchSessionCache {
    /// As `max.incremental.fetch.session.cache.slots`.
    private static let slots = 1000

    private var sessions: [Int32: FetchSession] = [:]
    private var oldest: [Int32] = []

    subscript(_ id: Int32) -> FetchSession? { self.sessions[id] }

    mutating func make(usesTopicIDs: Bool) -> FetchSession {
        var id: Int32
        repeat { id = Int32.random(in: 1...Int32.max) } while self.sessions[id] != nil
        let session = FetchSession(id: id, usesTopicIDs: usesTopicIDs)
        self.sessions[id] = session
        self.oldest.append(id)
        if self.oldest.count > Self.slots { self.sessions[self.oldest.removeFirst()] = nil }
        return session
    }

    mutating func remove(_ id: Int32) {
        self.sessions[id] = nil
        self.oldest.removeAll { $0 == id }
    }
}
