import Foundation
import KafkaProtocol
import LocalKafka
import TestSupport
import Testing

/// Other people's clients use an embedded cluster of three brokers: produce, groups, transactions, administration.
@Suite("Foreign clients on LocalKafka", .serialized)
struct LocalKafkaClientTests {
    @Test("Apache Kafka's Java clients", arguments: Peers.javaVersions)
    func java(version: String) async throws {
        try await withCluster { cluster in
            let output = try await Peers.java("Exercise", version: version, [cluster.bootstrapServers]).success()
            #expect(output.contains("all checks passed with Java client \(version)"))
        }
    }

    @Test("confluent-kafka on librdkafka 2.16")
    func confluent() async throws {
        try await withCluster { cluster in
            let output = try await Peers.python("exercise_confluent", ["--bootstrap", cluster.bootstrapServers])
                .success()
            #expect(output.contains("9 checks passed"))
        }
    }

    @Test("kafka-python 3")
    func kafkaPython() async throws {
        try await withCluster { cluster in
            let output = try await Peers.python("exercise_kafka_python", ["--bootstrap", cluster.bootstrapServers])
                .success()
            #expect(output.contains("4 checks passed"))
        }
    }

    @Test("kcat on librdkafka 2.0.2", arguments: ["none", "gzip", "snappy", "lz4", "zstd"])
    func kcat(codec: String) async throws {
        try await withCluster { cluster in
            try await cluster.createTopic("words", partitions: 3)
            let connect = ["-b", cluster.bootstrapServers, "-t", "words"]
            let words = URL(filePath: "/usr/share/dict/words")
            let count = try String(contentsOf: words, encoding: .utf8).split(separator: "\n").count
            let producer = try Peers.kcat(
                ["-P", "-z", codec, "-X", "enable.idempotence=true"] + connect + ["-l", words.path]
            )
            try await producer.success()
            let consumer = try Peers.kcat(["-C", "-e", "-q", "-o", "beginning"] + connect)
            let output = try await consumer.success()
            #expect(output.split(separator: "\n").count == count)
            let member = try Peers.kcat(
                ["-e", "-q", "-X", "auto.offset.reset=earliest"] + [
                    "-b", cluster.bootstrapServers, "-G", "readers", "words",
                ]
            )
            #expect(try await member.success().split(separator: "\n").filter { !$0.hasPrefix("%") }.count == count)
            // One transaction around everything, seen by a committed reader.
            try await cluster.createTopic("transaction")
            let transaction = ["-b", cluster.bootstrapServers, "-t", "transaction"]
            try await Peers.kcat(
                ["-P", "-z", codec, "-X", "transactional.id=kcat-\(codec)"] + transaction + ["-l", words.path]
            ).success()
            let committed = try await Peers.kcat(
                ["-C", "-e", "-q", "-o", "beginning", "-X", "isolation.level=read_committed"] + transaction
            ).success()
            #expect(committed.split(separator: "\n").count == count)
            let listing = try await Peers.kcat(["-L", "-b", cluster.bootstrapServers]).success()
            #expect(listing.contains("topic \"words\" with 3 partitions"))
        }
    }

    private func withCluster(_ body: (LocalCluster) async throws -> Void) async throws {
        var configuration = LocalCluster.Configuration(brokers: 3)
        configuration.authorization = true
        configuration.allowEveryoneIfNoACL = true
        configuration.superUsers = ["User:ANONYMOUS"]
        let cluster = LocalCluster(configuration: configuration)
        try await cluster.start()
        do {
            try await body(cluster)
        } catch {
            await cluster.stop()
            throw error
        }
        await cluster.stop()
    }
}
