import KafkaClient
import KafkaCompression
import KafkaNetwork
import KafkaProtocol
import KafkaRecords
import MirrorModel
import NIOCore

/// Compares the end of a mirrored partition with its source, record by record.
///
/// After a crash the target may hold records that progress does not tell of. Reading both sides shows how many of them
/// are copies, so that mirroring goes on behind the last one: nothing is lost, nothing comes twice. What is read is at
/// most what was mirrored since the last write of progress.
struct TailComparison {
    let source: KafkaClient
    let target: KafkaClient
    let mirrored: TopicPlan.Mirrored
    let isReadCommitted: Bool

    /// The progress that the target's end proves; `nil` when it holds something else.
    func last(
        sourceAfter sourceOffset: Int64,
        targetAfter targetOffset: Int64,
        targetEnd: Int64,
        deadline: Deadline
    ) async throws -> ProgressRecord? {
        var copies = PartitionRecords(client: target, partition: mirrored.target, from: targetOffset + 1)
        var originals = PartitionRecords(
            client: source,
            partition: mirrored.source,
            from: sourceOffset + 1,
            isReadCommitted: isReadCommitted
        )
        var found: ProgressRecord?
        var nextTarget = targetOffset + 1
        while nextTarget < targetEnd {
            guard let copy = try await copies.next(before: targetEnd, deadline: deadline) else { break }
            // Offsets that compaction has emptied still stand for one source record each.
            var original: Record?
            while nextTarget <= copy.offset {
                original = try await originals.next(before: nil, deadline: deadline)
                nextTarget += 1
            }
            guard let original, original.isCopied(by: copy) else { return nil }
            found = ProgressRecord(offset: original.offset, targetOffset: copy.offset)
        }
        return found
    }

    /// Whether the target has a record at the offset.
    func targetHolds(_ offset: Int64, deadline: Deadline) async throws -> Bool {
        guard offset >= 0, offset < Int64.max else { return false }
        var copies = PartitionRecords(client: target, partition: mirrored.target, from: offset)
        do {
            return try await copies.next(before: offset + 1, deadline: deadline) != nil
        } catch let error as KafkaClientError where error.kafkaError == .offsetOutOfRange {
            return false
        }
    }

    /// Whether the two records are there and one is the copy of the other.
    func areEqual(sourceOffset: Int64, targetOffset: Int64, deadline: Deadline) async throws -> Bool {
        guard sourceOffset >= 0, targetOffset >= 0 else { return false }
        var originals = PartitionRecords(
            client: source,
            partition: mirrored.source,
            from: sourceOffset,
            isReadCommitted: isReadCommitted
        )
        var copies = PartitionRecords(client: target, partition: mirrored.target, from: targetOffset)
        guard let original = try await originals.next(before: sourceOffset + 1, deadline: deadline),
            let copy = try await copies.next(before: targetOffset + 1, deadline: deadline)
        else { return false }
        return original.isCopied(by: copy)
    }
}

extension Record {
    /// Whether `other` is this record mirrored: everything but the offset is the same.
    fileprivate func isCopied(by other: Record) -> Bool {
        key == other.key && value == other.value && timestamp == other.timestamp && headers == other.headers
    }
}

/// The visible records of one partition from an offset on, fetched as they are asked for.
struct PartitionRecords {
    private let client: KafkaClient
    private let partition: TopicPartition
    private let isReadCommitted: Bool
    private let codecs = StandardCodecs()
    private var offset: Int64
    private var buffered: ArraySlice<Record> = []

    init(client: KafkaClient, partition: TopicPartition, from offset: Int64, isReadCommitted: Bool = false) {
        self.client = client
        self.partition = partition
        self.offset = offset
        self.isReadCommitted = isReadCommitted
    }

    /// The next record; `nil` when there is none before `end`, or none at all yet.
    mutating func next(before end: Int64?, deadline: Deadline) async throws -> Record? {
        while buffered.isEmpty {
            if let end, offset >= end { return nil }
            let before = offset
            try await fetch(deadline: deadline)
            if offset == before { return nil }
        }
        guard let record = buffered.first, end.map({ record.offset < $0 }) ?? true else { return nil }
        buffered.removeFirst()
        return record
    }

    private mutating func fetch(deadline: Deadline) async throws {
        let leader = try await client.leader(of: partition, deadline: deadline)
        let topicID = client.metadata.topics[partition.topic]?.topicID ?? .zero
        var asked = FetchRequest.FetchPartition()
        asked.partition = partition.partition
        asked.fetchOffset = offset
        asked.currentLeaderEpoch = leader.epoch
        asked.partitionMaxBytes = 4 << 20
        var topic = FetchRequest.FetchTopic()
        topic.topic = partition.topic
        topic.topicID = topicID
        topic.partitions = [asked]
        var request = FetchRequest()
        request.maxWaitMs = 100
        request.minBytes = 1
        request.maxBytes = 4 << 20
        request.isolationLevel = isReadCommitted ? 1 : 0
        request.topics = [topic]
        let ready = request
        let response = try await client.call(
            FetchRequest.self,
            .broker(leader.nodeID),
            // From version 13 on topics are named by their ids only.
            maximumVersion: topicID == .zero ? 12 : nil,
            deadline: deadline,
            errorCode: {
                $0.errorCode != .none ? $0.errorCode : $0.responses.first?.partitions.first?.errorCode ?? .none
            },
            build: { _ in ready }
        )
        guard let data = response.responses.first?.partitions.first else { return }
        guard data.errorCode == .none else {
            throw KafkaClientError(
                .refused,
                "The records cannot be fetched",
                cluster: client.name,
                topic: partition.topic,
                partition: partition.partition,
                kafkaError: data.errorCode
            )
        }
        guard let records = data.records?.joined(), records.readableBytes > 0 else { return }
        var filter = AbortedTransactionFilter(
            isReadCommitted
                ? (data.abortedTransactions ?? []).map {
                    AbortedTransaction(producerID: $0.producerID, firstOffset: $0.firstOffset)
                } : []
        )
        var scanner = RecordBatchScanner(records)
        while let element = try scanner.next() {
            let visibility = try filter.visibility(of: element)
            if element.lastOffset < offset { continue }
            if visibility == .visible {
                let from = offset
                buffered += try element.records(codecs: codecs).filter { $0.offset >= from }
            }
            offset = element.nextOffset
        }
    }
}
