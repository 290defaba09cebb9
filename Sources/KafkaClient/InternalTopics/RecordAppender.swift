import KafkaCompression
import KafkaNetwork
public import KafkaProtocol
public import KafkaRecords
public import NIOCore
import Synchronization

/// A record to be appended by a `RecordAppender`.
public struct AppendedRecord: Sendable, Hashable {
    /// Nil lets the key choose, as Kafka's default partitioner does; without a key it is partition 0.
    public var partition: Int32?
    public var key: ByteBuffer?
    public var value: ByteBuffer?
    /// Milliseconds since 1970.
    public var timestamp: Int64

    public init(partition: Int32? = nil, key: ByteBuffer?, value: ByteBuffer?, timestamp: Int64) {
        self.partition = partition
        self.key = key
        self.value = value
        self.timestamp = timestamp
    }
}

/// Appends records to a small topic, such as those that keep progress, and waits until all replicas have them.
///
/// Idempotent and ordered: calls run one after the other. Not for the data path.
public final class RecordAppender: Sendable {
    public let topic: TopicName
    public let compression: CompressionCodec
    private let client: KafkaClient
    private let transaction: TransactionManager?
    private let lock = AsyncLock()
    private let state: Mutex<State>

    private struct State: Sendable {
        var identity: ProducerIdentity?
        /// Whether the brokers know idempotent producers; a few that only speak Kafka's protocol do not.
        var isIdempotent = true
        var sequences = ProducerSequences()
        var maximumBatchBytes: Int
    }

    /// - Parameters:
    ///   - maximumBatchBytes: The topic's `max.message.bytes` or less; found by trying when it is too much.
    ///   - transaction: The records belong to the transaction that is open there. After an error it can only be aborted,
    ///     and a new appender is needed; so is one for a transaction under another identity.
    public init(
        client: KafkaClient,
        topic: TopicName,
        compression: CompressionCodec = .none,
        maximumBatchBytes: Int = 900_000,
        transaction: TransactionManager? = nil
    ) {
        self.client = client
        self.transaction = transaction
        self.topic = topic
        self.compression = compression
        self.state = Mutex(State(maximumBatchBytes: maximumBatchBytes))
    }

