import KafkaClient
import KafkaNetwork
import KafkaProtocol
import LocalKafka
import TestSupport
import Testing

/// `kafka-mirror run` with clusters that speak what Kafka 2.1 spoke.
@Suite("The mirror with old brokers", .serialized, .timeLimit(.minutes(3)))
struct OldBrokerTests {
    /// The newest versions of Kafka 2.1; it knows no other API.
    private static let newest: [ApiKey: Int16] = [
        .produce: 7, .fetch: 10, .listOffsets: 4, .metadata: 7, .offsetCommit: 6, .offsetFetch: 5, .findCoordinator: 2,
        .joinGroup: 3, .heartbeat: 2, .leaveGroup: 2, .syncGroup: 2, .describeGroups: 2, .listGroups: 2,
        .saslHandshake: 1, .apiVersions: 2, .createTopics: 3, .deleteTopics: 3, .deleteRecords: 1, .initProducerID: 1,
        .offsetForLeaderEpoch: 2, .addPartitionsToTxn: 1, .addOffsetsToTxn: 1, .endTxn: 1, .txnOffsetCommit: 2,
        .describeAcls: 1, .createAcls: 1, .deleteAcls: 1, .describeConfigs: 2, .alterConfigs: 1, .saslAuthenticate: 0,
        .createPartitions: 1, .deleteGroups: 1,
    ]

    @Test("Kafka 2.1 to Kafka 2.1")
    func kafka21() async throws {
        var configuration = LocalCluster.Configuration(brokers: 2)
        configuration.autoCreateTopics = false
        for key in (Int16(0)...100).map({ ApiKey($0) }) {
            configuration.apiVersions.updateValue(Self.newest[key].map { 0...$0 }, forKey: key)
        }
        try await withLocalCluster(configuration) { source in
            try await withLocalCluster(configuration) { target in
                let from = source.bootstrapServers
                let to = target.bootstrapServers
                var data = try await RealData(at: from, perCodec: 1_500, transactions: 9)
                let comparison = Comparison(source: from, target: to, topics: data.topics)
                var mirror = try MirrorProcess(from: from, to: to, topics: "real.*")
                try await comparison.librdkafka("Kafka 2.1", records: data.visible, mirror: mirror)
                try await mirror.stop()
                data.visible += try await RealData(at: from, perCodec: 500).visible
                mirror = try MirrorProcess(from: from, to: to, topics: "real.*")
                try await comparison.librdkafka("Kafka 2.1, restarted", records: data.visible, mirror: mirror)
                try await mirror.stop()
                try await comparison.java("Kafka 2.1", version: "3.9.1")
                try await withClient(at: from) { client in
                    let connection = try await client.connection(to: 1, purpose: .control)
                    #expect(connection.apiVersions.negotiate(FetchRequest.self) == 10)
                    #expect(connection.apiVersions.negotiate(DescribeClusterRequest.self) == nil)
                }
            }
        }
    }
}
