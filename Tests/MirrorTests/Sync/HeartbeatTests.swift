import KafkaProtocol
import KafkaRecords
import LocalKafka
import Mirror
import MirrorModel
import NIOCore
import Testing

/// Heartbeats of flows between embedded clusters, read back with the codec that the golden records test.
@Suite struct HeartbeatTests {
    @Test func aFlowSaysThatItIsThereAndItsHeartbeatsTravelOn() async throws {
        try await TwoClusters.run { clusters in
            let lines = """
                emit.heartbeats.enabled = true
                A->B.topics = t
                heartbeats.topic.replication.factor = 1
                """
            try await clusters.withService(lines) { service in
                // B->A mirrors nothing, but its heartbeats arrive at A and come to B with A's.
                #expect(service.flows.count == 1)
                try await eventually("heartbeats of both flows are there") {
                    let mirrored = try await clusters.heartbeats("A.heartbeats", at: clusters.b)
                    let own = try await clusters.heartbeats("heartbeats", at: clusters.b)
                    return mirrored.count >= 2 && own.count >= 2
                }
                let own = try await clusters.heartbeats("heartbeats", at: clusters.b)
                #expect(own.count >= 2)
                #expect(own.allSatisfy { $0.sourceAlias == "A" && $0.targetAlias == "B" })
                let mirrored = try await clusters.heartbeats("A.heartbeats", at: clusters.b)
                #expect(mirrored.allSatisfy { $0.sourceAlias == "B" && $0.targetAlias == "A" })
            }
            let topic = try #require(try await clusters.b.topic("heartbeats"))
            #expect(topic.partitions.count == 1)
            #expect(topic.configs["cleanup.policy"] == "compact")
            // The record's timestamp is the one in its value, and they come once a second.
            let records = try await clusters.b.records("heartbeats", 0)
            let times = records.map(\.timestamp)
            #expect(try await times == clusters.heartbeats("heartbeats", at: clusters.b).map(\.timestamp))
            if let first = times.first, let last = times.last {
                // A late one may be followed by one in time.
                #expect(last - first >= Int64(times.count - 2) * 1000)
            }
        }
    }

    @Test func heartbeatsAloneStopInOrderAndGoOnWhenTheirTopicIsGone() async throws {
        try await TwoClusters.run { clusters in
            let lines = "A->B.enabled = false\nA->B.emit.heartbeats.enabled = true"
            try await clusters.withService(lines) { service in
                #expect(service.flows.isEmpty)
                try await eventually("a heartbeat arrives") {
                    try await !clusters.heartbeats("heartbeats", at: clusters.b).isEmpty
                }
                try await clusters.b.deleteTopic("heartbeats")
                try await eventually("the topic is made again", within: .seconds(60)) {
                    try await !clusters.heartbeats("heartbeats", at: clusters.b).isEmpty
                }
            }
            #expect(try await clusters.a.topicNames() == [])
        }
    }
}

extension TwoClusters {
    func heartbeats(_ topic: TopicName, at cluster: LocalCluster) async throws -> [Heartbeat] {
        guard try await cluster.topic(topic) != nil else { return [] }
        return try await cluster.records(topic, 0).map { record in
            try Heartbeat(
                key: record.key?.readableBytesView ?? ByteBufferView(),
                value: record.value?.readableBytesView ?? ByteBufferView()
            )
        }
    }
}
