import CAllocations
import KafkaClient
import KafkaProtocol
import KafkaRecords
import NIOCore
import Testing

@testable import Mirror

/// What a batch costs in allocations from a Fetch answer to its acknowledgement, against committed limits.
///
/// Counts repeat exactly, unlike times. They are those of a build without optimisation, so only their growth says
/// something: whoever raises a limit says why.
@Suite("Allocations of the data path")
struct AllocationTests {
    struct Load: Sendable, CustomTestStringConvertible {
        var name: String
        var partitions: Int
        var batchesPerAnswer: Int
        var records: Int
        var bytes: Int
        /// Allocations per source batch.
        var limit: Double
        /// Bytes allocated per byte mirrored: copies of payload show here.
        var byteLimit: Double
        var testDescription: String { self.name }
    }

    /// Measured with Swift 6.3 and about an eighth added: 126, 34, 221 and 10.5 allocations; 0.05, 1.2, 1.37 and 2.1 bytes.
    static let loads = [
        Load(
            name: "256 KB batches",
            partitions: 4,
            batchesPerAnswer: 4,
            records: 4,
            bytes: 65_536,
            limit: 142,
            byteLimit: 0.06
        ),
        // Joined before they go out, so copied once.
        Load(
            name: "16 KB batches",
            partitions: 4,
            batchesPerAnswer: 16,
            records: 15,
            bytes: 1_024,
            limit: 38.5,
            byteLimit: 1.38
        ),
        Load(
            name: "16 KB batches of many partitions",
            partitions: 100,
            batchesPerAnswer: 1,
            records: 15,
            bytes: 1_024,
            limit: 245,
            byteLimit: 1.4
        ),
        Load(
            name: "5 records of 100 B",
            partitions: 4,
            batchesPerAnswer: 100,
            records: 5,
            bytes: 100,
            limit: 12,
            byteLimit: 2.4
        ),
    ]

    @Test("stay below their limits", arguments: loads)
    func limits(load: Load) throws {
        let path = try DataPath(load)
        for _ in 0..<5 { try path.turn() }
        let (batches, bytes) = (path.batches, path.bytes)
        path.allocations = 0
        path.allocated = 0
        for _ in 0..<8 { try path.turn() }
        let perBatch = Double(path.allocations) / Double(path.batches - batches)
        let perByte = Double(path.allocated) / Double(path.bytes - bytes)
        print("\(load.name): \(perBatch) allocations per batch, \(perByte) bytes allocated per byte")
        #expect(perBatch <= load.limit)
        #expect(perByte <= load.byteLimit)
        #expect(path.acknowledged == path.batches * load.records)
    }

    /// Fetcher, flows and producer in a row; the brokers' part is done outside of what is counted.
    final class DataPath {
        private let load: Load
        private let partitions: [TopicPartition]
        private var fetcher = FetcherMachine(settings: FetchSettings())
        private var producer = ProducerMachine(settings: ProduceSettings())
        private var flows: [PartitionFlow] = []
        private var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        private var fetches: [FetchRequest] = []
        private var produces: [(id: UInt64, request: ProduceRequest)] = []
        private var offsets: [Int64]
        private var ends: [Int64]
        private var sessionEpoch: Int32 = 0
        var allocations = 0
        var allocated = 0
        private(set) var batches = 0
        private(set) var bytes = 0
        var acknowledged: Int { Int(self.flows.reduce(0) { $0 + $1.counters.records }) }

        init(_ load: Load) throws {
            self.load = load
            self.partitions = (0..<load.partitions).map { TopicPartition(topic: "a-topic", partition: Int32($0)) }
            self.offsets = Array(repeating: 0, count: load.partitions)
            self.ends = self.offsets
            for partition in self.partitions {
                self.flows.append(
                    PartitionFlow(
                        assignment: PartitionAssignment(source: partition, target: partition, start: .offset(0)),
                        settings: PartitionFlow.Settings()
                    )
                )
                _ = self.fetcher.add(partition, topicID: .zero, start: .offset(0), now: self.now)
                _ = self.producer.add(partition, now: self.now)
            }
            try self.settle()
        }

