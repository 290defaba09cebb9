import KafkaClient
import KafkaProtocol
import KafkaRecords
import NIOCore

/// Seeded random numbers, so that a failing run can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

/// Just enough of a Kafka cluster to run the machines against in virtual time: logs, leaders, fetch sessions, and the
/// sequence checks of idempotent producers.
struct ModelCluster {
    struct Batch {
        var base: Int64
        var next: Int64
        var bytes: ByteBuffer
    }

    struct Log {
        var leader: Int32
        var epoch: Int32 = 0
        var batches: [Batch] = []
        /// Values of all records, at their offsets.
        var values: [String] = []
        var producers: [Int64: Producer] = [:]
        var end: Int64 { Int64(self.values.count) }
    }

    struct Producer {
        var epoch: Int16
        var recent: [(sequence: Int32, count: Int32, base: Int64)]
        var nextSequence: Int32
    }

    struct Session {
        var id: Int32
        var epoch: Int32
        var partitions: [TopicPartition: FetchRequest.FetchPartition]
    }

    let nodes: [Int32]
    var logs: [TopicPartition: Log] = [:]
    var nextProducerID: Int64 = 1_000
    private var sessions: [Int32: Session] = [:]
    private var nextSession: Int32 = 1

    init(nodes: [Int32], partitions: [TopicPartition]) {
        self.nodes = nodes
        for (index, partition) in partitions.enumerated() {
            self.logs[partition] = Log(leader: nodes[index % nodes.count])
        }
    }

    func leader(of partition: TopicPartition) -> PartitionLeader? {
        self.logs[partition].map { PartitionLeader(node: $0.leader, epoch: $0.epoch) }
    }

    mutating func moveLeader(_ partition: TopicPartition, to node: Int32) {
        self.logs[partition]?.leader = node
        self.logs[partition]?.epoch += 1
    }

    mutating func loseSessions() {
        self.sessions.removeAll()
    }

    /// Appends records as a producer without identity would have.
    mutating func write(_ values: [String], to partition: TopicPartition) throws {
        guard var log = self.logs[partition] else { return }
        var builder = RecordBatchBuilder(baseOffset: log.end)
        builder.partitionLeaderEpoch = log.epoch
        for value in values { builder.append(timestamp: 1_000, key: nil, value: ByteBuffer(string: value)) }
        let bytes = try builder.build()
        log.batches.append(Batch(base: log.end, next: log.end + Int64(values.count), bytes: bytes))
        log.values += values
        self.logs[partition] = log
    }

    // MARK: Fetch

    mutating func fetch(_ request: FetchRequest, node: Int32) -> FetchResponse {
        var response = FetchResponse()
        var wanted: [TopicPartition: FetchRequest.FetchPartition] = [:]
        var isIncremental = false
        if request.sessionEpoch > 0 {
            guard var session = self.sessions[node], session.id == request.sessionID else {
                response.errorCode = .fetchSessionIDNotFound
                return response
            }
            guard session.epoch == request.sessionEpoch else {
                response.errorCode = .invalidFetchSessionEpoch
                return response
            }
            for topic in request.forgottenTopicsData {
                for index in topic.partitions {
                    session.partitions[TopicPartition(topic: topic.topic, partition: index)] = nil
                }
            }
            session.epoch += 1
            wanted = session.partitions
            isIncremental = true
            self.sessions[node] = session
        }
        for topic in request.topics {
            for partition in topic.partitions {
                wanted[TopicPartition(topic: topic.topic, partition: partition.partition)] = partition
            }
        }
        if request.sessionEpoch < 0 {
            // Outside of any session.
        } else if request.sessionEpoch == 0 {
            self.sessions[node] = Session(id: self.nextSession, epoch: 1, partitions: wanted)
            self.nextSession += 1
        } else {
            self.sessions[node]?.partitions = wanted
        }
        response.sessionID = request.sessionEpoch < 0 ? 0 : self.sessions[node]?.id ?? 0
        var room = Int(request.maxBytes)
        for (partition, asked) in wanted.sorted(by: { $0.key < $1.key }) {
            let answer = self.read(partition, asked, node: node, room: &room)
            if isIncremental, answer.errorCode == .none, (answer.records?.byteCount ?? 0) == 0 { continue }
            var topic = FetchResponse.FetchableTopicResponse()
            topic.topic = partition.topic
            topic.partitions = [answer]
            response.responses.append(topic)
        }
        return response
    }

