import KafkaClient
import KafkaCompression
import KafkaProtocol
import KafkaRecords
import LocalKafka
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import Mirror

/// Two embedded clusters and a shard between them.
struct ShardHarness {
    let source: LocalCluster
    let target: LocalCluster
    let shard: Shard

    struct TimedOut: Error, CustomStringConvertible {
        var description: String
    }

    /// Runs a test body with everything started, and takes it all down afterwards.
    static func run(
        sourceBrokers: Int = 1,
        targetBrokers: Int = 1,
        configure: (inout ShardConfiguration) -> Void = { _ in },
        cluster: (inout LocalCluster.Configuration) -> Void = { _ in },
        _ body: @escaping @Sendable (ShardHarness) async throws -> Void
    ) async throws {
        var logger = Logger(label: "shard-tests", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .critical
        var sourceConfiguration = LocalCluster.Configuration(clusterID: "source", brokers: sourceBrokers)
        var targetConfiguration = LocalCluster.Configuration(clusterID: "target", brokers: targetBrokers)
        sourceConfiguration.defaultReplicationFactor = 3
        targetConfiguration.defaultReplicationFactor = 3
        targetConfiguration.autoCreateTopics = false
        cluster(&sourceConfiguration)
        cluster(&targetConfiguration)
        let source = LocalCluster(configuration: sourceConfiguration)
        let target = LocalCluster(configuration: targetConfiguration)
        try await source.start()
        try await target.start()
        let group = MultiThreadedEventLoopGroup.singleton
        let properties = ["reconnect.backoff.ms": "10", "reconnect.backoff.max.ms": "50", "retry.backoff.ms": "20"]
        let sourceClient = try KafkaClient(
            name: "A",
            properties: properties.merging(["bootstrap.servers": source.bootstrapServers]) { $1 },
            eventLoopGroup: group,
            logger: logger
        )
        let targetClient = try KafkaClient(
            name: "B",
            properties: properties.merging(["bootstrap.servers": target.bootstrapServers]) { $1 },
            eventLoopGroup: group,
            logger: logger
        )
        var configuration = ShardConfiguration(sourceAlias: "A", targetAlias: "B")
        configuration.fetch.maximumWait = .milliseconds(100)
        configuration.fetch.retryBackoff = .milliseconds(10)
        configuration.fetch.blockedBackoffMaximum = .milliseconds(200)
        configuration.produce.retryBackoff = .milliseconds(10)
        configuration.flow.quarantinePause = .milliseconds(50)
        configure(&configuration)
        let shard = Shard(
            source: sourceClient,
            target: targetClient,
            configuration: configuration,
            eventLoop: group.next(),
            threadPool: .singleton,
            logger: logger
        )
        let harness = ShardHarness(source: source, target: target, shard: shard)
        let outcome = await withTaskGroup(of: Result<Void, any Error>?.self) { tasks in
            tasks.addTask {
                await sourceClient.run()
                return nil
            }
            tasks.addTask {
                await targetClient.run()
                return nil
            }
            tasks.addTask {
                do {
                    try await body(harness)
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
            var outcome: Result<Void, any Error> = .success(())
            for await result in tasks {
                guard let result else { continue }
                outcome = result
                await shard.drain(patience: .seconds(1))
                sourceClient.close()
                targetClient.close()
            }
            return outcome
        }
        await source.stop()
        await target.stop()
        try outcome.get()
    }

    /// Assigns all partitions of a topic, from the beginning.
    func mirror(_ topic: TopicName, partitions: Int32 = 1) async throws {
        let id = try await self.source.topic(topic)?.id ?? .zero
        self.shard.assign(
            (0..<partitions).map {
                let partition = TopicPartition(topic: topic, partition: $0)
                return PartitionAssignment(source: partition, sourceTopicID: id, target: partition, start: .offset(0))
            }
        )
    }

    /// Waits until a condition holds.
    func wait(
        _ what: String,
        seconds: Int = 15,
        _ condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            if try await condition() { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        let status = await self.shard.status()
        throw TimedOut(description: "waited in vain for \(what); \(status)")
    }

    /// Waits until the position has reached the source's end.
    func waitUntilMirrored(_ topic: TopicName, partitions: Int32 = 1) async throws {
        try await self.wait("the end of \(topic)") {
            let positions = await self.shard.positions()
            for index in 0..<partitions {
                let end = try await self.source.partition(topic, index).endOffset
                let partition = TopicPartition(topic: topic, partition: index)
                guard positions[partition]?.sourceOffset == end - 1 else { return false }
            }
            return true
        }
    }

    /// The parts of a record that must arrive.
    struct Content: Hashable {
        var key: ByteBuffer?
        var value: ByteBuffer?
        var headers: [RecordHeader]
        var timestamp: Int64

        init(key: ByteBuffer?, value: ByteBuffer?, headers: [RecordHeader], timestamp: Int64) {
            self.key = key
            self.value = value
            self.headers = headers
            self.timestamp = timestamp
        }

        init(_ record: Record) {
            self.key = record.key
            self.value = record.value
            self.headers = record.headers
            self.timestamp = record.timestamp
        }
    }

    func contents(_ cluster: LocalCluster, _ topic: TopicName, _ partition: Int32 = 0) async throws -> [Content] {
        try await cluster.records(topic, partition).map(Content.init)
    }

    /// Expects that both sides hold the same records.
    func expectEqual(_ topic: TopicName, partitions: Int32 = 1) async throws {
        for index in 0..<partitions {
            let source = try await self.contents(self.source, topic, index)
            let target = try await self.contents(self.target, topic, index)
            let isSame = source == target
            #expect(isSame, "\(topic)-\(index): \(source.count) and \(target.count) records")
        }
    }

    /// A batch of numbered records with keys, headers and nulls.
    static func batch(
        _ numbers: Range<Int>,
        codec: CompressionCodec = .none,
        padding: Int = 0
    ) throws -> ByteBuffer {
        var builder = RecordBatchBuilder(codec: codec)
        for number in numbers {
            builder.append(
                timestamp: 1_700_000_000_000 + Int64(number),
                key: number % 3 == 0 ? nil : ByteBuffer(string: "key \(number)"),
                value: number % 5 == 0
                    ? nil : ByteBuffer(string: "value \(number) " + String(repeating: "x", count: padding)),
                headers: number % 2 == 0 ? [] : [RecordHeader(key: "h", value: ByteBuffer(integer: Int64(number)))]
            )
        }
        return try builder.build(codecs: StandardCodecs())
    }
}
