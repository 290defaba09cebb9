import KafkaProtocol
import MetricsTestKit
import MirrorModel
import Testing

@testable import Mirror

@Suite struct GapMetricsTests {
    @Test func aGapIsCountedWhereItIs() throws {
        let factory = TestMetrics()
        let metrics = GapMetrics(factory: factory)
        let partition = TopicPartition(topic: "orders", partition: 3)
        func gap(_ kind: GapKind, records: Int64?) -> Gap {
            Gap(
                flow: "A->B",
                kind: kind,
                cluster: "A",
                partition: partition,
                sourceTopic: "orders",
                topicID: .zero,
                from: 10,
                to: 14,
                records: records,
                text: ""
            )
        }
        metrics.count(gap(.retention, records: nil))
        metrics.count(gap(.retention, records: 2))
        metrics.count(gap(.undecodable, records: 1))
        func total(_ label: String, _ kind: GapKind) throws -> Int64 {
            let dimensions = [("flow", "A->B"), ("kind", kind.rawValue), ("cluster", "A"), ("topic", "orders")]
            return try factory.expectCounter(label, dimensions).totalValue
        }
        #expect(try total("kafka_mirror_gaps", .retention) == 2 && total("kafka_mirror_gaps", .undecodable) == 1)
        // Where the number of records is not known, offsets count.
        #expect(try total("kafka_mirror_gap_records", .retention) == 7)
        #expect(try total("kafka_mirror_gap_records", .undecodable) == 1)
    }
}
