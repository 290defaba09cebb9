import KafkaClient
import KafkaProtocol
import KafkaRecords
import LocalKafka
import Mirror
import MirrorModel
import NIOCore
import Testing

@Suite struct FlowSupervisorTests {
    @Test func topicsAreCreatedAssignedGrownAndEnded() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 3, configs: ["cleanup.policy": "compact"])
            try await withFlow(clusters) { flow, shard in
                try await eventually("t is assigned") { shard.assigned.count == 3 }
                let created = try #require(try await clusters.b.topic("A.t"))
                #expect(created.partitions.count == 3)
                try await clusters.withClient(of: clusters.b) { client in
                    let configs = await client.describeConfigs([.topic("A.t")])
                    let entries = try #require(try configs[.topic("A.t")]?.get())
                    #expect(entries.first { $0.name == "cleanup.policy" }?.value == "compact")
                }
                try await clusters.a.createTopic("u", partitions: 1)
                try await clusters.a.addPartitions("t", count: 5)
                try await eventually("u and new partitions are assigned") { shard.assigned.count == 6 }
                #expect(await flow.status().phase == .running)
                #expect(await flow.status().topicCount == 2)
                try await clusters.a.deleteTopic("u")
                try await eventually("u is given up") { shard.assigned.count == 5 }
                // The mirror of a deleted topic stays.
                #expect(try await clusters.b.topic("A.u") != nil)
            }
            // Nothing but the offset syncs was created at the source.
            #expect(try await Set(clusters.a.topicNames()) == ["t", "mm2-offset-syncs.B.internal"])
        }
    }

    @Test func progressIsWrittenWhileRunningAndAtTheEnd() async throws {
        let partition = TopicPartition(topic: "t", partition: 0)
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await withFlow(clusters) { _, shard in
                try await eventually("t is assigned") { shard.assigned.count == 1 }
                shard.place(partition, PartitionPosition(sourceOffset: 41, targetOffset: 40))
                try await eventually("progress is written") {
                    try await clusters.progress(of: partition)?.offset == 41
                }
                shard.place(partition, PartitionPosition(sourceOffset: 99, targetOffset: 98))
            }
            let last = try await clusters.progress(of: partition)
            #expect(last?.offset == 99)
            #expect(last?.targetOffset == 98)
            #expect(last?.targetTopicID == (try await clusters.b.topic("A.t"))?.id)
        }
    }

    @Test func aProgressTopicThatWasDeletedIsMadeAgain() async throws {
        let partition = TopicPartition(topic: "t", partition: 0)
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await withFlow(clusters) { _, shard in
                try await eventually("t is assigned") { shard.assigned.count == 1 }
                shard.place(partition, PartitionPosition(sourceOffset: 1))
                try await eventually("progress is written") { try await clusters.progress(of: partition) != nil }
                try await clusters.b.deleteTopic("mm2-offsets.A.internal")
                shard.place(partition, PartitionPosition(sourceOffset: 2))
                try await eventually("progress is written again", within: .seconds(60)) {
                    try await clusters.progress(of: partition)?.offset == 2
                }
            }
        }
    }

    @Test func aFlowGoesOnWhereTheLastOneStopped() async throws {
        let partition = TopicPartition(topic: "t", partition: 0)
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await withFlow(clusters) { _, shard in
                try await eventually("t is assigned") { shard.assigned.count == 1 }
                #expect(shard.assigned[partition]?.start == .earliest)
                shard.place(partition, PartitionPosition(sourceOffset: 41))
            }
            try await withFlow(clusters) { _, shard in
                try await eventually("t is assigned again") { shard.assigned.count == 1 }
                #expect(shard.assigned[partition]?.start == .offset(42))
            }
        }
    }

    @Test func aClusterThatIsDownKeepsOnlyItsFlowWaiting() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.b.setBroker(1, isUp: false)
            try await withFlow(clusters) { flow, shard in
                try await eventually("the flow waits", within: .seconds(60)) {
                    if case .waiting(let reason) = await flow.status().phase { return reason.contains("cluster B") }
                    return false
                }
                try await clusters.b.setBroker(1, isUp: true)
                try await eventually("the flow runs", within: .seconds(60)) { shard.assigned.count == 1 }
                #expect(await flow.status().phase == .running)
            }
        }
    }

    @Test func aTopicThatCannotBeCreatedHoldsUpNoOther() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("bad", partitions: 1)
            try await clusters.a.createTopic("good", partitions: 1)
            try await clusters.b.createTopic("A.good", partitions: 1)
            try await withFlow(clusters, "replication.factor = 3") { flow, shard in
                try await eventually("good is assigned") { shard.assigned.keys.map(\.topic) == ["good"] }
                try await eventually("bad says why") { await !flow.status().waitingTopics.isEmpty }
                let waiting = await flow.status().waitingTopics
                #expect(waiting.map(\.topic) == ["bad"])
                #expect(waiting.first?.reason.contains("INVALID_REPLICATION_FACTOR") == true)
                #expect(waiting.first?.reason.contains("replication.factor to at most") == true)
            }
        }
    }

    /// Runs a flow with a recording shard as long as `body` does.
    private func withFlow(
        _ clusters: TwoClusters,
        _ lines: String = "",
        _ body: (FlowSupervisor, RecordingShard) async throws -> Void
    ) async throws {
        let configuration = try clusters.flow(lines)
        let shard = RecordingShard()
        let flow = FlowSupervisor(
            configuration: configuration,
            clients: try FlowClients(configuration, eventLoopGroup: clusters.group, logger: clusters.logger),
            eventLoops: [clusters.group.next()],
            logger: clusters.logger,
            makeShard: { _, _, _, _, _ in shard }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await flow.run() }
            defer { flow.stop() }
            try await body(flow, shard)
        }
        #expect(await flow.status().phase == .stopped)
        #expect(shard.hasEnded)
    }
}

extension TwoClusters {
    /// What the progress topic of flow A->B says about a partition.
    func progress(of partition: TopicPartition) async throws -> ProgressRecord? {
        var newest: ProgressRecord?
        guard let topic = try await b.topic("mm2-offsets.A.internal") else { return nil }
        for index in topic.partitions.indices {
            for record in try await b.records("mm2-offsets.A.internal", Int32(index)) {
                guard let key = record.key, let value = record.value,
                    ConnectOffsetKey(bytes: key.readableBytesView)?.subject
                        == .source(cluster: "A", partition: partition)
                else { continue }
                newest = ProgressRecord(bytes: value.readableBytesView)
            }
        }
        return newest
    }
}
