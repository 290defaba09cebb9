import DequeModule
import KafkaProtocol
public import NIOCore

/// Building requests from the batches that wait.
extension ProducerMachine {
    /// Builds every request that may go out now.
    ///
    /// - Parameter pull: Asks the owner for the next batch of a slot. It must not call the machine.
    public mutating func pump(
        now: NIODeadline,
        pull: (ProducePullRequest) -> ProducePull
    ) {
        self.now = now
        for node in self.nodes {
            if self.brokers[node]?.link == .idle, self.brokers[node]?.hasWaiting == true {
                self.brokers[node]?.link = .connecting
                self.actions.append(.connect(node: node))
            }
            sending: while let permission = self.brokers[node]?.permission(settings: self.settings, now: now) {
                switch permission {
                case .hold: break sending
                case .linger(let until):
                    self.wakeForLinger = min(self.wakeForLinger ?? until, until)
                    break sending
                case .send:
                    guard self.buildRequest(node, pull: pull) else { break sending }
                }
            }
        }
    }

    private mutating func buildRequest(
        _ node: Int32,
        pull: (ProducePullRequest) -> ProducePull
    ) -> Bool {
        guard case .ready(let version)? = self.brokers[node]?.link else { return false }
        let order = self.brokers[node]?.takeTurns() ?? []
        let id = self.nextRequest
        var parts: [SentRequest.Part] = []
        var topics: [ProduceRequest.TopicProduceData] = []
        var positions: [TopicName: Int] = [:]
        var bytes = 0
        var served: [Int] = []
        var unserved: [Int] = []
        var next = 0
        while next < order.count {
            let slot = order[next]
            next += 1
            let room = self.settings.maximumRequestBytes - bytes
            guard let batch = self.nextBatch(slot, request: id, room: room, company: order.count, pull) else {
                unserved.append(slot)
                continue
            }
            served.append(slot)
            guard let entry = self.entry(slot) else { continue }
            bytes += batch.byteCount
            var data = ProduceRequest.PartitionProduceData()
            data.index = entry.partition.partition
            var records = RecordData(batch.header)
            if batch.body.readableBytes > 0 { records.append(batch.body) }
            data.records = records
            if let position = positions[entry.partition.topic] {
                topics[position].partitionData.append(data)
            } else {
                var topic = ProduceRequest.TopicProduceData()
                topic.name = entry.partition.topic
                topic.partitionData = [data]
                positions[entry.partition.topic] = topics.count
                topics.append(topic)
            }
            parts.append(SentRequest.Part(slot: slot, identity: entry.identity, partition: entry.partition))
            if bytes >= self.settings.maximumRequestBytes { break }
        }
        // `break` above leaves slots that were not looked at.
        unserved.append(contentsOf: order[next...])
        self.brokers[node]?.putBack(unserved: unserved, served: served, now: self.now)
        guard !parts.isEmpty else { return false }
        self.nextRequest += 1
        self.brokers[node]?.began(id, bytes: bytes, now: self.now)
        self.requests[id] = SentRequest(node: node, sentAt: self.now, parts: parts)
        var request = ProduceRequest()
        request.acks = self.settings.acks
        request.transactionalID = self.transactionalID
        request.timeoutMs = Int32(clamping: self.settings.requestTimeout.nanoseconds / 1_000_000)
        request.topicData = topics
        self.actions.append(.send(node: node, id: id, request, version: version))
        return true
    }

    /// The batch a partition sends next: one that was taken back, or a new one from its owner.
    private mutating func nextBatch(
        _ slot: Int,
        request: UInt64,
        room: Int,
        company: Int,
        _ pull: (ProducePullRequest) -> ProducePull
    ) -> ProduceBatch? {
        let isEmpty = room == self.settings.maximumRequestBytes
        guard let entry = self.entry(slot), entry.phase == .active else {
            if let node = self.entry(slot)?.node { self.brokers[node]?.remove(slot) }
            return nil
        }
        defer { self.requeue(slot) }
        if let position = entry.firstUnsent {
            let batch = entry.outstanding[position].batch
            guard isEmpty || batch.byteCount <= room, entry.mayResend(position) else { return nil }
            self.entries[slot]?.markSent(position, request: request)
            return batch
        }
        guard entry.mayPull(limit: self.batchLimit(entry)), let stamp = entry.ids.next else { return nil }
        var question = ProducePullRequest(
            slot: slot,
            room: room,
            isEmpty: isEmpty,
            stamp: stamp,
            roundTrip: entry.node.flatMap { self.brokers[$0]?.roundTrip.least } ?? .zero
        )
        question.company = company
        question.limit = self.batchLimit(entry)
        switch pull(question) {
        case .batch(let batch):
            self.entries[slot]?.append(batch, request: request)
            return batch
        case .tooLargeNow:
            return nil
        case .nothing:
            self.entries[slot]?.waitingBytes = 0
            return nil
        }
    }

    private func batchLimit(_ entry: ProducePartition) -> Int {
        entry.node.flatMap { self.brokers[$0]?.batchLimit(self.settings) } ?? self.settings.maximumInFlight
    }

    /// Puts a partition into its broker's queue if it could send something.
    mutating func queue(_ slot: Int) {
        guard let entry = self.entry(slot), entry.phase == .active, let node = entry.node else { return }
        if let position = entry.firstUnsent {
            guard entry.mayResend(position) else { return }
            self.brokers[node]?.enqueue(slot, bytes: entry.outstanding[position].batch.byteCount, now: self.now)
        } else if entry.waitingBytes > 0, entry.mayPull(limit: self.batchLimit(entry)) {
            self.brokers[node]?.enqueue(slot, bytes: entry.waitingBytes, now: self.now)
        }
    }

    /// After its turn: stays in the queue only if it could send more.
    private mutating func requeue(_ slot: Int) {
        guard let entry = self.entry(slot), let node = entry.node else { return }
        let maySend: Bool
        if let position = entry.firstUnsent {
            maySend = entry.mayResend(position)
        } else {
            maySend = entry.waitingBytes > 0 && entry.mayPull(limit: self.batchLimit(entry))
        }
        if entry.phase != .active || !maySend { self.brokers[node]?.remove(slot) }
    }
}
