import KafkaClient
import KafkaProtocol
import MirrorModel
import Testing

@testable import Mirror

@Suite struct TopicDiscoveryTests {
    private let start = ContinuousClock.now

    private func discovery(_ topics: [String] = [".*"]) throws -> TopicDiscovery {
        TopicDiscovery(
            selection: TopicSelection(
                sourceAlias: "A",
                targetAlias: "B",
                policy: ReplicationPolicy(kind: .prefixing),
                filter: try NameFilter(include: topics, exclude: [])
            )
        )
    }

    private func look(
        _ discovery: inout TopicDiscovery,
        source: ClusterMetadata,
        target: ClusterMetadata,
        now: ContinuousClock.Instant
    ) -> TopicDiscovery.Outcome {
        discovery.look(source: source, target: target, now: now)
    }

    /// The metadata of a cluster with these topics.
    private func cluster(_ topics: [String: Int], ids: [String: UInt64] = [:]) -> ClusterMetadata {
        var response = MetadataResponse()
        var broker = MetadataResponse.MetadataResponseBroker()
        broker.nodeID = 1
        broker.host = "localhost"
        broker.port = 9092
        response.brokers = [broker]
        response.topics = topics.map { name, count in
            var topic = MetadataResponse.MetadataResponseTopic()
            topic.name = TopicName(name)
            topic.topicID = KafkaUUID(high: 1, low: ids[name] ?? 1)
            topic.partitions = (0..<count).map { index in
                var partition = MetadataResponse.MetadataResponsePartition()
                partition.partitionIndex = Int32(index)
                partition.leaderID = 1
                return partition
            }
            return topic
        }
        var metadata = ClusterMetadata()
        _ = metadata.apply(response, scope: .all)
        return metadata
    }

    @Test func clustersThatHaveNotChangedAreNotComparedAgain() throws {
        var discovery = try discovery()
        let (source, target) = (cluster(["t": 2]), cluster(["A.t": 2]))
        #expect(discovery.look(source: source, target: target, now: start).added.count == 2)
        #expect(!discovery.isSettled, "the partitions of the last look may be given back")
        #expect(discovery.look(source: source, target: target, now: start) == TopicDiscovery.Outcome())
        #expect(discovery.isSettled)
        discovery.giveBack([])
        #expect(discovery.isSettled)
        discovery.giveBack([TopicPartition(topic: "t", partition: 1)])
        #expect(!discovery.isSettled)
        #expect(discovery.look(source: source, target: target, now: start).added.map(\.source.partition) == [1])
    }

    @Test func aNewTopicIsCreatedThenMirrored() throws {
        var discovery = try discovery()
        let first = discovery.look(source: cluster(["t": 2]), target: cluster([:]), now: start)
        #expect(first.creations.map(\.target) == ["A.t"])
        #expect(first.added.isEmpty)
        discovery.succeeded("t")
        let second = discovery.look(source: cluster(["t": 2]), target: cluster(["A.t": 2]), now: start)
        #expect(second.creations.isEmpty)
        #expect(second.added.map(\.source.partition) == [0, 1])
        let third = discovery.look(source: cluster(["t": 2]), target: cluster(["A.t": 2]), now: start)
        #expect(third == TopicDiscovery.Outcome())
        let grown = discovery.look(source: cluster(["t": 3]), target: cluster(["A.t": 2]), now: start)
        #expect(grown.increases.map(\.partitionCount) == [3])
        #expect(grown.removed.isEmpty)
        #expect(discovery.initial == [.init(topic: "t", partition: 0), .init(topic: "t", partition: 1)])
    }

    @Test func gapsInMetadataDoNotEndATopicButItsDeletionDoes() throws {
        var discovery = try discovery()
        let source = cluster(["t": 1, "u": 1])
        let target = cluster(["A.t": 1, "A.u": 1])
        #expect(look(&discovery, source: source, target: target, now: start).added.count == 2)
        let without = cluster(["u": 1])
        #expect(look(&discovery, source: without, target: target, now: start).removed.isEmpty)
        #expect(look(&discovery, source: source, target: target, now: start) == TopicDiscovery.Outcome())
        #expect(look(&discovery, source: without, target: target, now: start).removed.isEmpty)
        #expect(look(&discovery, source: without, target: target, now: start).removed.map(\.source.topic) == ["t"])
        #expect(discovery.current.keys.map(\.topic) == ["u"])
    }

    @Test func aRecreatedTopicIsSeenAtOnce() throws {
        var discovery = try discovery()
        let target = cluster(["A.t": 1])
        _ = discovery.look(source: cluster(["t": 1], ids: ["t": 1]), target: target, now: start)
        let outcome = discovery.look(source: cluster(["t": 1], ids: ["t": 2]), target: target, now: start)
        #expect(outcome.removed.count == 1 && outcome.added.count == 1)
        #expect(outcome.added.first?.sourceTopicID == KafkaUUID(high: 1, low: 2))
    }

    @Test func aVanishedMirrorIsStoppedBeforeItIsMadeAgain() throws {
        var discovery = try discovery()
        let source = cluster(["t": 1])
        _ = discovery.look(source: source, target: cluster(["A.t": 1], ids: ["A.t": 1]), now: start)
        #expect(look(&discovery, source: source, target: cluster([:]), now: start) == TopicDiscovery.Outcome())
        let second = discovery.look(source: source, target: cluster([:]), now: start)
        #expect(second.removed.map(\.source.topic) == ["t"])
        #expect(second.creations.map(\.target) == ["A.t"])
        let third = discovery.look(source: source, target: cluster(["A.t": 1], ids: ["A.t": 2]), now: start)
        #expect(third.added.map(\.targetTopicID) == [KafkaUUID(high: 1, low: 2)])
    }

    @Test func aTopicThatFailsWaitsAloneAndLongerEachTime() throws {
        var discovery = try discovery()
        let source = cluster(["bad": 1, "good": 1])
        let target = cluster([:])
        #expect(look(&discovery, source: source, target: target, now: start).creations.count == 2)
        let isNew = discovery.failed("bad", reason: "no", nextStep: "ask", now: start)
        let isNewAgain = discovery.failed("bad", reason: "no", nextStep: "ask", now: start)
        #expect(isNew && !isNewAgain)
        #expect(discovery.waiting == [WaitingTopic(topic: "bad", reason: "no", nextStep: "ask")])
        let soon = discovery.look(source: source, target: target, now: start + .seconds(1))
        #expect(soon.creations.map(\.source) == ["good"])
        let later = discovery.look(source: source, target: target, now: start + .seconds(2))
        #expect(later.creations.map(\.source) == ["bad", "good"])
        for _ in 0..<40 { _ = discovery.failed("bad", reason: "no", nextStep: nil, now: start) }
        #expect(
            look(&discovery, source: source, target: target, now: start + .seconds(30)).creations.count == 2
        )
        discovery.succeeded("bad")
        #expect(discovery.waiting.isEmpty)
    }

    @Test func whatCannotBeMirroredIsNotTouched() throws {
        var discovery = try discovery(["t.*"])
        let source = cluster(["t": 1, "other": 1, "B.t": 1, "__x": 1, "t.internal": 1, "heartbeats": 1])
        let outcome = discovery.look(source: source, target: cluster([:]), now: start)
        #expect(outcome.creations.map(\.target) == ["A.heartbeats", "A.t"])
        #expect(discovery.topicCount == 2)
    }
}