        /// One Fetch answer and everything that follows from it.
        func turn() throws {
            self.now = self.now + .milliseconds(5)
            var answer = FetchResponse()
            answer.sessionID = 1
            var topic = FetchResponse.FetchableTopicResponse()
            topic.topic = "a-topic"
            for index in self.partitions.indices {
                var data = FetchResponse.PartitionData()
                data.partitionIndex = Int32(index)
                var records = ByteBuffer()
                for _ in 0..<self.load.batchesPerAnswer {
                    var builder = RecordBatchBuilder(baseOffset: self.offsets[index])
                    builder.partitionLeaderEpoch = 0
                    for _ in 0..<self.load.records {
                        builder.append(
                            timestamp: 1,
                            key: nil,
                            value: ByteBuffer(repeating: 7, count: self.load.bytes)
                        )
                    }
                    self.offsets[index] += Int64(self.load.records)
                    var batch = try builder.build()
                    records.writeBuffer(&batch)
                    self.batches += 1
                }
                self.bytes += records.readableBytes
                data.highWatermark = self.offsets[index]
                data.lastStableOffset = data.highWatermark
                data.records = RecordData(records)
                topic.partitions.append(data)
            }
            answer.responses = [topic]
            let parts = try answer.encodeGathered(version: 12, prefix: ByteBuffer())
            var frame = ByteBuffer()
            for part in parts { frame.writeImmutableBuffer(part) }
            self.fetches.removeAll()
            try self.counted {
                let response = try FetchResponse.decode(exactly: frame, version: 12)
                self.fetcher.answered(1, response, now: self.now)
            }
            try self.settle()
            while !self.produces.isEmpty {
                let (id, request) = self.produces.removeFirst()
                let answer = self.accept(request)
                self.now = self.now + .milliseconds(1)
                try self.counted {
                    self.producer.answered(id, try ProduceResponse.decode(exactly: answer, version: 9), now: self.now)
                }
                try self.settle()
            }
        }

        private func accept(_ request: ProduceRequest) -> ByteBuffer {
            var response = ProduceResponse()
            for topic in request.topicData {
                var result = ProduceResponse.TopicProduceResponse()
                result.name = topic.name
                for data in topic.partitionData {
                    var answer = ProduceResponse.PartitionProduceResponse()
                    answer.index = data.index
                    answer.baseOffset = self.ends[Int(data.index)]
                    if let buffer = data.records?.joined(), let view = try? RecordBatchView(buffer) {
                        self.ends[Int(data.index)] += Int64(view.recordCount)
                    }
                    result.partitionResponses.append(answer)
                }
                response.responses.append(result)
            }
            var buffer = ByteBuffer()
            try? response.encode(into: &buffer, version: 9)
            return buffer
        }

        private func counted(_ body: () throws -> Void) rethrows {
            let (count, bytes) = (callocations_count(), callocations_bytes())
            try body()
            self.allocations += callocations_count() - count
            self.allocated += callocations_bytes() - bytes
        }

        private func settle() throws {
            try self.counted {
                var isQuiet = false
                while !isQuiet {
                    isQuiet = true
                    for index in self.flows.indices {
                        self.flows[index].conclude(now: self.now)
                        for action in self.flows[index].takeActions() {
                            isQuiet = false
                            self.perform(action, index)
                        }
                    }
                    for action in self.fetcher.takeActions() {
                        isQuiet = false
                        try self.perform(action)
                    }
                    self.producer.pump(now: self.now) { self.flows[$0.slot].pull($0) }
                    for action in self.producer.takeActions() {
                        isQuiet = false
                        try self.perform(action)
                    }
                }
            }
        }

        private func perform(_ action: PartitionFlow.Action, _ index: Int) {
            switch action {
            case .ready(let bytes): self.producer.ready(index, bytes: bytes, now: self.now)
            case .release(let lease): self.fetcher.release(lease, now: self.now)
            default: break
            }
        }

        private func perform(_ action: FetcherMachine.Action) throws {
            switch action {
            case .connect(let node): self.fetcher.connected(node, version: 12, now: self.now)
            case .send(_, let request, let version):
                var buffer = ByteBuffer()
                try request.encode(into: &buffer, version: version)
                self.fetches.append(request)
            case .locate(let questions):
                for question in questions {
                    self.fetcher.located(
                        question.slot,
                        generation: question.generation,
                        leader: PartitionLeader(node: 1, epoch: 0),
                        now: self.now
                    )
                }
            case .deliver(let records): self.flows[records.slot].fetched(records)
            case .report(let event): self.flows[event.slot].source(event)
            default: break
            }
        }

        private func perform(_ action: ProducerMachine.Action) throws {
            switch action {
            case .connect(let node): self.producer.connected(node, version: 9, now: self.now)
            case .send(_, let id, let request, let version):
                _ = try request.encodeGathered(version: version, prefix: ByteBuffer())
                self.produces.append((id, request))
            case .locate(let questions):
                for question in questions {
                    self.producer.located(
                        question.slot,
                        identity: question.identity,
                        leader: PartitionLeader(node: 1, epoch: 0),
                        now: self.now
                    )
                }
            case .initialize(let question):
                self.producer.initialized(question, ProducerIdentity(producerID: 5, epoch: 0), now: self.now)
            case .report(.acknowledged(let slot, let token, let base, _)):
                self.flows[slot].acknowledged(token: token, baseOffset: base)
            default: break
            }
        }
    }
}
