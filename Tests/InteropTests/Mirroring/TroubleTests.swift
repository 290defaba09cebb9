import Foundation
import KafkaProtocol
import LocalKafka
import NIOCore
import NIOPosix
import TestSupport
import Testing

/// `kafka-mirror run` where clusters, networks and settings are not what they should be.
@Suite("The mirror in trouble", .serialized, .timeLimit(.minutes(5)))
struct TroubleTests {
    @Test("Leaders move, brokers go and come back, requests fail on both sides: nothing lost, nothing twice")
    func troubledClusters() async throws {
        try await withTwoClusters { source, target in
            for codec in RealData.codecs {
                try await source.createTopic(TopicName("real.\(codec)"), partitions: 6, replicationFactor: 3)
            }
            let mirror = try MirrorProcess(
                from: source.bootstrapServers,
                to: target.bootstrapServers,
                topics: "real.*",
                properties: ["replication.factor": "3", "B.producer.request.timeout.ms": "2000"]
            )
            let data = Task {
                var visible = 0
                var topics: [String] = []
                for _ in 0..<4 {
                    let data = try await RealData(
                        at: source.bootstrapServers,
                        perCodec: 2_500,
                        extra: ["--no-create"]
                    )
                    visible += data.visible
                    topics = data.topics
                }
                return (visible, topics)
            }
            try await waitForEnd(of: "A.real.none", at: target) { $0 > 0 }
            for round in 0..<8 {
                for (cluster, prefix) in [(source, ""), (target, "A.")] {
                    for codec in RealData.codecs {
                        let topic = TopicName("\(prefix)real.\(codec)")
                        guard try await cluster.topic(topic) != nil else { continue }
                        for partition in Int32(0)..<6 {
                            let leader = (partition + Int32(round)) % 3 + 1
                            try await cluster.moveLeader(topic, partition, to: leader)
                        }
                    }
                }
                try await target.faults.inject(.produce, count: 2, .error(.notEnoughReplicas))
                try await target.faults.inject(.produce, count: 1, .closeAfter)
                try await target.faults.inject(.produce, count: 1, .close)
                try await source.faults.inject(.fetch, count: 2, .close)
                if round == 3 { try await target.faults.inject(.produce, count: 1, .dropAnswer) }
                if round % 3 == 1 {
                    try await target.setBroker(2, isUp: false)
                    try await source.closeConnections()
                }
                try await poll(within: .seconds(20), "The faults do not happen") {
                    try await target.faults.pending() == 0
                }
                if round % 3 == 1 { try await target.setBroker(2, isUp: true) }
            }
            try await source.faults.clear()
            let (visible, topics) = try await data.value
            let comparison = Comparison(
                source: source.bootstrapServers,
                target: target.bootstrapServers,
                topics: topics
            )
            try await comparison.librdkafka("troubled clusters", records: visible, mirror: mirror)
            try await mirror.stop()
            try await comparison.librdkafka("troubled clusters, at the end", records: visible, mirror: mirror)
        }
    }

    @Test("Killed again and again under load: nothing lost, nothing twice")
    func killedAgainAndAgain() async throws {
        try await withTwoClusters { source, target in
            for codec in RealData.codecs {
                try await source.createTopic(TopicName("real.\(codec)"), partitions: 6)
            }
            let start = {
                try MirrorProcess(
                    from: source.bootstrapServers,
                    to: target.bootstrapServers,
                    topics: "real.*",
                    properties: ["B.offset.flush.interval.ms": "700"]
                )
            }
            var mirror = try start()
            let data = Task {
                var data = RealData(topics: [], visible: 0)
                for _ in 0..<6 {
                    let more = try await RealData(
                        at: source.bootstrapServers,
                        perCodec: 4_000,
                        extra: ["--no-create"]
                    )
                    data = RealData(topics: more.topics, visible: data.visible + more.visible)
                }
                return data
            }
            var seen: Int64 = 0
            for round in 1...6 {
                // Only what has moved something on can leave something half done.
                let last = seen
                try await waitForEnd(of: "A.real.lz4", at: target) { $0 > last || $0 >= 24_000 }
                seen = try await target.topic("A.real.lz4")?.partitions.reduce(0) { $0 + $1.endOffset } ?? 0
                try await mirror.kill()
                mirror = try start()
                print("killed \(round) times, \(seen) records in one topic")
            }
            let produced = try await data.value
            let comparison = Comparison(
                source: source.bootstrapServers,
                target: target.bootstrapServers,
                topics: produced.topics
            )
            try await comparison.librdkafka("killed again and again", records: produced.visible, mirror: mirror)
            try await mirror.stop()
            try await comparison.java("killed again and again", version: "4.3.0")
        }
    }

