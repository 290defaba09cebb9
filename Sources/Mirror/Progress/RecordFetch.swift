package import KafkaClient
import KafkaCompression
import KafkaNetwork
package import KafkaProtocol
package import KafkaRecords
package import NIOCore

/// Fetches the visible records of one partition, one answer at a time: for looking something up, not for mirroring.
struct RecordFetch {
    let client: KafkaClient
    let partition: TopicPartition
    let isReadCommitted: Bool

    func records(from offset: Int64, maximumBytes: Int32, deadline: Deadline) async throws -> ResumePlan.Answer {
        let data = try await self.data(
            from: offset,
            isReadCommitted: isReadCommitted,
            maximumBytes: maximumBytes,
            deadline: deadline
        )
        guard let data else { return .records([], next: offset) }
        return try VisibleRecords.answer(data, from: offset, isReadCommitted: isReadCommitted)
    }

    /// What the idempotent producer that wrote the record at an offset gives to the record behind it; nil when it was
    /// none, or wrote in a transaction.
    func producer(behind offset: Int64, deadline: Deadline) async throws -> ProducerStamp? {
        let data = try await self.data(
            from: offset,
            isReadCommitted: isReadCommitted,
            maximumBytes: 1,
            deadline: deadline
        )
        guard let bytes = data?.records?.joined() else { return nil }
        return try VisibleRecords.producer(behind: offset, in: bytes)
    }

    func data(
        from offset: Int64,
        isReadCommitted: Bool,
        maximumBytes: Int32 = 4 << 20,
        deadline: Deadline
    ) async throws -> FetchResponse.PartitionData? {
        let leader = try await client.leader(of: partition, deadline: deadline)
        let topicID = client.metadata.topics[partition.topic]?.topicID ?? .zero
        var asked = FetchRequest.FetchPartition()
        asked.partition = partition.partition
        asked.fetchOffset = offset
        asked.currentLeaderEpoch = leader.epoch
        asked.partitionMaxBytes = maximumBytes
        var topic = FetchRequest.FetchTopic()
        topic.topic = partition.topic
        topic.topicID = topicID
        topic.partitions = [asked]
        var request = FetchRequest()
        request.maxWaitMs = 100
        request.minBytes = 1
        request.maxBytes = maximumBytes
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
        guard let data = response.responses.first?.partitions.first else { return nil }
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
        return data
    }
}

/// What a consumer gets to see of one fetch answer.
package enum VisibleRecords {
    /// What the idempotent producer that wrote the record at an offset gives to the record behind it; nil when it was
    /// none, or wrote in a transaction.
    package static func producer(behind offset: Int64, in bytes: ByteBuffer) throws(RecordError) -> ProducerStamp? {
        var scanner = RecordBatchScanner(bytes)
        while let element = try scanner.next() {
            guard element.lastOffset >= offset else { continue }
            guard case .batch(let batch) = element, batch.baseOffset <= offset, batch.producerID >= 0,
                batch.baseSequence >= 0, !batch.attributes.isTransactional, !batch.attributes.isControl
            else { return nil }
            let first = ProducerStamp(
                identity: ProducerIdentity(producerID: batch.producerID, epoch: batch.producerEpoch),
                sequence: batch.baseSequence
            )
            return first.following(records: Int32(offset - batch.baseOffset) + 1)
        }
        return nil
    }

    package static func answer(
        _ data: FetchResponse.PartitionData,
        from offset: Int64,
        isReadCommitted: Bool
    ) throws(RecordError) -> ResumePlan.Answer {
        guard let bytes = data.records?.joined(), bytes.readableBytes > 0 else { return .records([], next: offset) }
        var filter = AbortedTransactionFilter(
            isReadCommitted
                ? (data.abortedTransactions ?? []).map {
                    AbortedTransaction(producerID: $0.producerID, firstOffset: $0.firstOffset)
                } : []
        )
        let codecs = StandardCodecs()
        var scanner = RecordBatchScanner(bytes)
        var records: [SeenRecord] = []
        var next = offset
        while let element = try scanner.next() {
            let visibility = try filter.visibility(of: element)
            if element.lastOffset < next { continue }
            if visibility == .visible {
                let from = next
                for record in try element.records(codecs: codecs) where record.offset >= from {
                    records.append(element.seen(record))
                }
            }
            next = element.nextOffset
        }
        return .records(records, next: next)
    }
}
