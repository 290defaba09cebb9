import KafkaClient
import KafkaProtocol
import LocalKafka
import Logging
import MirrorModel
import NIOCore
import NIOPosix
import Testing

@testable import Mirror

/// Two embedded clusters A and B, and what tests of flows between them need.
struct TwoClusters {
    let a: LocalCluster
    let b: LocalCluster
    let group: any EventLoopGroup
    let logger: Logger

    /// Runs `body` with two fresh clusters and takes everything down afterwards.
    static func run(
        brokers: Int = 1,
        targetVersions: [ApiKey: ClosedRange<Int16>?] = [:],
        _ body: (TwoClusters) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        var configuration = LocalCluster.Configuration(brokers: brokers)
        configuration.autoCreateTopics = false
        let a = LocalCluster(configuration: configuration)
        configuration.clusterID = KafkaUUID.random().description
        configuration.apiVersions = targetVersions
        let b = LocalCluster(configuration: configuration)
        try await a.start()
        try await b.start()
        let clusters = TwoClusters(a: a, b: b, group: MultiThreadedEventLoopGroup.singleton, logger: logger)
        do {
            try await body(clusters)
        } catch {
            await a.stop()
            await b.stop()
            throw error
        }
        await a.stop()
        await b.stop()
    }

    /// The configuration of a flow A->B with further lines of a properties file.
    func configuration(_ lines: String = "") throws -> MirrorConfiguration {
        try MirrorConfiguration(
            file: "test.properties",
            bytes: """
                clusters = A, B
                A.bootstrap.servers = \(a.bootstrapServers)
                B.bootstrap.servers = \(b.bootstrapServers)
                A->B.enabled = true
                emit.heartbeats.enabled = false
                emit.checkpoints.enabled = false
                kafka.mirror.discovery.interval.ms = 100
                B.offset.flush.interval.ms = 50
                \(lines)
                """.utf8
        )
    }

    func flow(_ lines: String = "") throws -> FlowConfiguration {
        try #require(try configuration(lines).flows.first)
    }

    /// Runs `body` with a client of one cluster.
    func withClient<Value: Sendable>(
        of cluster: LocalCluster,
        _ body: (KafkaClient) async throws -> Value
    ) async throws -> Value {
        let client = try KafkaClient(
            name: cluster === a ? "A" : "B",
            properties: ["bootstrap.servers": cluster.bootstrapServers],
            eventLoopGroup: group,
            logger: logger
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await client.run() }
            defer { client.close() }
            return try await body(client)
        }
    }

    /// Runs `body` beside a mirror with further lines of a properties file, and stops the mirror in order.
    func withService(_ lines: String = "", _ body: (MirrorService) async throws -> Void) async throws {
        let service = try MirrorService(
            configuration: try configuration(lines),
            eventLoopGroup: group,
            threadPool: .singleton,
            logger: logger
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await service.run() }
            defer { service.stop() }
            try await body(service)
        }
    }

    /// Appends records with these values to partition 0.
    func append(_ values: [String], to topic: TopicName, of cluster: LocalCluster) async throws {
        try await withClient(of: cluster) { client in
            _ = try await RecordAppender(client: client, topic: topic).append(
                values.enumerated().map {
                    AppendedRecord(
                        partition: 0,
                        key: ByteBuffer(string: "k\($0.offset)"),
                        value: ByteBuffer(string: $0.element),
                        timestamp: 1_700_000_000_000 + Int64($0.offset)
                    )
                }
            )
        }
    }
}

/// Waits until `condition` holds; fails the test when it does not within ten seconds.
func eventually(
    _ what: String,
    within limit: Duration = .seconds(45),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("not within \(limit): \(what)", sourceLocation: sourceLocation)
            throw TimedOut()
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

struct TimedOut: Error {}
