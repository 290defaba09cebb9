/// Reads record batches from partitions; waits for `minBytes` up to `maxWaitMs`.
///
/// With a session (KIP-227) only partitions whose position or settings changed need to be named.
public struct FetchRequest: KafkaRequest {
    public typealias Response = FetchResponse
    public static let apiKey = ApiKey.fetch
    public static let supportedVersions: ClosedRange<Int16> = 0...17
    public static let flexibleSince: Int16 = 12

    public var clusterID: KafkaString?
    public var replicaID: Int32 = -1
    public var replicaState = ReplicaState()
    public var maxWaitMs: Int32 = 0
    public var minBytes: Int32 = 0
    public var maxBytes: Int32 = .max
    public var isolationLevel: Int8 = 0
    public var sessionID: Int32 = 0
    public var sessionEpoch: Int32 = -1
    public var topics: [FetchTopic] = []
    public var forgottenTopicsData: [ForgottenTopic] = []
    public var rackID: KafkaString = ""

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&replicaID, "ReplicaId", until: 14, default: -1)
        try w(&maxWaitMs, "MaxWaitMs")
        try w(&minBytes, "MinBytes")
        try w(&maxBytes, "MaxBytes", since: 3, ignorable: true)
        try w(&isolationLevel, "IsolationLevel", since: 4, ignorable: true)
        try w(&sessionID, "SessionId", since: 7, ignorable: true)
        try w(&sessionEpoch, "SessionEpoch", since: 7, ignorable: true)
        try w(&topics, "Topics")
        try w(&forgottenTopicsData, "ForgottenTopicsData", since: 7)
        try w(&rackID, "RackId", since: 11, ignorable: true)
        try w.tagged { w throws(WireError) in
            try w(tag: 0, &clusterID, "ClusterId", since: 12, ignorable: true, default: nil)
            try w(tag: 1, &replicaState, "ReplicaState", since: 15)
        }
    }

    public struct ReplicaState: WireStruct {
        public var replicaID: Int32 = -1
        public var replicaEpoch: Int64 = -1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&replicaID, "ReplicaId")
            try w(&replicaEpoch, "ReplicaEpoch")
        }
    }

    public struct FetchTopic: WireStruct {
        public var topic: TopicName = ""
        public var topicID = KafkaUUID.zero
        public var partitions: [FetchPartition] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topic, "Topic", until: 12, ignorable: true)
            try w(&topicID, "TopicId", since: 13, ignorable: true)
            try w(&partitions, "Partitions")
        }
    }

    public struct FetchPartition: WireStruct {
        public var partition: Int32 = 0
        public var currentLeaderEpoch: Int32 = -1
        public var fetchOffset: Int64 = 0
        public var lastFetchedEpoch: Int32 = -1
        public var logStartOffset: Int64 = -1
        public var partitionMaxBytes: Int32 = 0
        public var replicaDirectoryID = KafkaUUID.zero

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partition, "Partition")
            try w(&currentLeaderEpoch, "CurrentLeaderEpoch", since: 9, ignorable: true)
            try w(&fetchOffset, "FetchOffset")
            try w(&lastFetchedEpoch, "LastFetchedEpoch", since: 12, default: -1)
            try w(&logStartOffset, "LogStartOffset", since: 5, ignorable: true)
            try w(&partitionMaxBytes, "PartitionMaxBytes")
            try w.tagged { w throws(WireError) in
                try w(tag: 0, &replicaDirectoryID, "ReplicaDirectoryId", since: 17, ignorable: true)
            }
        }
    }

    public struct ForgottenTopic: WireStruct {
        public var topic: TopicName = ""
        public var topicID = KafkaUUID.zero
        public var partitions: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topic, "Topic", until: 12, ignorable: true)
            try w(&topicID, "TopicId", since: 13, ignorable: true)
            try w(&partitions, "Partitions")
        }
    }
}

/// Records of the partitions asked for, with the state of each partition.
///
/// In a session (KIP-227) partitions with nothing new are left out.
public struct FetchResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...17
    public static let flexibleSince: Int16 = 12

    public var throttleTimeMs: Int32 = 0
    public var errorCode = ErrorCode.none
    public var sessionID: Int32 = 0
    public var responses: [FetchableTopicResponse] = []
    public var nodeEndpoints: [NodeEndpoint] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 1, ignorable: true)
        try w(&errorCode, "ErrorCode", since: 7, ignorable: true)
        try w(&sessionID, "SessionId", since: 7)
        try w(&responses, "Responses")
        try w.tagged { w throws(WireError) in
            try w(tag: 0, &nodeEndpoints, "NodeEndpoints", since: 16)
        }
    }

    public struct FetchableTopicResponse: WireStruct {
        public var topic: TopicName = ""
        public var topicID = KafkaUUID.zero
        public var partitions: [PartitionData] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&topic, "Topic", until: 12, ignorable: true)
            try w(&topicID, "TopicId", since: 13, ignorable: true)
            try w(&partitions, "Partitions")
        }
    }

    public struct PartitionData: WireStruct {
        public var partitionIndex: Int32 = 0
        public var errorCode = ErrorCode.none
        public var highWatermark: Int64 = 0
        public var lastStableOffset: Int64 = -1
        public var logStartOffset: Int64 = -1
        public var divergingEpoch = EpochEndOffset()
        public var currentLeader = LeaderIdAndEpoch()
        public var snapshotID = SnapshotId()
        public var abortedTransactions: [AbortedTransaction]? = []
        public var preferredReadReplica: Int32 = -1
        public var records: RecordData?

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&partitionIndex, "PartitionIndex")
            try w(&errorCode, "ErrorCode")
            try w(&highWatermark, "HighWatermark")
            try w(&lastStableOffset, "LastStableOffset", since: 4, ignorable: true)
            try w(&logStartOffset, "LogStartOffset", since: 5, ignorable: true)
            try w(&abortedTransactions, "AbortedTransactions", since: 4, ignorable: true)
            try w(&preferredReadReplica, "PreferredReadReplica", since: 11, default: -1)
            try w(&records, "Records")
            try w.tagged { w throws(WireError) in
                try w(tag: 0, &divergingEpoch, "DivergingEpoch", since: 12)
                try w(tag: 1, &currentLeader, "CurrentLeader", since: 12)
                try w(tag: 2, &snapshotID, "SnapshotId", since: 12)
            }
        }
    }

    public struct EpochEndOffset: WireStruct {
        public var epoch: Int32 = -1
        public var endOffset: Int64 = -1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&epoch, "Epoch")
            try w(&endOffset, "EndOffset")
        }
    }

    public struct LeaderIdAndEpoch: WireStruct {
        public var leaderID: Int32 = -1
        public var leaderEpoch: Int32 = -1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&leaderID, "LeaderId")
            try w(&leaderEpoch, "LeaderEpoch")
        }
    }

    public struct SnapshotId: WireStruct {
        public var endOffset: Int64 = -1
        public var epoch: Int32 = -1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&endOffset, "EndOffset")
            try w(&epoch, "Epoch")
        }
    }

    public struct AbortedTransaction: WireStruct {
        public var producerID: Int64 = 0
        public var firstOffset: Int64 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&producerID, "ProducerId")
            try w(&firstOffset, "FirstOffset")
        }
    }

    public struct NodeEndpoint: WireStruct {
        public var nodeID: Int32 = 0
        public var host: KafkaString = ""
        public var port: Int32 = 0
        public var rack: KafkaString?

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&nodeID, "NodeId")
            try w(&host, "Host")
            try w(&port, "Port")
            try w(&rack, "Rack")
        }
    }
}