    @Test(
        "Wrong password, a closed port, a silent peer: each is told once, the other flows go on, and what comes up is mirrored"
    )
    func wrongSettings() async throws {
        try await KafkaListener.with("SASL_PLAINTEXT") { listener in
            let silent = try await SilentServer()
            let port = try await freePort()
            try await withTwoClusters { healthy, target in
                let data = try await RealData(at: healthy.bootstrapServers, perCodec: 500)
                var properties = [
                    "clusters": "locked, closed, silent, healthy, B", "B.bootstrap.servers": target.bootstrapServers,
                    "locked.bootstrap.servers": listener.bootstrapServers, "locked.security.protocol": "SASL_PLAINTEXT",
                    "closed.bootstrap.servers": "127.0.0.1:\(port)",
                    "silent.bootstrap.servers": "127.0.0.1:\(silent.port)",
                    "healthy.bootstrap.servers": healthy.bootstrapServers, "silent.request.timeout.ms": "2000",
                ]
                for (key, value) in KafkaListener.login("SCRAM-SHA-512", password: "not-this-one") {
                    properties["locked.\(key)"] = value
                }
                for alias in ["locked", "closed", "silent", "healthy"] {
                    properties["\(alias)->B.enabled"] = "true"
                    properties["\(alias)->B.topics"] = "real.*"
                }
                let mirror = try MirrorProcess(properties: properties)
                var comparison = Comparison(
                    source: healthy.bootstrapServers,
                    target: target.bootstrapServers,
                    topics: data.topics,
                    prefix: "healthy."
                )
                try await comparison.librdkafka("beside flows in trouble", records: data.visible, mirror: mirror)
                for words in [
                    // Which flow or cluster, where, as whom, what to do.
                    ["locked", "127.0.0.1:\(listener.port)", "alice512", "sasl.jaas.config"],
                    ["closed", "127.0.0.1:\(port)"],
                    ["silent", "127.0.0.1:\(silent.port)"],
                ] {
                    let line = try await mirror.process.line(within: .seconds(20)) { line in
                        !line.contains("records=") && words.allSatisfy { line.contains($0) } ? line : nil
                    }
                    print("told: \(line)")
                }
                #expect(!mirror.process.output.contains("not-this-one"))

                // The broker that was not there comes up.
                var configuration = LocalCluster.Configuration()
                configuration.listeners = [.plaintext(ports: [port])]
                try await withLocalCluster(configuration) { late in
                    let data = try await RealData(at: late.bootstrapServers, perCodec: 500)
                    comparison.source = late.bootstrapServers
                    comparison.prefix = "closed."
                    try await comparison.librdkafka("a cluster that came late", records: data.visible, mirror: mirror)
                    try await mirror.stop()
                }
            }
            try await silent.close()
        }
    }
}

/// Accepts connections and never says anything.
private struct SilentServer {
    let channel: any Channel
    let port: Int

    init() async throws {
        self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        self.port = self.channel.localAddress?.port ?? 0
    }

    func close() async throws {
        try await self.channel.close()
    }
}
