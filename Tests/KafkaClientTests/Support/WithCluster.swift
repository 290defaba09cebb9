import KafkaClient
import KafkaProtocol
import LocalKafka
import Logging
import NIOCore
import NIOPosix

/// Runs an embedded cluster and a client of it for as long as `body` does.
func withCluster(
    brokers: Int = 1,
    properties: [String: String] = [:],
    configure: (inout LocalCluster.Configuration) -> Void = { _ in },
    _ body: (LocalCluster, KafkaClient) async throws -> Void
) async throws {
    var configuration = LocalCluster.Configuration(brokers: brokers)
    configuration.autoCreateTopics = false
    configure(&configuration)
    let cluster = LocalCluster(configuration: configuration)
    try await cluster.start()
    var all = properties
    all["bootstrap.servers"] = properties["bootstrap.servers"] ?? cluster.bootstrapServers
    all["retry.backoff.ms"] = properties["retry.backoff.ms"] ?? "10"
    all["reconnect.backoff.ms"] = properties["reconnect.backoff.ms"] ?? "5"
    all["reconnect.backoff.max.ms"] = properties["reconnect.backoff.max.ms"] ?? "20"
    all["default.api.timeout.ms"] = properties["default.api.timeout.ms"] ?? "10000"
    do {
        let client = try KafkaClient(
            name: "A",
            properties: all,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await client.run() }
            defer { client.close() }
            try await body(cluster, client)
        }
    } catch {
        await cluster.stop()
        throw error
    }
    await cluster.stop()
}

/// Waits until a condition holds, or fails after ten seconds.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(45)
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw NeverHappened(what: what) }
        try await Task.sleep(for: .milliseconds(5))
    }
}

struct NeverHappened: Error {
    var what: String
}

extension TopicPartition {
    init(_ topic: TopicName, _ partition: Int32) {
        self.init(topic: topic, partition: partition)
    }
}
