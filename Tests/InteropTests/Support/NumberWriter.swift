import Foundation
import KafkaClient
import KafkaProtocol
import KafkaRecords
import Logging
import NIOCore
import NIOPosix
import Synchronization
import TestSupport

/// Writes ascending numbers from 0 to every partition of a topic with a `PartitionProducer`, as far as it is told to.
final class NumberWriter: @unchecked Sendable {
    // Unchecked: `producer` and `lines` are used on the loop only; everything else is behind `state`.

    private struct Line {
        let partition: Int32
        var next = 0
        /// First number and count of each batch that is out, by token.
        var pending: [UInt64: (first: Int, count: Int)] = [:]
        var acknowledged = 0
    }

    struct State {
        /// The lowest acknowledged count of all partitions.
        var acknowledged = 0
        var refusals: [ProduceRefusal] = []
        var failures: [ProduceFailure] = []
        var recoveries = 0
    }

    private let producer: PartitionProducer
    private let topic: TopicName
    private let batch: Int
    /// The time of number 0: recent, or retention removes the records.
    let baseTimestamp = Int64(Date().timeIntervalSince1970 * 1_000) - 3_600_000
    private var lines: [Int: Line] = [:]
    private var limit = 0
    private var lastToken: UInt64 = 0
    private let state = Mutex(State())

    init(_ client: KafkaClient, topic: TopicName, batch: Int = 10, settings: ProduceSettings = ProduceSettings()) {
        self.topic = topic
        self.batch = batch
        var settings = settings
        settings.retryBackoff = .milliseconds(20)
        self.producer = PartitionProducer(
            client: client,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            settings: settings,
            logger: client.logger
        )
    }

    var snapshot: State { self.state.withLock { $0 } }

    func start(partitions: Int32) async throws {
        try await self.producer.eventLoop.submit {
            self.producer.start(
                PartitionProducer.Handlers(
                    pull: { self.pull($0.slot, $0.stamp) },
                    event: { self.take($0) }
                )
            )
            for partition in 0..<partitions {
                self.lines[self.producer.add(TopicPartition(self.topic, partition))] = Line(partition: partition)
            }
        }.get()
    }

    /// Lets the numbers below `limit` go out and waits until all are acknowledged.
    func write(upTo limit: Int, within duration: Duration = .seconds(30)) async throws {
        try await self.allow(upTo: limit)
        try await poll(within: duration, "Not all was written: \(self.snapshot)") {
            self.snapshot.acknowledged >= limit
        }
    }

    /// The same without waiting.
    func allow(upTo limit: Int) async throws {
        try await self.producer.eventLoop.submit {
            self.limit = limit
            for slot in self.lines.keys { self.producer.ready(slot, bytes: 1 << 20) }
        }.get()
    }

    func stop() async throws {
        try await self.producer.eventLoop.submit { self.producer.close() }.get()
    }

    private func pull(_ slot: Int, _ stamp: ProducerStamp) -> ProducePull {
        guard var line = self.lines[slot], line.next < self.limit else { return .nothing }
        let count = min(self.batch, self.limit - line.next)
        var builder = RecordBatchBuilder()
        builder.producerID = stamp.identity.producerID
        builder.producerEpoch = stamp.identity.epoch
        builder.baseSequence = stamp.sequence
        for number in line.next..<(line.next + count) {
            let time = self.baseTimestamp + Int64(number)
            builder.append(timestamp: time, key: nil, value: ByteBuffer(string: "\(number)"))
        }
        guard let bytes = try? builder.build() else { return .nothing }
        self.lastToken += 1
        line.pending[self.lastToken] = (line.next, count)
        line.next += count
        self.lines[slot] = line
        return .batch(
            ProduceBatch(header: bytes, body: ByteBuffer(), recordCount: Int32(count), token: self.lastToken)
        )
    }

    private func take(_ event: ProduceEvent) {
        switch event {
        case .acknowledged(let slot, let token, _, _):
            guard let done = self.lines[slot]?.pending.removeValue(forKey: token) else { return }
            self.lines[slot]?.acknowledged += done.count
            let lowest = self.lines.values.map(\.acknowledged).min() ?? 0
            self.state.withLock { $0.acknowledged = lowest }
        case .refused(let slot, let refusal):
            self.state.withLock { $0.refusals.append(refusal) }
            if let first = self.lines[slot]?.pending.values.map(\.first).min() { self.lines[slot]?.next = first }
            self.lines[slot]?.pending.removeAll()
            if refusal.kind == .sequenceLost {
                self.producer.resume(slot)
                self.producer.ready(slot, bytes: 1 << 20)
            }
        case .failing(_, let failure):
            self.state.withLock { $0.failures.append(failure) }
        case .recovered:
            self.state.withLock { $0.recoveries += 1 }
        }
    }
}
