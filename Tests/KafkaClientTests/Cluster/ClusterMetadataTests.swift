import KafkaClient
import KafkaProtocol
import Testing

@Suite("Merging of metadata")
struct ClusterMetadataTests {
    private let id1 = KafkaUUID(high: 1, low: 1)
    private let id2 = KafkaUUID(high: 2, low: 2)

    private func response(
        brokers: [(Int32, String, Int32)] = [(1, "a", 9092), (2, "b", 9092)],
        controller: Int32 = 1,
        cluster: KafkaString? = "c1",
        _ topics: [MetadataResponse.MetadataResponseTopic] = []
    ) -> MetadataResponse {
        var response = MetadataResponse()
        response.clusterID = cluster
        response.controllerID = controller
        response.brokers = brokers.map { id, host, port in
            var broker = MetadataResponse.MetadataResponseBroker()
            broker.nodeID = id
            broker.host = KafkaString(host)
            broker.port = port
            return broker
        }
        response.topics = topics
        return response
    }

    private func topic(
        _ name: TopicName,
        id: KafkaUUID = .zero,
        error: ErrorCode = .none,
        _ leaders: [(leader: Int32, epoch: Int32)] = []
    ) -> MetadataResponse.MetadataResponseTopic {
        var topic = MetadataResponse.MetadataResponseTopic()
        topic.name = name
        topic.topicID = id
        topic.errorCode = error
        topic.partitions = leaders.enumerated().map { index, entry in
            var partition = MetadataResponse.MetadataResponsePartition()
            partition.partitionIndex = Int32(index)
            partition.leaderID = entry.leader
            partition.leaderEpoch = entry.epoch
            partition.replicaNodes = [1, 2]
            partition.isrNodes = [1, 2]
            if entry.leader < 0 { partition.errorCode = .leaderNotAvailable }
            return partition
        }
        return topic
    }

    private func partition(_ topic: TopicName, _ index: Int32) -> TopicPartition {
        TopicPartition(topic: topic, partition: index)
    }

    @Test("The first answer adds everything")
    func firstAnswer() {
        var metadata = ClusterMetadata()
        #expect(metadata.isEmpty)
        let change = metadata.apply(response([topic("t", id: id1, [(1, 3), (2, 4)])]), scope: .all)
        #expect(change.addedTopics == ["t"])
        #expect(change.addedPartitions == [partition("t", 0), partition("t", 1)])
        #expect(change.movedLeaders == [partition("t", 0), partition("t", 1)])
        #expect(change.changedBrokers == [1, 2])
        #expect(change.controllerChanged)
        #expect(!change.clusterIDChanged)
        #expect(metadata.leader(of: partition("t", 1)) == .init(nodeID: 2, epoch: 4))
        #expect(metadata.name(of: id1) == "t")
        #expect(metadata.clusterID == "c1")
        #expect(metadata.revision == 1)
    }

    @Test("The same answer again changes nothing")
    func sameAnswer() {
        var metadata = ClusterMetadata()
        let answer = response([topic("t", id: id1, [(1, 3)])])
        _ = metadata.apply(answer, scope: .all)
        #expect(metadata.apply(answer, scope: .all).isEmpty)
        #expect(metadata.revision == 1)
    }

    @Test("What changes beside the leader is taken over")
    func replicas() {
        var metadata = ClusterMetadata()
        var answer = response([topic("t", id: id1, [(1, 3), (2, 4)])])
        _ = metadata.apply(answer, scope: .all)
        answer.topics[0].partitions[1].isrNodes = [2]
        answer.topics[0].partitions[1].offlineReplicas = [1]
        #expect(metadata.apply(answer, scope: .all).isEmpty)
        #expect(metadata.topics["t"]?.partition(1)?.inSyncReplicas == [2])
        #expect(metadata.topics["t"]?.partition(1)?.offlineReplicas == [1])
        answer.topics[0].partitions.removeLast()
        _ = metadata.apply(answer, scope: .all)
        #expect(metadata.topics["t"]?.partitions.map(\.index) == [0])
    }

