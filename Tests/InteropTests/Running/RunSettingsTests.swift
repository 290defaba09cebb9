import Foundation
import KafkaProtocol
import KafkaRecords
import LocalKafka
import TestSupport
import Testing

/// What a properties file and the command line ask for is what the process does.
@Suite("kafka-mirror run: settings", .serialized, .timeLimit(.minutes(3)))
struct RunSettingsTests {
    @Test("Identity policy keeps the names; expressions choose the topics")
    func identity() async throws {
        try await LocalCluster.running { source in
            try await LocalCluster.running { target in
                let topics: [TopicName] = ["orders", "orders.tmp", "orders.v2", "pay1", "payx", "other"]
                for topic in topics {
                    try await source.createTopic(topic)
                    try await source.put([topic.string], in: topic)
                }
                let mirror = try MirrorProcess(
                    from: source.bootstrapServers,
                    to: target.bootstrapServers,
                    topics: "orders.*, pay[0-9]+",
                    properties: [
                        "replication.policy.class": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy",
                        // In a properties file a backslash is written twice.
                        "A->B.topics.exclude": #".*\\.tmp"#,
                    ]
                )
                for topic in ["orders", "orders.v2", "pay1"] as [TopicName] {
                    try await target.holds([topic.string], in: topic, mirror: mirror)
                }
                try await source.createTopic("pay2")
                try await source.put(["late"], in: "pay2")
                try await target.holds(["late"], in: "pay2", mirror: mirror, within: .seconds(10))
                try await mirror.stop()
                let names = try await target.topicNames().filter { !$0.string.hasSuffix(".internal") }
                #expect(Set(names).isSubset(of: ["heartbeats", "orders", "orders.v2", "pay1", "pay2"]))
                #expect(names.count >= 4)
            }
        }
    }

    @Test("Several flows in one file with a separator of its own, and --clusters to run some of them")
    func flows() async throws {
        try await LocalCluster.running { a in
            try await LocalCluster.running { b in
                try await LocalCluster.running { c in
                    for cluster in [a, b] {
                        try await cluster.createTopic("t")
                        try await cluster.put([cluster === a ? "of A" : "of B"], in: "t")
                    }
                    let properties = [
                        "clusters": "A, B, C", "A.bootstrap.servers": a.bootstrapServers,
                        "B.bootstrap.servers": b.bootstrapServers, "C.bootstrap.servers": c.bootstrapServers,
                        "A->B.enabled": "true", "B->A.enabled": "true", "A->C.enabled": "true",
                        "replication.policy.separator": "_",
                    ]
                    let one = try MirrorProcess(properties: properties, arguments: ["--clusters", "C"])
                    try await c.holds(["of A"], in: "A_t", mirror: one)
                    try await one.stop()
                    #expect(try await b.topic("A_t") == nil)
                    #expect(try await a.topic("B_t") == nil)
                    let all = try MirrorProcess(properties: properties)
                    try await b.holds(["of A"], in: "A_t", mirror: all)
                    try await a.holds(["of B"], in: "B_t", mirror: all)
                    try await c.holds(["of A"], in: "A_t", mirror: all)
                    try await all.stop()
                    // What came from a cluster does not go back to it.
                    #expect(try await a.topic("B_A_t") == nil)
                    #expect(try await b.topic("A_B_t") == nil)
                }
            }
        }
    }

    @Test("Values from files, folders and the environment")
    func providers() async throws {
        try await LocalCluster.running { source in
            try await LocalCluster.running { target in
                try await source.createTopic("orders")
                try await source.put(["1"], in: "orders")
                let folder = try TemporaryFolder()
                let file = try folder.write("hosts.properties", "east.hosts = \(source.bootstrapServers)\n")
                try folder.write("topics", "orders")
                let package = "org.apache.kafka.common.config.provider"
                let mirror = try MirrorProcess(
                    from: "${files:\(file):east.hosts}",
                    to: "${env:WEST_HOSTS}",
                    topics: "${folders:\(folder.url.path):topics}",
                    properties: [
                        "config.providers": "files, folders, env",
                        "config.providers.files.class": "\(package).FileConfigProvider",
                        "config.providers.folders.class": "\(package).DirectoryConfigProvider",
                        "config.providers.env.class": "\(package).EnvVarConfigProvider",
                    ],
                    environment: ["WEST_HOSTS": target.bootstrapServers]
                )
                try await target.holds(["1"], in: "A.orders", mirror: mirror)
                try await mirror.stop()
            }
        }
    }

    @Test("Weaker producer settings are told and still lose nothing and repeat nothing")
    func producer() async throws {
        try await LocalCluster.running { source in
            try await LocalCluster.running { target in
                try await source.createTopic("t")
                try await target.createTopic("A.t")
                let mirror = try MirrorProcess(
                    from: source.bootstrapServers,
                    to: target.bootstrapServers,
                    topics: "t",
                    properties: [
                        "B.producer.acks": "1", "B.producer.enable.idempotence": "false",
                        "B.producer.max.in.flight.requests.per.connection": "1", "B.producer.linger.ms": "20",
                        "B.producer.batch.size": "100000", "B.producer.compression.type": "zstd",
                        "B.producer.request.timeout.ms": "2000",
                    ]
                )
                for key in ["acks", "enable.idempotence", "batch.size", "compression.type"] {
                    let line = try await mirror.told("warning: ", "B.producer.\(key)")
                    #expect(line.contains("mirror.properties:"))
                }
                var expected = ["first"]
                try await source.put(expected, in: "t")
                // Where the target's end is ours is known from the first confirmation on.
                try await target.holds(expected, in: "A.t", mirror: mirror)
                for round in 0..<20 {
                    let values = (0..<50).map { "\(round)-\($0)" }
                    try await source.put(values, in: "t")
                    expected += values
                    // Sent again without a sequence number it would be there twice.
                    if round % 5 == 2 { try await target.faults.inject(.produce, count: 1, .closeAfter) }
                }
                try await target.holds(expected, in: "A.t", mirror: mirror)
                let batches = try await target.batches("A.t", 0)
                #expect(batches.allSatisfy { $0.producerID == -1 && $0.codec == .lz4 })
                try await mirror.stop()
            }
        }
    }

    @Test("Begun with the latest record and killed at once: nothing of what came since is lost or repeated")
    func latest() async throws {
        try await LocalCluster.running { source in
            try await LocalCluster.running { target in
                try await source.createTopic("t")
                try await source.put(["old 1", "old 2"], in: "t")
                let start = {
                    try MirrorProcess(
                        from: source.bootstrapServers,
                        to: target.bootstrapServers,
                        topics: "t",
                        // No progress is written in the meantime.
                        properties: [
                            "A.consumer.auto.offset.reset": "latest", "B.offset.flush.interval.ms": "3600000",
                        ]
                    )
                }
                var mirror = try start()
                try await mirror.told("mirroring partitions")
                try await source.put(["1", "2"], in: "t")
                try await target.holds(["1", "2"], in: "A.t", mirror: mirror)
                try await mirror.kill()
                try await source.put(["3"], in: "t")
                mirror = try start()
                try await target.holds(["1", "2", "3"], in: "A.t", mirror: mirror)
                try await mirror.kill()
                mirror = try start()
                try await source.put(["4"], in: "t")
                try await target.holds(["1", "2", "3", "4"], in: "A.t", mirror: mirror)
                try await mirror.stop()
            }
        }
    }
}
