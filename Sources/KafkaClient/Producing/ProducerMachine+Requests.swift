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
        let settings = self.settings
        for node in self.brokers.nodes {
            if self.brokers[node]?.edit({ $0.beginConnecting(now: now) }) == true {
                self.actions.append(.connect(node: node))
            }
            sending: while let permission = self.brokers[node]?.edit({ $0.permission(settings: settings, now: now) }) {
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
        let settings = self.settings
        let turns = self.brokers[node]?.edit {
            (link: $0.link, order: $0.takeTurns(), least: $0.roundTrip.least, limit: $0.batchLimit(settings))
        }
        guard let turns, case .ready(let version) = turns.link else { return false }
        let (id, order) = (self.nextRequest, turns.order)
        var question = ProducePullRequest(
            slot: -1,
            room: settings.maximumRequestBytes,
            isEmpty: true,
            stamp: ProducerStamp(identity: .none, sequence: -1),
            roundTrip: turns.least
        )
        question.company = order.count
        question.limit = turns.limit
        var parts: [SentRequest.Part] = []
        var topics: [ProduceRequest.TopicProduceData] = []
        var positions: [TopicName: Int] = [:]
        var served: [Int] = []
        var unserved: [Int] = []
        var next = 0
        while next < order.count {
            let slot = order[next]
            next += 1
            question.slot = slot
            guard let batch = self.nextBatch(question, request: id, pull) else {
                unserved.append(slot)
                continue
            }
            served.append(slot)
            let name = self.entries[slot]?.edit { (identity: $0.identity, partition: $0.partition) }
            guard let (identity, partition) = name else { continue }
            question.room -= batch.byteCount
            question.isEmpty = false
            var data = ProduceRequest.PartitionProduceData()
            data.index = partition.partition
            var records = RecordData(batch.header)
            if batch.body.readableBytes > 0 { records.append(batch.body) }
            data.records = records
            if let last = topics.indices.last, topics[last].name == partition.topic {
                topics[last].partitionData.append(data)
            } else if let position = positions[partition.topic] {
                topics[position].partitionData.append(data)
            } else {
                var topic = ProduceRequest.TopicProduceData()
                topic.name = partition.topic
                topic.partitionData = [data]
                positions[partition.topic] = topics.count
                topics.append(topic)
            }
            parts.append(SentRequest.Part(slot: slot, identity: identity, partition: partition))
            if question.room <= 0 { break }
        }
        // `break` above leaves slots that were not looked at.
        unserved.append(contentsOf: order[next...])
        self.brokers[node]?.putBack(unserved: unserved, served: served, now: self.now)
        guard !parts.isEmpty else { return false }
        self.nextRequest += 1
        self.brokers[node]?.began(id, bytes: settings.maximumRequestBytes - question.room, now: self.now)
        self.requests[id] = SentRequest(node: node, sentAt: self.now, parts: parts)
        var request = ProduceRequest()
        request.acks = settings.acks
        request.transactionalID = self.transactionalID
        request.timeoutMs = Int32(clamping: settings.requestTimeout.nanoseconds / 1_000_000)
        request.topicData = topics
        self.actions.append(.send(node: node, id: id, request, version: version))
        return true
    }

    /// The batch a partition sends next: one that was taken back, or a new one from its owner.
    private mutating func nextBatch(
        _ question: ProducePullRequest,
        request: UInt64,
        _ pull: (ProducePullRequest) -> ProducePull
    ) -> ProduceBatch? {
        let slot = question.slot
        defer { self.requeue(slot, limit: question.limit) }
        switch self.entries[slot]?.next(request: request, question) {
        case .again(let batch): return batch
        case .pull(let stamp):
            var question = question
            question.stamp = stamp
            switch pull(question) {
            case .batch(let batch):
                self.entries[slot]?.append(batch, request: request)
                return batch
            case .tooLargeNow: break
            case .nothing: self.entries[slot]?.waitingBytes = 0
            }
            return nil
        case .nothing, nil: return nil
        }
    }

    /// Puts a partition into its broker's queue if it could send something.
    mutating func queue(_ slot: Int) {
        let settings = self.settings
        guard self.entries.indices.contains(slot), let node = self.entries[slot]?.edit({ $0.node }) ?? nil,
            let limit = self.brokers[node]?.edit({ $0.batchLimit(settings) }),
            let bytes = self.entries[slot]?.wish(limit: limit)
        else { return }
        self.brokers[node]?.enqueue(slot, bytes: bytes, now: self.now)
    }

    /// After its turn: stays in the queue only if it could send more.
    private mutating func requeue(_ slot: Int, limit: Int) {
        guard let node = self.entries[slot]?.edit({ $0.node }) ?? nil else { return }
        if self.entries[slot]?.wish(limit: limit) == nil { self.brokers[node]?.remove(slot) }
    }
}
