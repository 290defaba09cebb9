import KafkaProtocol
import LocalKafka
import Testing

@testable import Mirror

/// What a principal may not do is told with its name, and goes on once it is allowed.
@Suite struct PermissionTests {
    @Test func aWrongPasswordIsToldOnceAndCured() async throws {
        try await FailureScene.run(
            a: { Self.protect(&$0, password: "another") },
            lines: { _, _ in FailureScene.sasl("A") },
            prepare: { clusters in try await clusters.a.createTopic("t", partitions: 1) },
            test: { scene in
                try await scene.told(
                    "the flow waits",
                    "cluster A",
                    "as user mirror",
                    "sasl.jaas.config",
                    scene.a.bootstrapServers
                )
                let status = try #require(await scene.service.status().first)
                guard case .waiting = status.phase else { return #expect(status.phase == .waiting(reason: "")) }
                #expect(!scene.log.all.contains { $0.contains(FailureScene.password) })
                #expect(scene.log.matching("the flow waits").count == 1)
            }
        )
    }

    @Test func topicsThatMayNotBeReadWaitAlone() async throws {
        try await FailureScene.run(
            a: { Self.protect(&$0) },
            lines: { _, _ in FailureScene.sasl("A") + "topics = secret, open\n" },
            prepare: { clusters in
                for topic in ["secret", "open"] as [TopicName] {
                    try await clusters.a.createTopic(topic, partitions: 1)
                    try await clusters.a.put(["1"], in: topic)
                }
                try await Self.allow(clusters.a, .describe, "open")
                try await Self.allow(clusters.a, .read, "open")
            },
            test: { scene in
                try await scene.mirrored(["1"], to: "A.open")
                try await scene.told("not found", "topic=secret", "cluster A", "DESCRIBE")
                // It may be seen, but not read.
                try await Self.allow(scene.a, .describe, "secret")
                try await scene.told("held up", "cluster A", "secret", "READ")
                try await scene.a.put(["2"], in: "open")
                try await scene.mirrored(["1", "2"], to: "A.open")
                try await Self.allow(scene.a, .read, "secret")
                try await scene.mirrored(["1"], to: "A.secret", within: .seconds(40))
                try await scene.told("the partition is mirrored again", "secret")
                #expect(scene.log.matching("held up", "secret").count == 1)
            }
        )
    }

    @Test func topicsThatMayNotBeCreatedOrWrittenWaitAlone() async throws {
        try await FailureScene.run(
            b: { Self.protect(&$0) },
            lines: { _, _ in FailureScene.sasl("B") },
            prepare: { clusters in
                for topic in ["t", "u"] as [TopicName] {
                    try await clusters.a.createTopic(topic, partitions: 1)
                    try await clusters.a.put(["1"], in: topic)
                }
                for operation in [AccessOperation.create, .describe, .read, .write] {
                    try await Self.allow(clusters.b, operation, "mm2-offsets.A.internal")
                    try await Self.allow(clusters.b, operation, "A.u")
                }
                try await clusters.b.withCluster {
                    $0.access.add(AccessEntry(.allow, "User:mirror", .idempotentWrite, on: .cluster, "kafka-cluster"))
                }
            },
            test: { scene in
                try await scene.mirrored(["1"], to: "A.u")
                try await scene.told("a topic waits", "cluster B", "A.t", "create")
                try await Self.allow(scene.b, .create, "A.t")
                try await Self.allow(scene.b, .describe, "A.t")
                try await scene.told("the partition is stopped", "cluster B", "A.t-0", "WRITE", within: .seconds(60))
                try await scene.a.put(["2"], in: "u")
                try await scene.mirrored(["1", "2"], to: "A.u")
                try await Self.allow(scene.b, .write, "A.t")
                try await scene.mirrored(["1"], to: "A.t", within: .seconds(60))
                try await scene.told("the partition is mirrored again", "t-0")
                #expect(scene.log.matching("a topic waits").count == 1)
            }
        )
    }

    private static func protect(
        _ configuration: inout LocalCluster.Configuration,
        password: String = FailureScene.password
    ) {
        configuration.listeners = [.sasl([.scramSHA512])]
        configuration.scramUsers = ["mirror": password]
        configuration.authorization = true
    }

    private static func allow(_ cluster: LocalCluster, _ operation: AccessOperation, _ topic: KafkaString) async throws
    {
        try await cluster.withCluster {
            $0.access.add(AccessEntry(.allow, "User:mirror", operation, on: .topic, topic))
        }
    }
}
