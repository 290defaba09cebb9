import KafkaClient
import KafkaProtocol
import KafkaRecords
import LocalKafka
import Mirror
import MirrorModel
import NIOCore
import TestSupport
import Testing

@Suite struct ProgressStoreTests {
    @Test func partitionsOfKeysAreMirrorMakers() throws {
        let lines = try Vectors.lines("mirror/connect-offsets.jsonl")
        for line in lines {
            let key = try #require(line["key"]?.hex)
            #expect(defaultPartition(key: key, count: 25) == line["offsetsTopicPartition25"]?.int32)
        }
        print("partitions of progress keys: \(lines.count) cases")
    }

    @Test func theTopicIsCreatedAndProgressComesBack() async throws {
        try await TwoClusters.run { clusters in
            let flow = try clusters.flow("B.offset.storage.segment.bytes = 1048576")
            let progress = [
                TopicPartition(topic: "t", partition: 0): ProgressRecord(offset: 5, targetOffset: 3),
                TopicPartition(topic: "é\"\\", partition: 7): ProgressRecord(offset: 0),
            ]
            try await clusters.withClient(of: clusters.b) { client in
                let store = store(client, flow, clusters)
                #expect(try await store.load(deadline: .after(.seconds(10))).isEmpty)
                try await store.write([TopicPartition(topic: "t", partition: 0): .init(offset: 1)], deadline: limit)
                try await store.write(progress, deadline: limit)
            }
            let topic = try #require(try await clusters.b.topic("mm2-offsets.A.internal"))
            #expect(topic.partitions.count == 25)
            try await clusters.withClient(of: clusters.b) { client in
                let configs = await client.describeConfigs([.topic("mm2-offsets.A.internal")], deadline: limit)
                let entries = try #require(try configs[.topic("mm2-offsets.A.internal")]?.get())
                #expect(entries.first { $0.name == "cleanup.policy" }?.value == "compact")
                #expect(entries.first { $0.name == "segment.bytes" }?.value == "1048576")
                // A second process finds what the first one wrote.
                #expect(try await store(client, flow, clusters).load(deadline: limit) == progress)
            }
        }
    }

    @Test func whatMirrorMakerWroteIsReadAndWhatIsUselessIsNot() async throws {
        try await TwoClusters.run { clusters in
            let flow = try clusters.flow()
            try await clusters.b.createTopic("mm2-offsets.A.internal", partitions: 25)
            try await clusters.withClient(of: clusters.b) { client in
                func key(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }
                func name(_ topic: String) -> String {
                    #"["MirrorSourceConnector",{"cluster":"A","partition":0,"topic":"\#(topic)"}]"#
                }
                let texts: [(String, String?)] = [
                    (name("plain"), #"{"offset":123}"#),
                    (name("twice"), #"{"offset":1}"#), (name("twice"), #"{"offset":2}"#),
                    (name("deleted"), #"{"offset":1}"#), (name("deleted"), nil),
                    (name("negative"), #"{"offset":-1}"#),
                    (name("malformed"), "nonsense"),
                    (#"["MirrorSourceConnector",{"cluster":"C","partition":0,"topic":"other"}]"#, #"{"offset":1}"#),
                    (#"["Another",{"cluster":"A","partition":0,"topic":"other"}]"#, #"{"offset":1}"#),
                    ("nonsense", "nonsense"),
                ]
                try await RecordAppender(client: client, topic: "mm2-offsets.A.internal").append(
                    texts.map {
                        AppendedRecord(key: key($0.0), value: $0.1.map(key), timestamp: 1)
                    }
                )
                let loaded = try await store(client, flow, clusters).load(deadline: limit)
                #expect(
                    loaded == [
                        TopicPartition(topic: "plain", partition: 0): ProgressRecord(offset: 123),
                        TopicPartition(topic: "twice", partition: 0): ProgressRecord(offset: 2),
                    ]
                )
            }
        }
    }

    private var limit: Deadline { .after(.seconds(10)) }

    private func store(_ client: KafkaClient, _ flow: FlowConfiguration, _ clusters: TwoClusters) -> ProgressStore {
        ProgressStore(
            client: client,
            topic: flow.progressTopic,
            sourceAlias: flow.sourceAlias,
            connectorName: flow.connectorName,
            logger: clusters.logger
        )
    }
}
