import KafkaProtocol
import LocalKafka
import Testing

@testable import Mirror

/// Sources that are missing, silent or replaced.
@Suite struct SourceFailureTests {
    @Test func topicsThatAreNotThereAreToldAndFound() async throws {
        try await FailureScene.run(
            lines: { _, _ in "topics = orders, pay.*\n" },
            test: { scene in
                try await scene.told("not found", "topic=orders", "cluster A")
                try await scene.a.createTopic("orders", partitions: 1)
                try await scene.a.put(["1"], in: "orders")
                try await scene.mirrored(["1"], to: "A.orders")
                try await scene.told("a topic that was missing is there", "orders")
            }
        )
    }

    @Test func expressionsThatMatchNothingAreTold() async throws {
        try await FailureScene.run(
            lines: { _, _ in "topics = pay.*\n" },
            test: { scene in
                try await scene.told("nothing to mirror", "cluster A", "topics=pay.*")
            }
        )
    }

    @Test func aDeletedAndARecreatedSource() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                try await clusters.a.createTopic("gone", partitions: 1)
                try await clusters.a.createTopic("again", partitions: 1)
                try await clusters.a.put(["1"], in: "gone")
                try await clusters.a.put(["1"], in: "again")
            },
            test: { scene in
                try await scene.mirrored(["1"], to: "A.gone")
                try await scene.mirrored(["1"], to: "A.again")
                try await scene.a.deleteTopic("gone")
                try await scene.a.recreateTopic("again")
                try await scene.a.put(["2"], in: "again")
                try await scene.told("no longer mirroring", "gone-0")
                try await scene.mirrored(["1", "2"], to: "A.again", within: .seconds(60))
                #expect(try await scene.clusters.mirror("A.gone") == ["1"])
            }
        )
    }

    @Test func aClusterThatComesUpLater() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.put(["1"], in: "t")
                try await clusters.a.setBroker(try await clusters.a.withCluster { $0.brokers[0].id }, isUp: false)
            },
            test: { scene in
                try await scene.told(
                    "the flow waits",
                    "cluster A",
                    scene.a.bootstrapServers,
                    "refused",
                    "Check that the broker"
                )
                try await scene.a.setBroker(try await scene.a.withCluster { $0.brokers[0].id }, isUp: true)
                try await scene.mirrored(["1"], to: "A.t", within: .seconds(60))
                try await scene.told("the flow has started")
                #expect(scene.log.matching("the flow waits").count == 1)
            }
        )
    }

    @Test func aDeadClusterStopsItsOwnFlowOnly() async throws {
        let lines = """
            clusters = A, B, C
            C.bootstrap.servers = 127.0.0.1:1
            C->B.enabled = true

            """
        try await FailureScene.run(
            lines: { _, _ in lines },
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.put(["1"], in: "t")
            },
            test: { scene in
                try await scene.mirrored(["1"], to: "A.t")
                try await scene.told("the flow waits", "cluster C", "127.0.0.1:1", "flow=C->B")
                try await scene.a.put(["2"], in: "t")
                try await scene.mirrored(["1", "2"], to: "A.t")
                #expect(scene.log.matching("the flow waits").allSatisfy { $0.contains("cluster C") })
            }
        )
    }
}
