import KafkaProtocol
import KafkaRecords
import LocalKafka
import MirrorModel
import NIOCore

extension TwoClusters {
    /// Every record of the gap ledger of A->B, entries written again included.
    func ledger() async throws -> [Gap] {
        let topic = Gap.ledgerTopic(sourceAlias: "A")
        guard try await b.topic(topic) != nil else { return [] }
        return try await b.records(topic, 0).compactMap { record in
            record.value.flatMap { Gap(bytes: $0.readableBytesView) }
        }
    }

    /// What the ledger says in short: `retention A t-0 3-5 continue`, a copy written twice twice.
    func gaps() async throws -> [String] {
        try await ledger().map { gap in
            let end = gap.to < gap.from ? "" : "\(gap.to)"
            return "\(gap.kind.rawValue) \(gap.cluster) \(gap.topicPartition) \(gap.from)-\(end) \(gap.policy.rawValue)"
        }
    }

    /// A batch of one record whose checksum is wrong.
    static func brokenBatch(at offset: Int64) throws -> ByteBuffer {
        var builder = RecordBatchBuilder(baseOffset: offset)
        builder.append(timestamp: 1_700_000_000_000, key: nil, value: ByteBuffer(string: "broken"))
        var batch = try builder.build(codecs: nil)
        batch.setInteger(UInt8(0x55), at: batch.writerIndex - 3)
        return batch
    }
}

extension LocalCluster {
    /// Appends each value in a batch of its own.
    func putEach(_ values: [String], in topic: TopicName) async throws {
        for value in values { try await self.put([value], in: topic) }
    }
}
