import KafkaCompression
import KafkaProtocol
import KafkaRecords
import LocalKafka
import NIOCore
import TestSupport
import Testing

/// What tests of `kafka-mirror run` as a process need of embedded clusters.
extension LocalCluster {
    /// A cluster in which nothing makes topics by accident.
    static func running<Value>(
        _ configure: (inout Configuration) throws -> Void = { _ in },
        _ body: (LocalCluster) async throws -> Value
    ) async throws -> Value {
        var configuration = Configuration()
        configuration.autoCreateTopics = false
        try configure(&configuration)
        return try await withLocalCluster(configuration, body)
    }

    /// Appends records with these values to partition 0, beside access control and listeners.
    func put(_ values: some Sequence<String>, in topic: TopicName) async throws {
        var builder = RecordBatchBuilder(codec: .lz4)
        for value in values { builder.append(timestamp: 1_700_000_000_000, key: nil, value: ByteBuffer(string: value)) }
        try await self.append([try builder.build(codecs: StandardCodecs())], to: topic, 0)
    }

    /// The values in partition 0 of a topic; none when there is no topic.
    func values(_ topic: TopicName) async throws -> [String] {
        guard try await self.topic(topic) != nil else { return [] }
        return try await self.records(topic, 0).map { $0.value.map { String(buffer: $0) } ?? "" }
    }

    /// Waits until partition 0 of a topic holds exactly these values.
    func holds(
        _ values: [String],
        in topic: TopicName,
        mirror: MirrorProcess,
        within limit: Duration = .seconds(60)
    ) async throws {
        try await poll(within: limit, "\(topic) does not hold \(values.count) records; \(mirror.process.output)") {
            try await self.values(topic) == values
        }
    }

    /// Gives a SCRAM user a password, as an operator does with kafka-configs.
    func setPassword(_ password: String, of user: String, _ mechanism: SASLMechanism = .scramSHA512) async throws {
        try await self.withCluster { cluster in
            cluster.credentials.scram[mechanism, default: [:]][user] = mechanism.scramSecret(
                password: password,
                salt: [1, 2, 3, 4, 5, 6, 7, 8],
                iterations: 4096
            )
        }
    }

    func allow(_ user: String, _ operation: AccessOperation, _ topic: KafkaString) async throws {
        try await self.withCluster {
            $0.access.add(AccessEntry(.allow, "User:\(user)", operation, on: .topic, topic))
        }
    }
}
