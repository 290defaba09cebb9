import KafkaProtocol
import KafkaRecords
import LocalKafka
import Logging
import MirrorModel
import NIOCore
import NIOPosix
import Testing

@testable import Mirror

/// A flow between two embedded clusters in which things go wrong, with what it logs.
struct FailureScene {
    let clusters: TwoClusters
    let log: LogLines
    let service: MirrorService

    var a: LocalCluster { clusters.a }
    var b: LocalCluster { clusters.b }

    /// - Parameters:
    ///   - a: configures cluster A.
    ///   - b: configures cluster B.
    ///   - lines: further lines of the properties file.
    ///   - prepare: runs before the flow starts.
    ///   - test: runs beside the flow.
    static func run(
        a configureA: (inout LocalCluster.Configuration) -> Void = { _ in },
        b configureB: (inout LocalCluster.Configuration) -> Void = { _ in },
        lines: (LocalCluster, LocalCluster) -> String = { _, _ in "" },
        prepare: (TwoClusters) async throws -> Void = { _ in },
        test: (FailureScene) async throws -> Void
    ) async throws {
        func cluster(_ configure: (inout LocalCluster.Configuration) -> Void) async throws -> LocalCluster {
            var configuration = LocalCluster.Configuration()
            configuration.autoCreateTopics = false
            configure(&configuration)
            let cluster = LocalCluster(configuration: configuration)
            try await cluster.start()
            return cluster
        }
        let a = try await cluster(configureA)
        let b = try await cluster(configureB)
        let log = LogLines()
        let clusters = TwoClusters(a: a, b: b, group: MultiThreadedEventLoopGroup.singleton, logger: log.logger)
        do {
            try await prepare(clusters)
            let service = try MirrorService(
                configuration: try clusters.configuration(lines(a, b)),
                eventLoopGroup: clusters.group,
                threadPool: .singleton,
                logger: log.logger
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await service.run() }
                defer { service.stop() }
                try await test(FailureScene(clusters: clusters, log: log, service: service))
            }
        } catch {
            print("what was logged:", log.all.joined(separator: "\n"), separator: "\n")
            await a.stop()
            await b.stop()
            throw error
        }
        await a.stop()
        await b.stop()
    }

    /// Waits for a line that contains all of these.
    func told(
        _ parts: String...,
        within limit: Duration = .seconds(45),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await eventually("the log tells: \(parts)", within: limit, sourceLocation: sourceLocation) {
            log.all.contains { line in parts.allSatisfy { line.contains($0) } }
        }
    }

    /// Waits until the values are in partition 0 of a topic of B.
    func mirrored(
        _ values: [String],
        to topic: TopicName,
        within limit: Duration = .seconds(45),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await eventually("\(topic) holds \(values)", within: limit, sourceLocation: sourceLocation) {
            try await clusters.mirror(topic) == values
        }
    }

    static let password = "open-sesame"

    /// The properties of a SASL user, each with `prefix.` in front.
    static func sasl(_ alias: String, user: String = "mirror", password: String = password) -> String {
        """
        \(alias).security.protocol = SASL_PLAINTEXT
        \(alias).sasl.mechanism = SCRAM-SHA-512
        \(alias).sasl.jaas.config = org.apache.kafka.common.security.scram.ScramLoginModule required \
        username="\(user)" password="\(password)";

        """
    }
}

extension LocalCluster {
    /// Appends records with these values to partition 0, beside access control and listeners.
    func put(_ values: [String], in topic: TopicName) async throws {
        var builder = RecordBatchBuilder()
        for value in values {
            builder.append(timestamp: 1_700_000_000_000, key: nil, value: ByteBuffer(string: value))
        }
        _ = try await self.append([try builder.build(codecs: nil)], to: topic, 0)
    }
}
