import KafkaClient
import KafkaProtocol
import NIOCore

/// Just enough of a Kafka cluster to run the machines against: logs, leaders and their epochs, topic ids, fetch
/// sessions, transactions, and the sequence checks of idempotent producers.
struct ModelCluster {
    struct Topic {
        var id: KafkaUUID
        var logs: [ModelLog]
    }

    struct Session {
        var id: Int32
        var epoch: Int32
        var usesIDs: Bool
        var partitions: [SessionKey: FetchRequest.FetchPartition] = [:]
    }

    struct SessionKey: Hashable, Comparable {
        var topic: TopicName
        var id: KafkaUUID
        var index: Int32

        static func < (a: Self, b: Self) -> Bool {
            (a.topic, a.id.high, a.id.low, a.index) < (b.topic, b.id.high, b.id.low, b.index)
        }
    }

    let nodes: [Int32]
    var topics: [TopicName: Topic] = [:]
    var sessions: [Int32: [Int32: Session]] = [:]
    var nextSession: Int32 = 1
    var nextProducerID: Int64 = 1_000
    var transactions: [KafkaString: Transaction] = [:]
    /// As brokers do since KIP-890: a batch has to belong to the open transaction of its producer.
    var verifiesTransactions = false
    private var nextTopicID: UInt64 = 1

    init(nodes: [Int32]) {
        self.nodes = nodes
    }

    @discardableResult
    mutating func createTopic(_ name: TopicName, partitions: Int) -> KafkaUUID {
        nextTopicID += 1
        let id = KafkaUUID(high: UInt64(nodes[0]), low: nextTopicID)
        let logs = (0..<partitions).map { ModelLog(leader: nodes[$0 % nodes.count]) }
        topics[name] = Topic(id: id, logs: logs)
        return id
    }

    subscript(_ partition: TopicPartition) -> ModelLog? {
        get {
            guard let topic = topics[partition.topic], topic.logs.indices.contains(Int(partition.partition)) else {
                return nil
            }
            return topic.logs[Int(partition.partition)]
        }
        _modify {
            var log = self[partition]
            // Taken out while it is changed, or every change would copy the whole log.
            if log != nil { topics[partition.topic]?.logs[Int(partition.partition)] = ModelLog(leader: -1) }
            yield &log
            if let log { topics[partition.topic]?.logs[Int(partition.partition)] = log }
        }
    }

    func topicID(of name: TopicName) -> KafkaUUID { topics[name]?.id ?? .zero }

    func name(of id: KafkaUUID) -> TopicName? {
        for (name, topic) in topics where topic.id == id { return name }
        return nil
    }

    mutating func moveLeader(_ partition: TopicPartition, to node: Int32, now: NIODeadline, lag: TimeAmount) {
        guard let log = self[partition] else { return }
        self[partition]?.before = (log.leader, log.epoch, now + lag)
        self[partition]?.elect(node)
    }

    /// What metadata say; those of a broker that lags behind say what was before.
    func leader(of partition: TopicPartition, now: NIODeadline, lags: Bool) -> PartitionLeader? {
        guard let log = self[partition] else { return nil }
        if lags, let before = log.before, before.until > now {
            return PartitionLeader(node: before.leader, epoch: before.epoch, topicID: topicID(of: partition.topic))
        }
        return PartitionLeader(node: log.leader, epoch: log.epoch, topicID: topicID(of: partition.topic))
    }
}