    @Test("A leader epoch never goes back")
    func staleEpoch() {
        var metadata = ClusterMetadata()
        _ = metadata.apply(response([topic("t", id: id1, [(1, 5)])]), scope: .all)
        let change = metadata.apply(response([topic("t", id: id1, [(2, 4)])]), scope: .all)
        #expect(change.isEmpty)
        #expect(metadata.leader(of: partition("t", 0)) == .init(nodeID: 1, epoch: 5))
        let newer = metadata.apply(response([topic("t", id: id1, [(2, 6)])]), scope: .all)
        #expect(newer.movedLeaders == [partition("t", 0)])
        #expect(metadata.leader(of: partition("t", 0)) == .init(nodeID: 2, epoch: 6))
    }

    @Test("Brokers without leader epochs are believed")
    func noEpochs() {
        var metadata = ClusterMetadata()
        _ = metadata.apply(response([topic("t", [(1, -1)])]), scope: .all)
        let change = metadata.apply(response([topic("t", [(2, -1)])]), scope: .all)
        #expect(change.movedLeaders == [partition("t", 0)])
        #expect(metadata.leader(of: partition("t", 0))?.nodeID == 2)
    }

    @Test("Another topic id means deleted and created again, and epochs begin anew")
    func recreatedTopic() {
        var metadata = ClusterMetadata()
        _ = metadata.apply(response([topic("t", id: id1, [(1, 50), (1, 50)])]), scope: .all)
        let change = metadata.apply(response([topic("t", id: id2, [(2, 0)])]), scope: .some)
        #expect(change.recreatedTopics == ["t"])
        #expect(change.addedPartitions == [partition("t", 0)])
        #expect(metadata.leader(of: partition("t", 0)) == .init(nodeID: 2, epoch: 0))
        #expect(metadata.leader(of: partition("t", 1)) == nil)
        #expect(metadata.name(of: id1) == nil)
        #expect(metadata.topic(id: id2)?.name == "t")
    }

    @Test("A full answer removes topics, a partial one does not")
    func scopes() {
        var metadata = ClusterMetadata()
        _ = metadata.apply(response([topic("a", id: id1, [(1, 0)]), topic("b", id: id2, [(1, 0)])]), scope: .all)
        #expect(metadata.apply(response([topic("a", id: id1, [(1, 0)])]), scope: .some).isEmpty)
        let change = metadata.apply(response([topic("a", id: id1, [(1, 0)])]), scope: .all)
        #expect(change.removedTopics == ["b"])
        #expect(metadata.topics["b"] == nil)
        #expect(metadata.name(of: id2) == nil)
    }

    @Test("An unknown topic is removed, and comes back as a new one")
    func unknownTopic() {
        var metadata = ClusterMetadata()
        _ = metadata.apply(response([topic("t", id: id1, [(1, 9)])]), scope: .all)
        let gone = metadata.apply(response([topic("t", error: .unknownTopicOrPartition)]), scope: .some)
        #expect(gone.removedTopics == ["t"])
        #expect(metadata.leader(of: partition("t", 0)) == nil)
        #expect(metadata.topics["t"]?.error == .unknownTopicOrPartition)
        let again = metadata.apply(response([topic("t", error: .unknownTopicOrPartition)]), scope: .some)
        #expect(again.isEmpty)
        let back = metadata.apply(response([topic("t", id: id2, [(1, 0)])]), scope: .some)
        #expect(back.addedTopics == ["t"])
        #expect(metadata.leader(of: partition("t", 0)) == .init(nodeID: 1, epoch: 0))
    }

    @Test("Other errors of a topic leave its partitions as they were")
    func topicError() {
        var metadata = ClusterMetadata()
        _ = metadata.apply(response([topic("t", id: id1, [(1, 9)])]), scope: .all)
        let change = metadata.apply(response([topic("t", error: .leaderNotAvailable)]), scope: .some)
        #expect(change.isEmpty)
        #expect(metadata.topics["t"]?.error == .leaderNotAvailable)
        #expect(metadata.leader(of: partition("t", 0))?.epoch == 9)
    }

    @Test("A partition can lose its leader and get one in a later epoch")
    func lostLeader() {
        var metadata = ClusterMetadata()
        _ = metadata.apply(response([topic("t", id: id1, [(1, 1)])]), scope: .all)
        let lost = metadata.apply(response([topic("t", id: id1, [(-1, 2)])]), scope: .all)
        #expect(lost.movedLeaders == [partition("t", 0)])
        #expect(metadata.leader(of: partition("t", 0)) == nil)
        #expect(metadata.topics["t"]?.partition(0)?.error == .leaderNotAvailable)
    }

