import Foundation
import KafkaProtocol
import LocalKafka
import TestSupport
import Testing

/// `kafka-mirror run` moves real data between embedded clusters, and other people's clients compare.
@Suite("The mirror with real data", .serialized, .timeLimit(.minutes(5)))
struct RealDataTests {
    @Test("Real data with every codec, headers, nulls and aborted transactions; killed, restarted, stopped")
    func realData() async throws {
        try await withTwoClusters { source, target in
            let from = source.bootstrapServers
            let to = target.bootstrapServers
            var data = try await RealData(at: from, perCodec: 4_000, transactions: 30)
            let words = try await Self.words(source, perCodec: 20_000)
            var comparison = Comparison(source: from, target: to, topics: data.topics + words.topics)

            let begin = ContinuousClock.now
            var mirror = try MirrorProcess(from: from, to: to, topics: "real.*, words.*, late.*")
            try await waitForEnd(of: "A.real.zstd", at: target) { $0 > 0 }
            print("first records \(ContinuousClock.now - begin) after the start of the process")
            try await comparison.librdkafka("real data", records: data.visible + words.count, mirror: mirror)

            // Every codec is passed through without being decompressed.
            let report = try await mirror.process.line(within: .seconds(10)) { line in
                line.contains("records=\(data.visible + words.count) ") && line.contains("lag=0") ? line : nil
            }
            let fast = report.split(separator: " ").first { $0.hasPrefix("fast=") } ?? ""
            for codec in RealData.codecs { #expect(fast.contains("\(codec):"), "\(report)") }
            #expect(report.contains(" slow=0"), "\(report)")
            print("real data: \(report)")

            // Killed in the middle of new records in old and new topics, it goes on where it was: none lost, none twice.
            let late = Task {
                try await RealData(at: from, prefix: "late", perCodec: 4_000, transactions: 9)
            }
            try await waitForEnd(of: "A.late.none", at: target) { $0 > 0 }
            try await mirror.kill()
            mirror = try MirrorProcess(from: from, to: to, topics: "real.*, words.*, late.*")
            let more = try await late.value
            data.visible += more.visible
            comparison.topics += more.topics
            try await comparison.librdkafka("after a kill", records: data.visible + words.count, mirror: mirror)

            // Stopped in order and started again.
            try await mirror.stop()
            data.visible += try await RealData(at: from, prefix: "real", perCodec: 500).visible
            mirror = try MirrorProcess(from: from, to: to, topics: "real.*, words.*, late.*")
            try await comparison.librdkafka("after a restart", records: data.visible + words.count, mirror: mirror)
            try await mirror.stop()
            for version in Peers.javaVersions { try await comparison.java("real data", version: version) }
        }
    }

    @Test("Logs that cannot be passed through: append time, holes, too large batches, a deleted beginning")
    func slowPaths() async throws {
        try await withTwoClusters { source, target in
            let kinds = ["append", "compact", "large", "deleted"]
            for kind in kinds {
                for codec in RealData.codecs {
                    let configs = kind == "append" ? ["message.timestamp.type": "LogAppendTime"] : [:]
                    try await source.createTopic(TopicName("\(kind).\(codec)"), partitions: 4, configs: configs)
                    // Smaller than the batches of the source.
                    let limit = ["max.message.bytes": "20000"]
                    if kind == "large" {
                        try await target.createTopic(TopicName("A.large.\(codec)"), partitions: 4, configs: limit)
                    }
                }
            }
            var topics: [String] = []
            for kind in kinds {
                // The same keys twice: compaction leaves holes where the first were.
                for _ in 0..<(kind == "compact" ? 2 : 1) {
                    let data = try await RealData(
                        at: source.bootstrapServers,
                        prefix: kind,
                        perCodec: 3_000,
                        partitions: 4,
                        extra: ["--no-create"]
                    )
                    if kind != "compact" || !topics.contains("compact.none") { topics += data.topics }
                }
            }
            for codec in RealData.codecs {
                for partition in Int32(0)..<4 {
                    try await source.compact(TopicName("compact.\(codec)"), partition)
                    try await source.deleteRecords(TopicName("deleted.\(codec)"), partition, before: 333)
                }
            }
            let mirror = try MirrorProcess(
                from: source.bootstrapServers,
                to: target.bootstrapServers,
                topics: kinds.map { "\($0).*" }.joined(separator: ", ")
            )
            let comparison = Comparison(
                source: source.bootstrapServers,
                target: target.bootstrapServers,
                topics: topics
            )
            try await comparison.librdkafka("slow paths", records: 40_000, mirror: mirror)
            try await mirror.stop()
            try await comparison.java("slow paths", version: "4.3.0")
        }
    }

    @Test("A source behind Apache Kafka's listener with SCRAM over TLS")
    func secured() async throws {
        let certificates = try await Certificates.shared.value
        try await KafkaListener.with("SASL_SSL", ["max.reauth.ms=3000"]) { listener in
            let data = try await RealData(at: listener.directServers, perCodec: 1_000, transactions: 6)
            try await withLocalCluster { target in
                var properties = KafkaListener.login("SCRAM-SHA-512")
                properties["security.protocol"] = "SASL_SSL"
                properties.merge(certificates.trust("JKS")) { $1 }
                let mirror = try MirrorProcess(
                    from: listener.bootstrapServers,
                    to: target.bootstrapServers,
                    topics: "real.*",
                    properties: Dictionary(uniqueKeysWithValues: properties.map { ("A.\($0.key)", $0.value) })
                )
                let comparison = Comparison(
                    source: listener.directServers,
                    target: target.bootstrapServers,
                    topics: data.topics
                )
                try await comparison.librdkafka("SCRAM over TLS", records: data.visible, mirror: mirror)
                try await mirror.stop()
            }
        }
    }

    /// Words of the system's list, written by kcat with each codec; returns how many records that makes.
    private static func words(_ cluster: LocalCluster, perCodec: Int) async throws -> (topics: [String], count: Int) {
        let folder = try TemporaryFolder()
        let all = try String(contentsOf: URL(filePath: "/usr/share/dict/words"), encoding: .utf8).split(separator: "\n")
        let list = all.prefix(perCodec)
        let file = try folder.write("words", list.joined(separator: "\n") + "\n")
        var topics: [String] = []
        for codec in RealData.codecs {
            let topic = "words.\(codec)"
            try await cluster.createTopic(TopicName(topic), partitions: 8)
            let connect = ["-b", cluster.bootstrapServers, "-t", topic]
            try await Peers.kcat(["-P", "-z", codec, "-X", "enable.idempotence=true"] + connect + ["-l", file])
                .success()
            topics.append(topic)
        }
        return (topics, list.count * RealData.codecs.count)
    }
}