    private func read(
        _ partition: TopicPartition,
        _ asked: FetchRequest.FetchPartition,
        node: Int32,
        room: inout Int
    ) -> FetchResponse.PartitionData {
        var answer = FetchResponse.PartitionData()
        answer.partitionIndex = partition.partition
        guard let log = self.logs[partition] else {
            answer.errorCode = .unknownTopicOrPartition
            return answer
        }
        guard log.leader == node else {
            answer.errorCode = .notLeaderOrFollower
            if partition.partition % 2 == 0 {
                answer.currentLeader.leaderID = log.leader
                answer.currentLeader.leaderEpoch = log.epoch
            }
            return answer
        }
        guard asked.fetchOffset <= log.end else {
            answer.errorCode = .offsetOutOfRange
            return answer
        }
        answer.highWatermark = log.end
        answer.records = RecordData(ByteBuffer())
        guard room > 0, let first = log.batches.firstIndex(where: { $0.next > asked.fetchOffset }) else {
            return answer
        }
        var bytes = ByteBuffer()
        for batch in log.batches[first...] {
            let limit = min(Int(asked.partitionMaxBytes), room)
            if bytes.readableBytes > 0, bytes.readableBytes + batch.bytes.readableBytes > limit {
                // As a broker does it: the last batch is cut off.
                if let part = batch.bytes.getSlice(
                    at: batch.bytes.readerIndex,
                    length: min(30, batch.bytes.readableBytes)
                ) {
                    bytes.writeImmutableBuffer(part)
                }
                break
            }
            bytes.writeImmutableBuffer(batch.bytes)
        }
        room -= bytes.readableBytes
        answer.records = RecordData(bytes)
        return answer
    }

    // MARK: Produce

    /// What an answer says although the batch was written, or why it is not.
    enum ProduceFault {
        case written(ErrorCode)
        case notWritten(ErrorCode)
    }

    mutating func produce(
        _ request: ProduceRequest,
        node: Int32,
        fault: (TopicPartition) -> ProduceFault?
    ) -> ProduceResponse {
        var response = ProduceResponse()
        for topic in request.topicData {
            var answers = ProduceResponse.TopicProduceResponse()
            answers.name = topic.name
            for data in topic.partitionData {
                let partition = TopicPartition(topic: topic.name, partition: data.index)
                let fault = fault(partition)
                var answer = ProduceResponse.PartitionProduceResponse()
                if case .notWritten(let code) = fault {
                    answer.errorCode = code
                    answer.baseOffset = -1
                } else {
                    answer = self.append(data, to: partition, node: node)
                }
                answer.index = data.index
                if answer.errorCode == .none, case .written(let code) = fault {
                    answer.errorCode = code
                    answer.baseOffset = -1
                }
                answers.partitionResponses.append(answer)
            }
            response.responses.append(answers)
        }
        return response
    }

    private mutating func append(
        _ data: ProduceRequest.PartitionProduceData,
        to partition: TopicPartition,
        node: Int32
    ) -> ProduceResponse.PartitionProduceResponse {
        var answer = ProduceResponse.PartitionProduceResponse()
        answer.baseOffset = -1
        func refuse(_ code: ErrorCode) -> ProduceResponse.PartitionProduceResponse {
            answer.errorCode = code
            return answer
        }
        guard var log = self.logs[partition] else { return refuse(.unknownTopicOrPartition) }
        guard log.leader == node else {
            if partition.partition % 2 == 0 {
                answer.currentLeader.leaderID = log.leader
                answer.currentLeader.leaderEpoch = log.epoch
            }
            return refuse(.notLeaderOrFollower)
        }
        guard let bytes = data.records?.joined(), let batch = try? RecordBatchView(bytes), batch.isValidCRC(),
            bytes.readableBytes == batch.sizeInBytes, batch.baseOffset == 0, batch.isDense, !batch.isTransactional,
            let records = try? batch.records(codecs: nil)
        else { return refuse(.invalidRecord) }
        if let known = log.producers[batch.producerID], batch.producerEpoch == known.epoch {
            if let repeated = known.recent.first(where: {
                $0.sequence == batch.baseSequence && $0.count == batch.recordCount
            }) {
                answer.baseOffset = repeated.base
                return answer
            }
            guard batch.baseSequence == known.nextSequence else { return refuse(.outOfOrderSequenceNumber) }
        }
        var producer =
            log.producers[batch.producerID] ?? Producer(epoch: batch.producerEpoch, recent: [], nextSequence: 0)
        producer.recent.append((batch.baseSequence, batch.recordCount, log.end))
        if producer.recent.count > 5 { producer.recent.removeFirst() }
        producer.nextSequence = ProducerIDState.advance(batch.baseSequence, by: batch.recordCount)
        log.producers[batch.producerID] = producer
        answer.baseOffset = log.end
        log.values += records.map { $0.value.map { String(buffer: $0) } ?? "" }
        self.logs[partition] = log
        return answer
    }
}
