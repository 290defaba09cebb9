package import CoreMetrics
import KafkaProtocol
package import MirrorModel

/// Counts gaps for whoever collects metrics.
///
/// `kafka_mirror_gaps` counts findings, `kafka_mirror_gap_records` the records concerned, or offsets where the number of
/// records is not known. Both by `flow`, `kind`, `cluster` and `topic`; a finding that is made again in the same run does
/// not count again.
package struct GapMetrics: Sendable {
    private let factory: any MetricsFactory

    /// - Parameter factory: Where metrics go; the one of the process by default.
    package init(factory: any MetricsFactory = MetricsSystem.factory) {
        self.factory = factory
    }

    package func count(_ gap: Gap) {
        let dimensions = [
            ("flow", gap.flow), ("kind", gap.kind.rawValue), ("cluster", gap.cluster),
            ("topic", gap.topicPartition.topic.string),
        ]
        Counter(label: "kafka_mirror_gaps", dimensions: dimensions, factory: factory).increment()
        Counter(label: "kafka_mirror_gap_records", dimensions: dimensions, factory: factory)
            .increment(by: gap.records ?? gap.offsets)
    }
}
