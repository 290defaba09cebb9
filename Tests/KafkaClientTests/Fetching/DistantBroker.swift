import KafkaClient
import KafkaProtocol
import KafkaRecords
import NIOCore

/// A fetcher machine, and a broker far away that answers it in virtual time over a link of limited width.
///
/// One partition. Answers of both connections share the link; what is delivered comes back to the fetcher a moment later.
final class DistantBroker {
    struct Batch {
        var base: Int64
        var width: Int32
        var bytes: Int
    }

    struct Link {
        var delay = TimeAmount.milliseconds(100)
        var bytesPerSecond = 62.5e6
    }

    static let id = KafkaUUID(high: 3, low: 4)
    static let topic: TopicName = "t"
    private static let requestTimeout = TimeAmount.seconds(30)

    private var machine: FetcherMachine
    private let link: Link
    private let batches: [Batch]
    /// Whether an answer ends in a part of a batch, as Kafka's do.
    private let cutsBatches: Bool
    private var isOpen = false
    private(set) var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private var linkFree = NIODeadline.distantPast
    private var events: [(time: NIODeadline, number: Int, body: () -> Void)] = []
    private var number = 0
    private var parked: (() -> Void)?
    private var connection = 0
    /// The offset after the last record delivered.
    private(set) var position: Int64 = 0
    private(set) var bytesSent = 0
    private(set) var problems: [String] = []
    private(set) var timeouts = 0

    var end: Int64 { self.batches.last.map { $0.base + Int64($0.width) } ?? 0 }
    var byteCount: Int { self.batches.reduce(0) { $0 + $1.bytes } }

    init(
        _ shape: [(width: Int32, bytes: Int)],
        link: Link = Link(),
        cutsBatches: Bool = true,
        settings: FetchSettings = DistantBroker.oneShardOfTwo,
        first: Int64 = 0
    ) {
        self.machine = FetcherMachine(settings: settings)
        self.link = link
        self.cutsBatches = cutsBatches
        var base = first
        self.batches = shape.map { batch in
            defer { base += Int64(batch.width) }
            return Batch(base: base, width: batch.width, bytes: batch.bytes)
        }
    }

    /// What a mirror with default settings and two threads gives each of them.
    static var oneShardOfTwo: FetchSettings {
        var settings = FetchSettings()
        settings.byteBudget = 32 << 20
        return settings
    }

    // MARK: Running

    /// Waits for records, then lets them appear, and gives the seconds until all are delivered.
    func transfer(within limit: TimeAmount = .minutes(10)) -> Double {
        _ = self.machine.add(
            TopicPartition(topic: Self.topic, partition: 0),
            topicID: Self.id,
            start: .offset(0),
            now: self.now
        )
        self.drain()
        self.run(until: self.now + .seconds(3)) { false }
        self.isOpen = true
        let begin = self.now
        let waiting = self.parked
        self.parked = nil
        waiting?()
        self.run(until: begin + limit) { self.position == self.end }
        return Double((self.now - begin).nanoseconds) / 1e9
    }

    private func run(until limit: NIODeadline, _ isDone: () -> Bool) {
        while !isDone() {
            let next = self.events.indices.min {
                (self.events[$0].time, self.events[$0].number) < (self.events[$1].time, self.events[$1].number)
            }
            let event = next.map { self.events[$0].time } ?? .distantFuture
            let wake = self.machine.nextWake.map { max($0, self.now) } ?? .distantFuture
            guard min(event, wake) <= limit else {
                self.now = limit
                return
            }
            if let next, event <= wake {
                self.now = event
                self.events.remove(at: next).body()
            } else {
                self.now = wake
                self.machine.tick(now: wake)
            }
            self.drain()
        }
    }

    private func at(_ time: NIODeadline, _ body: @escaping () -> Void) {
        self.number += 1
        self.events.append((time, self.number, body))
    }

    private func drain() {
        while true {
            let actions = self.machine.takeActions()
            if actions.isEmpty { return }
            for action in actions { self.perform(action) }
        }
    }

    private func perform(_ action: FetcherMachine.Action) {
        switch action {
        case .connect(let node):
            // There and back for TCP, and for the first question.
            self.at(self.now + 4 * self.link.delay) { self.machine.connected(node, version: 17, now: self.now) }
        case .connectAhead(let node):
            self.connection += 1
            self.at(self.now + 4 * self.link.delay) { self.machine.aheadConnected(node, version: 17, now: self.now) }
        case .send(let node, let request, _):
            let sent = self.now
            self.at(self.now + self.link.delay) { self.serveSession(node, request, sent: sent) }
        case .sendAhead(let node, let request, _):
            let (sent, connection) = (self.now, self.connection)
            self.at(self.now + self.link.delay) {
                guard connection == self.connection else { return }
                self.reply(self.read(request), sent: sent, patience: Self.requestTimeout) { response in
                    guard connection == self.connection else { return }
                    guard let response else {
                        self.connection += 1
                        return self.machine.aheadDisconnected(node, now: self.now)
                    }
                    self.machine.aheadAnswered(node, response, now: self.now)
                }
            }
        case .locate(let questions):
            for question in questions {
                self.machine.located(
                    question.slot,
                    generation: question.generation,
                    leader: PartitionLeader(node: 1, epoch: 5, topicID: Self.id),
                    now: self.now
                )
            }
        case .deliver(let records): self.take(records)
        case .report, .learned, .disconnect: break
        case .resolve, .findBounds: self.problems.append("\(action)")
        }
    }

