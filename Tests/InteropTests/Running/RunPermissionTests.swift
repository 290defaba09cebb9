import KafkaProtocol
import LocalKafka
import TestSupport
import Testing

/// The permissions that the README lists are enough for everything a flow does.
@Suite("kafka-mirror run: permissions", .serialized, .timeLimit(.minutes(3)))
struct RunPermissionTests {
    /// What the README says about the source of a flow A->B.
    private static let source: [Grant] = [
        Grant(.topic, "orders", .literal, [.read, .describeConfigs]),
        Grant(.group, "*", .literal, [.describe]),
        Grant(.topic, "mm2-offset-syncs.B.internal", .literal, [.create, .read, .write]),
        Grant(.topic, "heartbeats", .literal, [.create, .read, .write, .describeConfigs]),
    ]

    /// What it says about the target.
    private static let target: [Grant] = [
        Grant(.topic, "A.", .prefixed, [.create, .alter, .read, .write]),
        Grant(.topic, "mm2-offsets.A.internal", .literal, [.create, .read, .write]),
        Grant(.topic, "kafka-mirror-", .prefixed, [.create, .read, .write]),
        Grant(.topic, "heartbeats", .literal, [.create, .read, .write]),
        Grant(.group, "*", .literal, [.read]),
    ]

    @Test("With what the README lists there is no complaint: records, new partitions, groups, heartbeats, a restart")
    func enough() async throws {
        try await LocalCluster.running(Self.protect) { source in
            try await LocalCluster.running(Self.protect) { target in
                try await Self.grant(Self.source, at: source)
                try await Self.grant(Self.target, at: target)
                try await source.createTopic("orders", configs: ["retention.ms": "7200000"])
                try await source.put(["1", "2"], in: "orders")
                let orders = TopicPartition("orders", 0)
                try await source.commit(CommittedOffset(offset: 1), of: "billing", for: orders)
                var mirror = try Self.mirror(source, target)
                try await target.holds(["1", "2"], in: "A.orders", mirror: mirror)
                #expect(try await target.topic("A.orders")?.configs["retention.ms"] == "7200000")
                try await source.addPartitions("orders", count: 3)
                try await poll(mirror.process.output) {
                    try await target.topic("A.orders")?.partitions.count == 3
                }
                try await poll(mirror.process.output) {
                    let group = try await target.committedOffsets(of: "billing")
                    return group[TopicPartition("A.orders", 0)]?.offset == 1
                }
                for (cluster, topic) in [(source, "heartbeats"), (target, "heartbeats"), (target, "A.heartbeats")] {
                    try await poll("\(topic) is empty; \(mirror.process.output)") {
                        guard try await cluster.topic(TopicName(topic)) != nil else { return false }
                        return try await !cluster.records(TopicName(topic), 0).isEmpty
                    }
                }
                for topic in ["A.checkpoints.internal", "mm2-offsets.A.internal"] as [TopicName] {
                    #expect(try await target.topic(topic) != nil, "\(topic)")
                }
                try await poll(mirror.process.output) {
                    try await !source.records("mm2-offset-syncs.B.internal", 0).isEmpty
                }
                try await mirror.kill()
                Self.expectNoComplaint(mirror)
                try await source.put(["3"], in: "orders")
                mirror = try Self.mirror(source, target)
                try await target.holds(["1", "2", "3"], in: "A.orders", mirror: mirror)
                try await mirror.stop()
                Self.expectNoComplaint(mirror)
            }
        }
    }

    private struct Grant {
        var type: AccessResourceType
        var name: KafkaString
        var pattern: AccessPattern
        var operations: [AccessOperation]

        init(
            _ type: AccessResourceType,
            _ name: KafkaString,
            _ pattern: AccessPattern,
            _ operations: [AccessOperation]
        ) {
            self.type = type
            self.name = name
            self.pattern = pattern
            self.operations = operations
        }
    }

    private static func protect(_ configuration: inout LocalCluster.Configuration) {
        configuration.listeners = [.sasl([.plain])]
        configuration.plainUsers = ["mirror": "secret"]
        configuration.authorization = true
    }

    private static func grant(_ grants: [Grant], at cluster: LocalCluster) async throws {
        for grant in grants {
            for operation in grant.operations {
                try await cluster.addAccess(
                    AccessEntry(.allow, "User:mirror", operation, on: grant.type, grant.name, pattern: grant.pattern)
                )
            }
        }
    }

    private static func mirror(_ source: LocalCluster, _ target: LocalCluster) throws -> MirrorProcess {
        var properties = [
            "emit.heartbeats.enabled": "true", "emit.checkpoints.interval.seconds": "1",
            "sync.group.offsets.enabled": "true", "sync.group.offsets.interval.seconds": "1",
        ]
        for alias in ["A", "B"] {
            properties["\(alias).security.protocol"] = "SASL_PLAINTEXT"
            properties["\(alias).sasl.mechanism"] = "PLAIN"
            properties["\(alias).sasl.jaas.config"] =
                "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"mirror\""
                + " password=\"secret\";"
        }
        return try MirrorProcess(
            from: source.bootstrapServers,
            to: target.bootstrapServers,
            topics: "orders",
            properties: properties
        )
    }

    private static func expectNoComplaint(_ mirror: MirrorProcess) {
        let complaints = mirror.process.output.split(separator: "\n").filter {
            $0.contains(" warning ") || $0.contains(" error ") || $0.contains("(heartbeats") || $0.contains("cannot be")
        }
        #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
    }
}
