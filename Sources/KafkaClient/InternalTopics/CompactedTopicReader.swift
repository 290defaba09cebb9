import KafkaCompression
import KafkaNetwork
public import KafkaProtocol
public import KafkaRecords
import Logging
import NIOCore

/// A record with its place.
public struct ConsumedRecord: Sendable, Hashable {
    public var partition: TopicPartition
    public var record: Record

    public init(partition: TopicPartition, record: Record) {
        self.partition = partition
        self.record = record
    }
}

/// Reads a small topic from its beginning to its end, and then what is appended to it.
///
/// Meant for topics that keep state by key, such as progress, checkpoints and configurations. For one task at a time;
/// not for the data path.
public final class CompactedTopicReader {
    public let topic: TopicName
    public let isolation: IsolationLevel
    /// The next offset to be read of each partition.
    public private(set) var positions: [Int32: Int64] = [:]
    private let client: KafkaClient
    private let lane: Int
    private let codecs = StandardCodecs()
    private var partitionBytes: Int32 = 1_048_576
    /// How often in a row a partition had nothing although its end was not reached.
    private var emptyAnswers: [Int32: Int] = [:]

    public init(client: KafkaClient, topic: TopicName, isolation: IsolationLevel = .readCommitted) {
        self.client = client
        self.lane = client.takeReaderLane()
        self.topic = topic
        self.isolation = isolation
    }

    deinit {
        client.returnReaderLane(lane)
    }

    /// Delivers everything from the present positions up to the ends that the partitions have at the call.
    ///
    /// The first call begins at the first offsets. Records of one partition come in order.
    ///
    /// - Parameter waitsForTransactions: Reads committed records up to the ends that uncommitted ones have at the call,
    ///   and waits until open transactions before them have ended.
    public func readToEnd(
        waitsForTransactions: Bool = false,
        deadline: Deadline? = nil,
        _ body: (ConsumedRecord) throws -> Void
    ) async throws {
        let deadline = client.deadline(deadline)
        let partitions = try await partitions(deadline: deadline)
        try await locate(partitions, deadline: deadline)
        let endIsolation = waitsForTransactions ? IsolationLevel.readUncommitted : isolation
        var ends = try await offsets(.latest, of: partitions, isolation: endIsolation, deadline: deadline)
        while true {
            let open = partitions.filter { (positions[$0.partition] ?? 0) < (ends[$0.partition] ?? 0) }
            if open.isEmpty { return }
            let progress = try await fetch(open, maximumWait: .milliseconds(500), deadline: deadline, body)
            for partition in open where !progress.moved.contains(partition.partition) {
                // Compaction may have removed everything up to the end, so there is nothing that would move the
                // position there. A leader that is new may not know yet how far its records may be read; its word
                // does not count.
                guard progress.readable[partition.partition, default: -1] >= ends[partition.partition, default: 0]
                else { continue }
                emptyAnswers[partition.partition, default: 0] += 1
                if emptyAnswers[partition.partition, default: 0] >= 3 {
                    positions[partition.partition] = ends[partition.partition]
                }
            }
            if progress.moved.isEmpty {
                // The log may have been cut off below the end it had.
                let now = try await offsets(.latest, of: open, isolation: endIsolation, deadline: deadline)
                for (index, end) in now {
                    ends[index] = min(ends[index] ?? end, end)
                }
            }
            try Task.checkCancellation()
        }
    }

    /// The newest record of every key, tombstones left out, from the beginning to the end at the call.
    public func readState(
        waitsForTransactions: Bool = false,
        deadline: Deadline? = nil
    ) async throws -> [ConsumedRecord] {
        var newest: [CompactionKey: ConsumedRecord] = [:]
        try await readToEnd(waitsForTransactions: waitsForTransactions, deadline: deadline) { item in
            guard let key = item.record.key else { return }
            let id = CompactionKey(partition: item.partition.partition, key: key)
            newest[id] = item.record.value == nil ? nil : item
        }
        return newest.values.sorted {
            ($0.partition, $0.record.offset) < ($1.partition, $1.record.offset)
        }
    }

    /// Delivers what was appended since the last call; waits for something, but no longer than `maximumWait`.
    public func poll(
        maximumWait: Duration = .milliseconds(500),
        deadline: Deadline? = nil,
        _ body: (ConsumedRecord) throws -> Void
    ) async throws {
        let deadline = client.deadline(deadline)
        let partitions = try await partitions(deadline: deadline)
        try await locate(partitions, deadline: deadline)
        _ = try await fetch(partitions, maximumWait: maximumWait, deadline: deadline, body)
    }

    // MARK: Positions

    private func partitions(deadline: Deadline) async throws(KafkaClientError) -> [TopicPartition] {
        _ = try await client.leader(of: TopicPartition(topic: topic, partition: 0), deadline: deadline)
        let known = client.metadata.topics[topic]?.partitions ?? []
        return known.map { TopicPartition(topic: topic, partition: $0.index) }
    }

    /// Partitions without a position begin at their first offset.
    private func locate(_ partitions: [TopicPartition], deadline: Deadline) async throws(KafkaClientError) {
        let fresh = partitions.filter { positions[$0.partition] == nil }
        guard !fresh.isEmpty else { return }
        for (index, offset) in try await offsets(.earliest, of: fresh, isolation: isolation, deadline: deadline) {
            positions[index] = offset
        }
    }