    private func take(_ records: FetchedRecords) {
        if records.fetchOffset > self.position || records.isDamaged {
            self.problems.append("delivered from \(records.fetchOffset) at \(self.position)")
        }
        self.position = max(self.position, records.nextOffset)
        self.at(self.now + .milliseconds(20)) { self.machine.release(records.lease, now: self.now) }
    }

    // MARK: The broker

    private var sessionOffset: Int64 = 0

    private func serveSession(_ node: Int32, _ request: FetchRequest, sent: NIODeadline) {
        var asked = request
        if let partition = request.topics.first?.partitions.first {
            self.sessionOffset = partition.fetchOffset
        } else if let topic = FetchRequest.FetchTopic.partition(at: self.sessionOffset) {
            asked.topics = [topic]
        }
        let answer: () -> Void = {
            var response = self.read(asked)
            response.sessionID = 9
            let patience = TimeAmount.milliseconds(Int64(request.maxWaitMs)) + Self.requestTimeout
            self.reply(response, sent: sent, patience: patience) { response in
                guard let response else { return self.machine.disconnected(node, reason: "late", now: self.now) }
                self.machine.answered(node, response, now: self.now)
            }
        }
        guard !self.isOpen else { return answer() }
        // A long poll; the later of two would be a mistake of the machine.
        self.parked = answer
        self.at(self.now + .milliseconds(Int64(request.maxWaitMs))) {
            guard self.parked != nil, !self.isOpen else { return }
            self.parked = nil
            answer()
        }
    }

    private func reply(
        _ response: FetchResponse,
        sent: NIODeadline,
        patience: TimeAmount,
        _ body: @escaping (FetchResponse?) -> Void
    ) {
        let bytes = response.responses.reduce(200) {
            $0 + $1.partitions.reduce(0) { $0 + ($1.records?.byteCount ?? 0) }
        }
        self.bytesSent += bytes
        self.linkFree =
            max(self.linkFree, self.now) + .nanoseconds(Int64(Double(bytes) / self.link.bytesPerSecond * 1e9))
        let arrival = self.linkFree + self.link.delay
        if arrival > sent + patience {
            self.timeouts += 1
            self.at(sent + patience) { body(nil) }
        } else {
            self.at(arrival) { body(response) }
        }
    }

    private func read(_ request: FetchRequest) -> FetchResponse {
        var response = FetchResponse()
        guard let topic = request.topics.first, let partition = topic.partitions.first else { return response }
        var data = FetchResponse.PartitionData()
        data.partitionIndex = partition.partition
        data.highWatermark = self.isOpen ? self.end : 0
        data.lastStableOffset = data.highWatermark
        data.records = RecordData(ByteBuffer())
        if self.isOpen, partition.fetchOffset < self.end {
            let limit = Int(min(request.maxBytes, partition.partitionMaxBytes))
            data.records = RecordData(self.bytes(from: partition.fetchOffset, limit: limit))
        }
        var answer = FetchResponse.FetchableTopicResponse()
        answer.topicID = Self.id
        answer.partitions = [data]
        if self.isOpen || request.sessionEpoch == -1 { response.responses = [answer] }
        return response
    }

    /// Batches from the one that holds `offset`; only their headers mean something.
    private func bytes(from offset: Int64, limit: Int) -> ByteBuffer {
        var low = 0
        var high = self.batches.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if self.batches[middle].base <= offset { low = middle } else { high = middle }
        }
        var count = 0
        var last = low
        while last < self.batches.count, count + self.batches[last].bytes <= limit || last == low {
            count += self.batches[last].bytes
            last += 1
        }
        let isCut = self.cutsBatches && last < self.batches.count && limit > count
        var buffer = ByteBufferAllocator().buffer(capacity: max(count, limit) + 100)
        for batch in self.batches[low..<last] { Self.write(batch, to: &buffer) }
        if isCut {
            Self.write(self.batches[last], to: &buffer, most: limit - count)
        }
        return buffer
    }

    private static func write(_ batch: Batch, to buffer: inout ByteBuffer, most: Int = .max) {
        let begin = buffer.writerIndex
        buffer.writeMultipleIntegers(
            batch.base,
            Int32(batch.bytes - 12),
            0 as Int32,
            2 as Int8,
            0 as UInt32,
            0 as Int16
        )
        buffer.writeInteger(batch.width - 1)
        buffer.moveWriterIndex(to: begin + min(batch.bytes, most))
    }
}

extension FetchRequest.FetchTopic {
    /// What a session that named its partition before still asks for.
    fileprivate static func partition(at offset: Int64) -> Self? {
        var partition = FetchRequest.FetchPartition()
        partition.fetchOffset = offset
        partition.partitionMaxBytes = 8 << 20
        var topic = Self()
        topic.topicID = DistantBroker.id
        topic.partitions = [partition]
        return topic
    }
}
