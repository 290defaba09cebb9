import Foundation
import KafkaClient
import KafkaProtocol
import LocalKafka
import Logging
import NIOCore
import NIOPosix
import TestSupport

/// Runs a client for as long as `body` does; pauses are short so that tests are.
func withClient<Value>(
    of name: String = "A",
    at bootstrap: String,
    properties: [String: String] = [:],
    _ body: (KafkaClient) async throws -> Value
) async throws -> Value {
    let base = [
        "bootstrap.servers": bootstrap, "retry.backoff.ms": "20", "retry.backoff.max.ms": "200",
        "reconnect.backoff.ms": "20", "reconnect.backoff.max.ms": "200", "default.api.timeout.ms": "20000",
    ]
    let client = try KafkaClient(
        name: name,
        properties: base.merging(properties) { $1 },
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
        logger: Logger(label: "interop") { _ in SwiftLogNoOpLogHandler() }
    )
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await client.run() }
        defer { client.close() }
        return try await body(client)
    }
}

/// Runs an embedded cluster for as long as `body` does.
func withLocalCluster<Value>(
    _ configuration: LocalCluster.Configuration = LocalCluster.Configuration(),
    _ body: (LocalCluster) async throws -> Value
) async throws -> Value {
    let cluster = LocalCluster(configuration: configuration)
    try await cluster.start()
    let value: Value
    do {
        value = try await body(cluster)
    } catch {
        await cluster.stop()
        throw error
    }
    await cluster.stop()
    return value
}

/// Two clusters of three brokers each, in which nothing makes topics by accident.
func withTwoClusters(_ body: (LocalCluster, LocalCluster) async throws -> Void) async throws {
    var configuration = LocalCluster.Configuration(brokers: 3)
    configuration.autoCreateTopics = false
    try await withLocalCluster(configuration) { source in
        configuration.clusterID = "the-target"
        try await withLocalCluster(configuration) { target in
            try await body(source, target)
        }
    }
}

/// Waits until the sum of a topic's end offsets is as wanted.
func waitForEnd(
    of topic: TopicName,
    at cluster: LocalCluster,
    _ isRight: (Int64) -> Bool
) async throws {
    try await poll(within: .seconds(60), "Nothing arrives in \(topic)") {
        guard let summary = try await cluster.topic(topic) else { return false }
        return isRight(summary.partitions.reduce(0) { $0 + $1.endOffset })
    }
}

/// A folder that is gone when the last reference is.
final class TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        self.url = FileManager.default.temporaryDirectory.appending(path: "interop-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: self.url) }

    func path(_ name: String) -> String { self.url.appending(path: name).path }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: self.url.appending(path: name))
        return self.path(name)
    }
}

/// A port that nothing listens on at the moment.
func freePort() async throws -> Int {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(host: "127.0.0.1", port: 0).get()
    let port = channel.localAddress?.port
    try await channel.close()
    guard let port else { throw PeerProcess.Failure(description: "There is no free port") }
    return port
}

extension TopicPartition {
    init(_ topic: TopicName, _ partition: Int32) {
        self.init(topic: topic, partition: partition)
    }
}