    private func offsets(
        _ query: OffsetQuery,
        of partitions: [TopicPartition],
        isolation: IsolationLevel,
        deadline: Deadline
    ) async throws(KafkaClientError) -> [Int32: Int64] {
        let queries = Dictionary(uniqueKeysWithValues: partitions.map { ($0, query) })
        let results = await client.listOffsets(queries, isolation: isolation, deadline: deadline)
        var offsets: [Int32: Int64] = [:]
        for (partition, result) in results { offsets[partition.partition] = try result.get().offset }
        return offsets
    }

    // MARK: Records

    private struct Progress {
        /// The partitions whose position moved.
        var moved = Set<Int32>()
        /// Up to where each partition may be read, as its leader said.
        var readable: [Int32: Int64] = [:]
    }

    /// Fetches once from every partition.
    private func fetch(
        _ partitions: [TopicPartition],
        maximumWait: Duration,
        deadline: Deadline,
        _ body: (ConsumedRecord) throws -> Void
    ) async throws -> Progress {
        let answers = await request(partitions, maximumWait: maximumWait, deadline: deadline)
        var progress = Progress()
        for partition in partitions {
            switch answers[partition] {
            case .success(let data):
                let before = positions[partition.partition]
                try deliver(data, of: partition, body)
                let isCommitted = isolation == .readCommitted && data.lastStableOffset >= 0
                progress.readable[partition.partition] = isCommitted ? data.lastStableOffset : data.highWatermark
                if positions[partition.partition] != before {
                    progress.moved.insert(partition.partition)
                    emptyAnswers[partition.partition] = nil
                }
            case .failure(let error) where error.kafkaError == .offsetOutOfRange:
                // Retention or compaction removed what we had not read yet, or the log was truncated.
                client.logger.debug(
                    "position is out of range, beginning at the first offset",
                    metadata: ["partition": "\(partition)"]
                )
                positions[partition.partition] = nil
                try await locate([partition], deadline: deadline)
                progress.moved.insert(partition.partition)
            case .failure(let error):
                throw error
            case nil:
                break
            }
        }
        return progress
    }

    private func deliver(
        _ data: FetchResponse.PartitionData,
        of partition: TopicPartition,
        _ body: (ConsumedRecord) throws -> Void
    ) throws {
        guard let records = data.records?.joined(), records.readableBytes > 0 else { return }
        var filter = AbortedTransactionFilter(
            isolation == .readCommitted
                ? (data.abortedTransactions ?? []).map {
                    AbortedTransaction(producerID: $0.producerID, firstOffset: $0.firstOffset)
                } : []
        )
        var scanner = RecordBatchScanner(records)
        var found = false
        while let element = try scanner.next() {
            found = true
            let position = positions[partition.partition] ?? 0
            let visibility = try filter.visibility(of: element)
            if element.lastOffset < position { continue }
            if visibility == .visible {
                for record in try element.records(codecs: codecs) where record.offset >= position {
                    try body(ConsumedRecord(partition: partition, record: record))
                }
            }
            positions[partition.partition] = element.nextOffset
        }
        // Brokers before Kafka 0.10.1 cut even the first batch off when it is larger than asked for.
        if !found, partitionBytes < Int32.max / 2 { partitionBytes *= 2 }
    }

    private func request(
        _ partitions: [TopicPartition],
        maximumWait: Duration,
        deadline: Deadline
    ) async -> [TopicPartition: Result<FetchResponse.PartitionData, KafkaClientError>] {
        let topic = self.topic
        let client = self.client
        let positions = self.positions
        let isolation = self.isolation
        let partitionBytes = self.partitionBytes
        let topicID = client.metadata.topics[topic]?.topicID ?? .zero
        return await client.perLeader(
            FetchRequest.self,
            partitions: partitions,
            purpose: .fetch,
            lane: lane,
            // From version 13 on topics are named by their ids only.
            maximumVersion: topicID == .zero ? 12 : nil,
            deadline: deadline,
            what: "The records cannot be fetched",
            build: { partitions, version throws(KafkaClientError) in
                let metadata = client.metadata
                var request = FetchRequest()
                request.maxWaitMs = maximumWait.milliseconds32
                request.minBytes = 1
                request.maxBytes = 8 * 1_048_576
                request.isolationLevel = isolation.rawValue
                var entry = FetchRequest.FetchTopic()
                entry.topic = topic
                entry.topicID = metadata.topics[topic]?.topicID ?? .zero
                entry.partitions = partitions.map { id in
                    var partition = FetchRequest.FetchPartition()
                    partition.partition = id.partition
                    partition.fetchOffset = positions[id.partition] ?? 0
                    partition.currentLeaderEpoch = metadata.leader(of: id)?.epoch ?? -1
                    partition.partitionMaxBytes = partitionBytes
                    return partition
                }
                request.topics = [entry]
                return request
            },
            parse: { response, asked in
                guard response.errorCode == .none else {
                    return asked.map { ($0, .failure(ItemFailure(response.errorCode))) }
                }
                return response.responses.flatMap { answer in
                    answer.partitions.map { partition in
                        let id = TopicPartition(topic: topic, partition: partition.partitionIndex)
                        guard partition.errorCode == .none else {
                            return (id, .failure(ItemFailure(partition.errorCode)))
                        }
                        return (id, .success(partition))
                    }
                }
            }
        )
    }
}

/// What compaction goes by.
private struct CompactionKey: Hashable {
    var partition: Int32
    var key: ByteBuffer
}