    @Test("Leaders named in other answers count when they are newer")
    func namedLeader() {
        var metadata = ClusterMetadata()
        _ = metadata.apply(response([topic("t", id: id1, [(1, 5)])]), scope: .all)
        let id = partition("t", 0)
        #expect(metadata.applyLeader(.init(nodeID: 2, epoch: 5), of: id).isEmpty)
        #expect(metadata.applyLeader(.init(nodeID: 2, epoch: 4), of: id).isEmpty)
        #expect(metadata.applyLeader(.init(nodeID: -1, epoch: -1), of: id).isEmpty)
        #expect(metadata.applyLeader(.init(nodeID: 2, epoch: 6), of: partition("t", 7)).isEmpty)
        // A broker nobody knows the address of cannot be asked.
        #expect(metadata.applyLeader(.init(nodeID: 3, epoch: 6), of: id).isEmpty)
        let change = metadata.applyLeader(
            .init(nodeID: 3, epoch: 6),
            of: id,
            endpoints: [.init(nodeID: 3, host: "c", port: 9093)]
        )
        #expect(change.movedLeaders == [id])
        #expect(change.changedBrokers == [3])
        #expect(metadata.leader(of: id) == .init(nodeID: 3, epoch: 6))
        // Metadata from before the move does not undo it.
        let stale = response(
            brokers: [(1, "a", 9092), (2, "b", 9092), (3, "c", 9093)],
            [topic("t", id: id1, [(1, 5)])]
        )
        #expect(metadata.apply(stale, scope: .all).isEmpty)
    }

    @Test("Moved, new and lost brokers and another cluster are reported")
    func brokers() {
        var metadata = ClusterMetadata()
        _ = metadata.apply(response(), scope: .all)
        let change = metadata.apply(
            response(brokers: [(1, "a", 9999), (3, "c", 9092)], controller: 3, cluster: "c2"),
            scope: .all
        )
        #expect(change.changedBrokers == [1, 3])
        #expect(change.removedBrokers == [2])
        #expect(change.controllerChanged)
        #expect(change.clusterIDChanged)
        #expect(metadata.controllerID == 3)
    }

    @Test("An answer without brokers does not make us forget them")
    func noBrokers() {
        var metadata = ClusterMetadata()
        _ = metadata.apply(response(), scope: .all)
        let change = metadata.apply(response(brokers: [], controller: 1), scope: .all)
        #expect(change.isEmpty)
        #expect(metadata.brokers.count == 2)
    }

    @Test("Brokers nobody can reach and partitions named twice are left out")
    func nonsense() throws {
        var metadata = ClusterMetadata()
        var answer = MetadataResponse()
        answer.brokers = [("a", 9_092), ("b", 0), ("c", -1), ("d", 65_536), ("", 9_092)].enumerated().map { id, place in
            .with { ($0.nodeID, $0.host, $0.port) = (Int32(id), KafkaString(place.0), Int32(place.1)) }
        }
        answer.topics = [
            .with {
                $0.name = "t"
                $0.partitions = [2, 0, 0, -1, 1, 2, .min, 7].map { index in
                    .with { ($0.partitionIndex, $0.leaderID) = (index, 0) }
                }
            }
        ]
        _ = metadata.apply(answer, scope: .all)
        #expect(metadata.brokers.keys.sorted() == [0])
        #expect(metadata.topics["t"]?.partitions.map(\.index) == [0, 1, 2, 7])
        // A broker that is starting up must not make us forget where it was.
        answer.brokers[0].port = -1
        _ = metadata.apply(answer, scope: .all)
        #expect(metadata.brokers[0]?.port == 9_092)
    }

    @Test("Names compare by bytes")
    func names() {
        let composed = TopicName("caf\u{e9}")
        let decomposed = TopicName("cafe\u{301}")
        var metadata = ClusterMetadata()
        let change = metadata.apply(
            response([topic(composed, id: id1, [(1, 0)]), topic(decomposed, id: id2, [(2, 0)])]),
            scope: .all
        )
        #expect(change.addedTopics.count == 2)
        #expect(metadata.leader(of: partition(composed, 0))?.nodeID == 1)
        #expect(metadata.leader(of: partition(decomposed, 0))?.nodeID == 2)
    }
}
