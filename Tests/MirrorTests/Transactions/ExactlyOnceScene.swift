import KafkaClient
import KafkaProtocol
import KafkaRecords
import LocalKafka
import MirrorModel
import NIOCore
import NIOPosix
import Testing

@testable import Mirror

extension TwoClusters {
    static let exactlyOnce = "B.exactly.once.source.support = enabled"

    /// The values that a reader of committed records sees in a topic of B, by partition.
    func committed(_ topic: TopicName, partition: Int32 = 0) async throws -> [String] {
        guard try await b.topic(topic) != nil else { return [] }
        return try await withClient(of: b) { client in
            var values: [String] = []
            try await CompactedTopicReader(client: client, topic: topic, isolation: .readCommitted).readToEnd { item in
                guard item.partition.partition == partition else { return }
                values.append(item.record.value.map { String(buffer: $0) } ?? "")
            }
            return values
        }
    }

    /// The progress records that a reader of committed records sees.
    func progress(_ lines: String = exactlyOnce) async throws -> [TopicPartition: ProgressRecord] {
        let flow = try flow(lines)
        return try await withClient(of: b) { client in
            try await ProgressStore(
                client: client,
                topic: flow.progressTopic,
                sourceAlias: "A",
                connectorName: flow.connectorName,
                logger: logger
            ).committed(waitsForTransactions: true, deadline: .after(.seconds(10))).progress
        }
    }

    /// Runs `body` beside a mirror and ends it as a kill does: without waiting, committing or ending anything.
    func withKilledService(_ lines: String = exactlyOnce, _ body: (MirrorService) async throws -> Void) async throws {
        let service = try MirrorService(
            configuration: try configuration(lines),
            eventLoopGroup: group,
            threadPool: .singleton,
            logger: logger
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await service.run() }
            defer { for flow in service.flows { flow.stop() } }
            try await body(service)
            for flow in service.flows { await flow.abandon() }
        }
    }
}
