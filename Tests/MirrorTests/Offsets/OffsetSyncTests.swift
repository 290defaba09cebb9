import KafkaClient
import KafkaProtocol
import KafkaRecords
import LocalKafka
import MirrorModel
import NIOCore
import Testing

@testable import Mirror

/// Offset syncs in MirrorMaker 2's topic.
@Suite struct OffsetSyncTests {
    private func syncs(_ topic: TopicName, of cluster: LocalCluster) async throws -> [OffsetSync] {
        guard try await cluster.topic(topic) != nil else { return [] }
        return try await cluster.records(topic, 0).map {
            try OffsetSync(key: $0.key?.readableBytesView ?? .init(), value: $0.value?.readableBytesView ?? .init())
        }
    }

    @Test("they are written where MirrorMaker 2 has them, and end with the last record", arguments: [false, true])
    func places(isAtTarget: Bool) async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t")
            try await clusters.a.append([try ShardHarness.batch(0..<30)], to: "t", 0)
            let topic: TopicName = isAtTarget ? "mm2-offset-syncs.A.internal" : "mm2-offset-syncs.B.internal"
            let cluster = isAtTarget ? clusters.b : clusters.a
            let lines = isAtTarget ? "A->B.offset-syncs.topic.location = target" : ""
            let partition = TopicPartition(topic: "t", partition: 0)
            try await clusters.withService(lines) { _ in
                try await eventually("the last record has a sync") {
                    try await syncs(topic, of: cluster).last
                        == OffsetSync(partition: partition, upstreamOffset: 29, downstreamOffset: 29)
                }
            }
            let summary = try #require(try await cluster.topic(topic))
            #expect(summary.partitions.count == 1)
            #expect(summary.configs["cleanup.policy"] == "compact")
            // Nothing new is nothing to write, and what comes does not begin anew.
            let before = try await syncs(topic, of: cluster)
            try await clusters.a.append([try ShardHarness.batch(30..<40)], to: "t", 0)
            try await clusters.withService(lines) { _ in
                try await eventually("new records have a sync") {
                    try await syncs(topic, of: cluster).last?.upstreamOffset == 39
                }
            }
            let after = try await syncs(topic, of: cluster).dropFirst(before.count)
            #expect(after.allSatisfy { $0.upstreamOffset >= 30 && $0.upstreamOffset == $0.downstreamOffset })
        }
    }

    @Test func noneWhenSwitchedOff() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t")
            try await clusters.a.append([try ShardHarness.batch(0..<30)], to: "t", 0)
            try await clusters.withService("A->B.emit.offset-syncs.enabled = false") { _ in
                try await eventually("it is mirrored") {
                    try await clusters.b.topicNames().contains("A.t") ? clusters.b.records("A.t", 0).count == 30 : false
                }
            }
            #expect(try await clusters.a.topicNames() == ["t"])
        }
    }

    @Test("what MirrorMaker 2 left is taken over: its syncs prove the place and translate what is older")
    func takeover() async throws {
        try await TwoClusters.run { clusters in
            // The mirror began behind ten records of somebody else, and progress is one flush behind the syncs.
            try await clusters.a.createTopic("t")
            try await clusters.a.append([try ShardHarness.batch(0..<60)], to: "t", 0)
            try await clusters.b.createTopic("A.t")
            try await clusters.b.append(
                [try ShardHarness.batch(100..<110), try ShardHarness.batch(0..<50)],
                to: "A.t",
                0
            )
            let partition = TopicPartition(topic: "t", partition: 0)
            try await clusters.a.createTopic("mm2-offset-syncs.B.internal", configs: ["cleanup.policy": "compact"])
            try await clusters.withClient(of: clusters.a) { client in
                let syncs = [(0, 10), (20, 30), (44, 54)].map {
                    OffsetSync(partition: partition, upstreamOffset: $0.0, downstreamOffset: $0.1)
                }
                _ = try await RecordAppender(client: client, topic: "mm2-offset-syncs.B.internal").append(
                    try syncs.map {
                        AppendedRecord(
                            partition: 0,
                            key: ByteBuffer(bytes: try $0.key()),
                            value: ByteBuffer(bytes: $0.value()),
                            timestamp: 1
                        )
                    }
                )
            }
            let flow = try clusters.flow()
            try await clusters.withClient(of: clusters.b) { client in
                let store = ProgressStore(
                    client: client,
                    topic: flow.progressTopic,
                    sourceAlias: "A",
                    connectorName: flow.connectorName,
                    logger: clusters.logger
                )
                _ = try await store.load(deadline: .after(.seconds(10)))
                try await store.write([partition: ProgressRecord(offset: 39)], deadline: .after(.seconds(10)))
            }
            try await clusters.withService { service in
                try await eventually("the rest is mirrored, nothing twice") {
                    let isCaughtUp = await service.status().first?.isCaughtUp ?? false
                    let count = try await clusters.b.records("A.t", 0).count
                    return isCaughtUp && count >= 70
                }
                let values = try await clusters.b.records("A.t", 0).dropFirst(10).map(\.value)
                #expect(try await values == clusters.a.records("t", 0).map(\.value))
                let offsets = try #require(service.flows.first).offsets
                #expect(offsets.translate(source: partition, offset: 0) == .exact(10))
                #expect(offsets.translate(source: partition, offset: 25) == .bounded(31))
                #expect(offsets.translate(source: partition, offset: 44) == .exact(54))
                #expect(offsets.translate(source: partition, offset: 47) == .exact(57))
                #expect(offsets.translate(source: partition, offset: 60) == .exact(70))
            }
        }
    }
}
