public import KafkaProtocol

/// What is known about one Kafka cluster: its brokers, its controller and its topics.
///
/// A value: snapshots are handed to readers without locks and never change under them. `apply` merges an answer of a
/// broker and says what changed. Leader epochs never go back within one incarnation of a topic, because an answer of a
/// broker that lags behind must not undo what a better informed broker said.
public struct ClusterMetadata: Sendable, Equatable {
    /// A broker and where clients reach it.
    public struct Broker: Sendable, Hashable {
        public var nodeID: Int32
        public var host: String
        public var port: Int
        public var rack: String?

        public init(nodeID: Int32, host: String, port: Int, rack: String? = nil) {
            self.nodeID = nodeID
            self.host = host
            self.port = port
            self.rack = rack
        }
    }

    /// One partition and who leads it.
    public struct Partition: Sendable, Equatable {
        public var index: Int32
        public var error: ErrorCode
        /// The broker that leads the partition; nil while there is none.
        public var leaderID: Int32?
        /// The epoch of that leadership; -1 when the broker is too old to tell.
        public var leaderEpoch: Int32
        public var replicas: [Int32]
        public var inSyncReplicas: [Int32]
        public var offlineReplicas: [Int32]

        public init(
            index: Int32,
            error: ErrorCode = .none,
            leaderID: Int32?,
            leaderEpoch: Int32 = -1,
            replicas: [Int32] = [],
            inSyncReplicas: [Int32] = [],
            offlineReplicas: [Int32] = []
        ) {
            self.index = index
            self.error = error
            self.leaderID = leaderID
            self.leaderEpoch = leaderEpoch
            self.replicas = replicas
            self.inSyncReplicas = inSyncReplicas
            self.offlineReplicas = offlineReplicas
        }
    }

    /// One topic; its partitions are in the order of their indices.
    public struct Topic: Sendable, Equatable {
        public var name: TopicName
        /// The identity of this incarnation of the topic; zero when the broker is too old to tell.
        public var topicID: KafkaUUID
        public var error: ErrorCode
        public var isInternal: Bool
        public var partitions: [Partition]

        public init(
            name: TopicName,
            topicID: KafkaUUID = .zero,
            error: ErrorCode = .none,
            isInternal: Bool = false,
            partitions: [Partition] = []
        ) {
            self.name = name
            self.topicID = topicID
            self.error = error
            self.isInternal = isInternal
            self.partitions = partitions
        }

        /// The partition with the index given, if the topic has it.
        public func partition(_ index: Int32) -> Partition? {
            // Indices are dense in practice, so the first look nearly always hits.
            if let position = Int(exactly: index), partitions.indices.contains(position),
                partitions[position].index == index
            {
                return partitions[position]
            }
            return partitions.first { $0.index == index }
        }
    }

    /// The leader of a partition as of this snapshot.
    public struct Leader: Sendable, Hashable {
        public var nodeID: Int32
        public var epoch: Int32

        public init(nodeID: Int32, epoch: Int32) {
            self.nodeID = nodeID
            self.epoch = epoch
        }
    }

    public internal(set) var clusterID: KafkaString?
    public internal(set) var controllerID: Int32?
    public internal(set) var brokers: [Int32: Broker] = [:]
    public internal(set) var topics: [TopicName: Topic] = [:]
    /// Grows with every change that `MetadataChange` reports.
    public internal(set) var revision: UInt64 = 0
    var namesByID: [KafkaUUID: TopicName] = [:]

    public init() {}

    /// Whether any broker has answered yet.
    public var isEmpty: Bool { brokers.isEmpty }

    /// The broker that leads the partition, if it is known and its address too.
    public func leader(of partition: TopicPartition) -> Leader? {
        guard let found = topics[partition.topic]?.partition(partition.partition), let leaderID = found.leaderID,
            brokers[leaderID] != nil
        else { return nil }
        return Leader(nodeID: leaderID, epoch: found.leaderEpoch)
    }

    /// The name of the topic with this id.
    public func name(of topicID: KafkaUUID) -> TopicName? {
        namesByID[topicID]
    }

    /// The topic with this id.
    public func topic(id: KafkaUUID) -> Topic? {
        namesByID[id].flatMap { topics[$0] }
    }
}
