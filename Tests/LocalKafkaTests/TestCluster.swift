import KafkaProtocol
import KafkaRecords
import LocalKafka
import NIOCore

/// Runs `body` with a started cluster and stops it afterwards.
func withTestCluster<Result>(
    brokers: Int = 1,
    _ configure: (inout LocalCluster.Configuration) -> Void = { _ in },
    _ body: (LocalCluster) async throws -> Result
) async throws -> Result {
    var configuration = LocalCluster.Configuration(brokers: brokers)
    configure(&configuration)
    let cluster = LocalCluster(configuration: configuration)
    do {
        try await cluster.start()
        let result = try await body(cluster)
        await cluster.stop()
        return result
    } catch {
        await cluster.stop()
        throw error
    }
}

extension LocalCluster {
    /// The address of the broker at a position.
    func address(_ index: Int = 0) -> String {
        String(self.bootstrapServers.split(separator: ",")[index])
    }
}

/// Batches as producers send them.
enum Batch {
    static func make(
        _ values: [String],
        key: String? = "k",
        timestamp: Int64 = 1_700_000_000_000,
        producerID: Int64 = -1,
        epoch: Int16 = -1,
        sequence: Int32 = -1,
        isTransactional: Bool = false,
        codec: CompressionCodec = .none,
        codecs: (any RecordCodecs)? = nil
    ) throws -> ByteBuffer {
        var builder = RecordBatchBuilder(codec: codec)
        builder.producerID = producerID
        builder.producerEpoch = epoch
        builder.baseSequence = sequence
        builder.isTransactional = isTransactional
        for (index, value) in values.enumerated() {
            builder.append(
                timestamp: timestamp + Int64(index),
                key: key.map { ByteBuffer(string: $0) },
                value: ByteBuffer(string: value)
            )
        }
        return try builder.build(codecs: codecs)
    }

    static func produce(
        _ records: ByteBuffer,
        to topic: TopicName,
        partition: Int32 = 0,
        acks: Int16 = -1,
        transactionalID: KafkaString? = nil
    ) -> ProduceRequest {
        .with {
            $0.acks = acks
            $0.timeoutMs = 1000
            $0.transactionalID = transactionalID
            $0.topicData = [
                .with {
                    $0.name = topic
                    $0.partitionData = [
                        .with {
                            $0.index = partition
                            $0.records = RecordData(records)
                        }
                    ]
                }
            ]
        }
    }

    static func fetch(
        _ topic: TopicName,
        partition: Int32 = 0,
        offset: Int64,
        maxWaitMs: Int32 = 0,
        minBytes: Int32 = 1,
        maxBytes: Int32 = 1 << 20
    ) -> FetchRequest {
        .with {
            $0.maxWaitMs = maxWaitMs
            $0.minBytes = minBytes
            $0.maxBytes = maxBytes
            $0.topics = [
                .with {
                    $0.topic = topic
                    $0.partitions = [
                        .with {
                            $0.partition = partition
                            $0.fetchOffset = offset
                            $0.partitionMaxBytes = maxBytes
                        }
                    ]
                }
            ]
        }
    }
}

extension ProduceResponse {
    /// The answer for the only partition asked for.
    var only: PartitionProduceResponse { self.responses[0].partitionResponses[0] }
}

extension FetchResponse {
    /// The answer for the only partition asked for.
    var only: PartitionData { self.responses[0].partitions[0] }
}

extension FetchResponse.PartitionData {
    /// The values of the records that are complete.
    func values(from offset: Int64 = 0, codecs: (any RecordCodecs)? = nil) throws -> [String] {
        var scanner = RecordBatchScanner(self.records?.joined() ?? ByteBuffer())
        var values: [String] = []
        while let batch = try scanner.next() {
            for record in try batch.records(codecs: codecs) where record.offset >= offset {
                values.append(record.value.map { String(buffer: $0) } ?? "null")
            }
        }
        return values
    }
}
