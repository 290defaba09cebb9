import KafkaProtocol
import LocalKafka
import Testing

@testable import Mirror

/// A target that refuses, forgets or disappears stops no more than it must, and everything goes on by itself.
@Suite struct TargetFailureTests {
    @Test func aRecordTooLargeStopsItsPartitionOnly() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                for topic in ["big", "small"] as [TopicName] {
                    try await clusters.a.createTopic(topic, partitions: 1)
                    try await clusters.b.createTopic("A.\(topic)", partitions: 1)
                }
                try await clusters.b.setTopicConfigs("A.big", ["max.message.bytes": "1000"])
            },
            test: { scene in
                let large = String(repeating: "x", count: 5_000)
                try await scene.a.put(["1"], in: "big")
                try await scene.a.put([large], in: "big")
                try await scene.a.put(["3"], in: "big")
                try await scene.told(
                    "the partition is stopped",
                    "cluster B",
                    "A.big-0",
                    "offset 1",
                    "max.message.bytes",
                    "Raise"
                )
                try await scene.a.put(["1"], in: "small")
                try await scene.mirrored(["1"], to: "A.small")
                #expect(try await scene.clusters.mirror("A.big") == ["1"])
                try await scene.b.setTopicConfigs("A.big", ["max.message.bytes": "100000"])
                try await scene.mirrored(["1", large, "3"], to: "A.big", within: .seconds(60))
                try await scene.told("the partition is mirrored again", "big-0")
                #expect(scene.log.matching("the partition is stopped").count == 1)
            }
        )
    }

    @Test func aTargetTopicWithFewerPartitionsGrows() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 3)
                try await clusters.b.createTopic("A.t", partitions: 1)
            },
            test: { scene in
                try await eventually("the topic has grown") { try await scene.b.topic("A.t")?.partitions.count == 3 }
            }
        )
    }

    @Test func aDeletedTargetTopicIsMirroredAgain() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.put(["1", "2"], in: "t")
            },
            test: { scene in
                try await scene.mirrored(["1", "2"], to: "A.t")
                try await scene.b.deleteTopic("A.t")
                try await scene.a.put(["3"], in: "t")
                try await scene.mirrored(["1", "2", "3"], to: "A.t", within: .seconds(60))
            }
        )
    }

    @Test func recordsThatTheTargetDoesNotWantAreNamed() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                for topic in ["t", "u"] as [TopicName] { try await clusters.a.createTopic(topic, partitions: 1) }
                // Takes no records without keys.
                try await clusters.b.createTopic("A.t", partitions: 1, configs: ["cleanup.policy": "compact"])
                try await clusters.a.put(["1"], in: "t")
            },
            test: { scene in
                try await scene.told("the partition is stopped", "A.t-0", "INVALID_RECORD", "record 0", "without key")
                try await scene.a.put(["1"], in: "u")
                try await scene.mirrored(["1"], to: "A.u")
                try await scene.b.setTopicConfigs("A.t", ["cleanup.policy": "delete"])
                try await scene.mirrored(["1"], to: "A.t", within: .seconds(60))
                try await scene.told("the partition is mirrored again", "t-0")
            }
        )
    }

    @Test func aTargetThatGoesAndComesBack() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.put(["1"], in: "t")
            },
            test: { scene in
                try await scene.mirrored(["1"], to: "A.t")
                let node = try await scene.b.withCluster { $0.brokers[0].id }
                try await scene.b.setBroker(node, isUp: false)
                try await scene.a.put(["2"], in: "t")
                try await scene.told(
                    "in the way",
                    "cluster B",
                    scene.b.bootstrapServers,
                    "refused",
                    within: .seconds(60)
                )
                try await scene.b.setBroker(node, isUp: true)
                try await scene.mirrored(["1", "2"], to: "A.t", within: .seconds(60))
                try await scene.told("no longer in the way", "cluster B")
                #expect(scene.log.matching("something is in the way").count == 1)
            }
        )
    }
}
