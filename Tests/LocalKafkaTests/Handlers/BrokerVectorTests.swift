import Foundation
import KafkaProtocol
import KafkaRecords
import LocalKafka
import NIOCore
import TestSupport
import Testing

/// Replays what clients asked a real broker, over the same log segments, and expects the same bytes.
@Suite struct BrokerVectorTests {
    private static func fill(_ cluster: LocalCluster) async throws {
        for line in try Vectors.lines("broker/expected.jsonl") {
            let topic = TopicName(line["topic"]?.string ?? "")
            try await cluster.createTopic(topic)
            for file in line["files"]?.array ?? [] {
                let bytes = ByteBuffer(bytes: try Vectors.data("broker/\(file.string ?? "")"))
                try await cluster.restore(bytes, to: topic, 0)
            }
            // What retention and compaction removed in front is not known from the segments alone.
            let start = try await cluster.partition(topic, 0).startOffset
            #expect(start == 0)
        }
    }

    @Test func offsetsOfTheRealBroker() async throws {
        try await withTestCluster { cluster in
            try await Self.fill(cluster)
            for line in try Vectors.lines("broker/expected.jsonl") {
                let topic = TopicName(line["topic"]?.string ?? "")
                let partition = try await cluster.partition(topic, 0)
                #expect(partition.highWatermark == line["highWatermark"]?.int64, "\(topic)")
                #expect(partition.lastStableOffset == line["lastStableOffset"]?.int64, "\(topic)")
                let batches = try await cluster.batches(topic, 0)
                #expect(batches.map(\.baseOffset) == line["batches"]?.array?.map { $0["baseOffset"]?.int64 ?? -1 })
            }
        }
    }

    @Test func listOffsetsAsTheRealBroker() async throws {
        try await withTestCluster { cluster in
            try await Self.fill(cluster)
            try await RawClient.with(cluster.address()) { client in
                var count = 0
                for line in try Vectors.lines("broker/api.jsonl") where line["api"]?.string == "ListOffsets" {
                    let version = line["version"]?.int16 ?? 0
                    try await client.postRaw(
                        ListOffsetsRequest.self,
                        version: version,
                        body: line["request"]?.hex ?? ByteBuffer()
                    )
                    let header = ListOffsetsRequest.responseHeaderVersion(for: version)
                    let (_, body) = try await client.receiveRaw(headerVersion: header)
                    #expect(body == line["response"]?.hex, "version \(version): \(line["request"]?.string ?? "")")
                    count += 1
                }
                print("api.jsonl at LocalKafka: \(count) ListOffsets cases")
                #expect(count == 33)
            }
        }
    }

    @Test func fetchAsTheRealBroker() async throws {
        try await withTestCluster { cluster in
            try await Self.fill(cluster)
            try await RawClient.with(cluster.address()) { client in
                var count = 0
                var sessionID: Int32 = 0
                for line in try Vectors.lines("broker/fetch.jsonl") {
                    let name = line["name"]?.string ?? ""
                    let version = line["version"]?.int16 ?? 0
                    guard let bytes = line["request"]?.hex, let golden = line["response"]?.hex else { continue }
                    var request = try FetchRequest.decode(exactly: bytes, version: version)
                    var expected = try FetchResponse.decode(exactly: golden, version: version)
                    try await Self.adapt(&request, &expected, line, cluster)
                    if request.sessionID != 0, !name.contains("unknown") { request.sessionID = sessionID }
                    request.maxWaitMs = min(request.maxWaitMs, 1)
                    let response = try await client.send(request, version: version)
                    if name.contains("create") { sessionID = response.sessionID }
                    expected.sessionID = response.sessionID == 0 ? 0 : sessionID
                    // Cleaning has removed the aborted records; only the broker's index still knew of them.
                    let hasIndex = !(line["topic"]?.string ?? "").contains("txn-compacted")
                    #expect(response.describe(aborted: hasIndex) == expected.describe(aborted: hasIndex), "\(name)")
                    count += 1
                }
                print("fetch.jsonl at LocalKafka: \(count) cases")
                #expect(count == 303)
            }
        }
    }

    /// Topic ids are drawn anew in every cluster.
    private static func adapt(
        _ request: inout FetchRequest,
        _ expected: inout FetchResponse,
        _ line: JSONValue,
        _ cluster: LocalCluster
    ) async throws {
        let topic = try await cluster.topic(TopicName(line["topic"]?.string ?? ""))
        for index in request.topics.indices where request.topics[index].topicID != .zero {
            if let topic { request.topics[index].topicID = topic.id }
        }
        for index in request.forgottenTopicsData.indices where request.forgottenTopicsData[index].topicID != .zero {
            if let topic { request.forgottenTopicsData[index].topicID = topic.id }
        }
        for index in expected.responses.indices where expected.responses[index].topicID != .zero {
            if let topic { expected.responses[index].topicID = topic.id }
        }
    }
}

extension FetchResponse {
    /// All that matters in one text, for comparing with a readable difference.
    fileprivate func describe(aborted hasAborted: Bool) -> String {
        let head = "error \(self.errorCode.rawValue) session \(self.sessionID)"
        return self.responses.reduce(head) { text, topic in
            topic.partitions.reduce("\(text) \(topic.topic) \(topic.topicID)") { text, partition in
                let aborted =
                    !hasAborted
                    ? ["?"] : partition.abortedTransactions.map { $0.map { "\($0.producerID)@\($0.firstOffset)" } }
                let records = partition.records?.joined()
                return text + " [\(partition.partitionIndex) error \(partition.errorCode.rawValue)"
                    + " hw \(partition.highWatermark) lso \(partition.lastStableOffset)"
                    + " start \(partition.logStartOffset) aborted \(aborted?.description ?? "null")"
                    + " epoch \(partition.divergingEpoch.epoch) leader \(partition.currentLeader.leaderID)"
                    + " replica \(partition.preferredReadReplica)"
                    + " bytes \(records?.readableBytes ?? -1) hash \(records?.hashValue ?? 0)]"
            }
        }
    }
}