    /// Appends the records and returns their offsets in the same order; -1 where the broker had the record already
    /// and did not say at which offset.
    @discardableResult
    public func append(
        _ records: [AppendedRecord],
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> [Int64] {
        guard !records.isEmpty else { return [] }
        let deadline = client.deadline(deadline)
        return try await lock.withLock { () throws(KafkaClientError) -> [Int64] in
            try await self.appendLocked(records, deadline: deadline)
        }
    }

    private func appendLocked(
        _ records: [AppendedRecord],
        deadline: Deadline
    ) async throws(KafkaClientError) -> [Int64] {
        var offsets = [Int64](repeating: -1, count: records.count)
        var queues = try await plan(records, deadline: deadline)
        try await transaction?.add(queues.keys, deadline: deadline)
        while !queues.isEmpty {
            let identity = try await identity(deadline: deadline)
            let round = try encode(queues, records, identity)
            let results = await produce(round, deadline: deadline)
            var needsIdentity = false
            var failure: KafkaClientError?
            for (partition, result) in results {
                guard let batch = queues[partition]?.first else { continue }
                switch outcome(result, batch: batch) {
                case .written(let base):
                    if base >= 0 {
                        for (delta, position) in batch.enumerated() { offsets[position] = base + Int64(delta) }
                    }
                    queues[partition]?.removeFirst()
                    if queues[partition]?.isEmpty ?? false { queues[partition] = nil }
                    state.withLock { $0.sequences.advance(partition, by: batch.count) }
                case .split:
                    let middle = batch.index(batch.startIndex, offsetBy: batch.count / 2)
                    queues[partition]?.replaceSubrange(0..<1, with: [Array(batch[..<middle]), Array(batch[middle...])])
                case .newIdentity:
                    needsIdentity = true
                case .failed(let error):
                    failure = failure ?? error
                }
            }
            if let failure {
                // Whether the lost batches were written is not known, so their sequence numbers must not come again.
                forgetIdentity()
                transaction?.recordFailed(failure.kafkaError ?? .networkException)
                throw failure
            }
            if needsIdentity {
                forgetIdentity()
                guard await client.pause(attempt: 1, deadline: deadline) else {
                    throw KafkaClientError(
                        .timedOut,
                        "The broker kept refusing the producer's identity",
                        cluster: client.name,
                        topic: topic
                    )
                }
            }
        }
        return offsets
    }

    private enum Outcome {
        case written(base: Int64)
        case split
        case newIdentity
        case failed(KafkaClientError)
    }

    private func outcome(_ result: Result<Int64, KafkaClientError>, batch: [Int]) -> Outcome {
        switch result {
        case .success(let base): return .written(base: base)
        case .failure(let error):
            let code = error.kafkaError ?? .none
            switch code.recovery {
            case .alreadyDone: return .written(base: -1)
            case .reinitializeProducer: return transaction == nil ? .newIdentity : .failed(error)
            default:
                let isTooLarge = code == .messageTooLarge || code == .recordListTooLarge
                return isTooLarge && batch.count > 1 ? .split : .failed(error)
            }
        }
    }

    private func forgetIdentity() {
        state.withLock { state in
            state.identity = nil
            state.sequences = ProducerSequences()
        }
    }

    /// Nil where the brokers have no identities.
    private func identity(deadline: Deadline) async throws(KafkaClientError) -> ProducerIdentity? {
        let (known, isIdempotent) = state.withLock { ($0.identity, $0.isIdempotent) }
        if known != nil || !isIdempotent { return known }
        if let transaction {
            let identity = transaction.identity
            state.withLock { $0.identity = identity }
            return identity
        }
        let fresh: ProducerIdentity
        do throws(KafkaClientError) {
            fresh = try await client.initProducerID(deadline: deadline)
        } catch {
            guard error.code == .unsupportedByBroker else { throw error }
            state.withLock { $0.isIdempotent = false }
            return nil
        }
        state.withLock { $0.identity = fresh }
        return fresh
    }

    /// Splits the records' positions into batches, by partition.
    private func plan(
        _ records: [AppendedRecord],
        deadline: Deadline
    ) async throws(KafkaClientError) -> [TopicPartition: [[Int]]] {
        let count = try await partitionCount(deadline: deadline)
        let limit = state.withLock { $0.maximumBatchBytes }
        var queues: [TopicPartition: [[Int]]] = [:]
        var sizes: [TopicPartition: Int] = [:]
        for (position, record) in records.enumerated() {
            let index = record.partition ?? record.key.map { defaultPartition(key: $0, count: count) } ?? 0
            let partition = TopicPartition(topic: topic, partition: index)
            // Lengths, deltas and flags of a record take 30 bytes at most.
            let size = (record.key?.readableBytes ?? 0) + (record.value?.readableBytes ?? 0) + 30
            if let batches = queues[partition], sizes[partition, default: 0] + size <= limit {
                queues[partition]?[batches.count - 1].append(position)
                sizes[partition, default: 0] += size
            } else {
                queues[partition, default: []].append([position])
                sizes[partition] = size
            }
        }
        return queues
    }

    private func partitionCount(deadline: Deadline) async throws(KafkaClientError) -> Int32 {
        let first = TopicPartition(topic: topic, partition: 0)
        _ = try await client.leader(of: first, deadline: deadline)
        // The topic may have gone since.
        return Int32(max(1, client.metadata.topics[topic]?.partitions.count ?? 1))
    }

    private func encode(
        _ queues: [TopicPartition: [[Int]]],
        _ records: [AppendedRecord],
        _ identity: ProducerIdentity?
    ) throws(KafkaClientError) -> [TopicPartition: ByteBuffer] {
        var round: [TopicPartition: ByteBuffer] = [:]
        let codecs = StandardCodecs()
        for (partition, batches) in queues {
            guard let batch = batches.first else { continue }
            var builder = RecordBatchBuilder(codec: compression)
            if let identity {
                builder.producerID = identity.producerID
                builder.producerEpoch = identity.epoch
                builder.isTransactional = transaction != nil
                builder.baseSequence = state.withLock { $0.sequences.next(partition) }
            }
            for position in batch {
                let record = records[position]
                builder.append(timestamp: record.timestamp, key: record.key, value: record.value)
            }
            do throws(RecordError) {
                round[partition] = try builder.build(codecs: codecs)
            } catch {
                throw KafkaClientError(
                    .invalidState,
                    "The records cannot be encoded",
                    cluster: client.name,
                    topic: topic,
                    partition: partition.partition,
                    underlying: error
                )
            }
        }
        return round
    }

    private func produce(
        _ round: [TopicPartition: ByteBuffer],
        deadline: Deadline
    ) async -> [TopicPartition: Result<Int64, KafkaClientError>] {
        let timeout = client.settings.requestTimeout.milliseconds32
        let transactionalID = transaction?.transactionalID
        return await client.perLeader(
            ProduceRequest.self,
            partitions: Array(round.keys),
            purpose: .produce,
            // From version 12 on a broker expects the newer way of ending transactions (KIP-890, part 2).
            maximumVersion: transactionalID == nil ? nil : 11,
            deadline: deadline,
            what: "The records cannot be appended",
            build: { partitions, version throws(KafkaClientError) in
                guard version >= 3 else {
                    throw KafkaClientError(.unsupportedByBroker, "The broker is older than Kafka 0.11")
                }
                var request = ProduceRequest()
                request.acks = -1
                request.transactionalID = transactionalID
                request.timeoutMs = timeout
                for (topic, indices) in partitions.groupedByTopic() {
                    var entry = ProduceRequest.TopicProduceData()
                    entry.name = topic
                    entry.partitionData = indices.map { index in
                        var data = ProduceRequest.PartitionProduceData()
                        data.index = index
                        data.records = round[TopicPartition(topic: topic, partition: index)].map { RecordData($0) }
                        return data
                    }
                    request.topicData.append(entry)
                }
                return request
            },
            parse: { response, _ in
                response.responses.flatMap { topic in
                    topic.partitionResponses.map { partition in
                        let id = TopicPartition(topic: topic.name, partition: partition.index)
                        guard partition.errorCode == .none else {
                            return (id, .failure(ItemFailure(partition.errorCode, partition.errorMessage)))
                        }
                        return (id, .success(partition.baseOffset.asOffset))
                    }
                }
            }
        )
    }
}

/// The next sequence number per partition; numbers go on with 0 after `Int32.max`.
struct ProducerSequences: Sendable, Equatable {
    private var numbers: [TopicPartition: Int32] = [:]

    func next(_ partition: TopicPartition) -> Int32 {
        numbers[partition] ?? 0
    }

    mutating func advance(_ partition: TopicPartition, by count: Int) {
        let sum = Int64(next(partition)) + Int64(count)
        numbers[partition] = Int32(truncatingIfNeeded: sum & Int64(Int32.max))
    }
}
