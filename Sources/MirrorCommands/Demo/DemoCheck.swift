import KafkaCompression
import KafkaProtocol
import KafkaRecords
import LocalKafka

/// Compares source and target logs record by record, straight from the brokers' memory, as far as the target has come.
///
/// It shares nothing with the mirror's own reading: neither connections nor the fetch path.
actor DemoCheck {
    struct Result: Sendable {
        var compared: Int64 = 0
        var different: Int64 = 0
        /// The first difference found, for the summary.
        var firstDifference: String?
    }

    private let source: SandboxCluster
    private let target: SandboxCluster
    private var positions: [TopicPartition: Int64] = [:]
    private var isAdvancing = false
    private(set) var results: [TopicName: Result] = [:]

    init(source: SandboxCluster, target: SandboxCluster) {
        self.source = source
        self.target = target
    }

    /// Compares what has arrived since the last call.
    ///
    /// Demo topics have no transactions, so offsets must be equal too.
    func advance() async {
        // Whoever comes while records are read would count them twice.
        guard !isAdvancing else { return }
        isAdvancing = true
        defer { isAdvancing = false }
        for topic in DemoTopic.all {
            for partition in 0..<topic.partitions {
                let here = TopicPartition(topic: topic.name, partition: partition)
                let there = TopicPartition(topic: "\(source.alias).\(topic.name)", partition: partition)
                let from = positions[here, default: 0]
                guard
                    let mirrored = try? await target.cluster.demoRecords(there, from: from), !mirrored.isEmpty,
                    let original = try? await source.cluster.demoRecords(here, from: from)
                else { continue }
                compare(topic.name, partition, original, mirrored)
                positions[here] = (mirrored.last?.offset ?? from - 1) + 1
            }
        }
    }

    private func compare(_ topic: TopicName, _ partition: Int32, _ original: [Record], _ mirrored: [Record]) {
        var result = results[topic, default: Result()]
        // Retention may have removed the beginning of either log since.
        let first = max(original.first?.offset ?? .max, mirrored.first?.offset ?? 0)
        let expected = original.drop { $0.offset < first }.prefix { $0.offset <= mirrored.last?.offset ?? -1 }
        let found = mirrored.drop { $0.offset < first }
        result.compared += Int64(expected.count)
        if !expected.elementsEqual(found) {
            let pairs = zip(expected, found)
            let offset = pairs.first { $0 != $1 }?.0.offset ?? first
            result.different += Int64(pairs.count { $0 != $1 } + abs(expected.count - found.count))
            result.firstDifference = result.firstDifference ?? "\(topic)-\(partition) at offset \(offset)"
        }
        results[topic] = result
    }
}

extension LocalCluster {
    /// The data records of a partition from an offset on.
    fileprivate func demoRecords(_ partition: TopicPartition, from offset: Int64) async throws -> [Record] {
        let batches = try await self.batches(partition.topic, partition.partition, from: offset)
        let codecs = StandardCodecs()
        return try batches.flatMap { try $0.records(codecs: codecs) }.filter { $0.offset >= offset }
    }
}
