/// Reads record batches from partitions; waits for `minBytes` up to `maxWaitMs`.
///
/// With a session (KIP-227) only partitions whose position or settings changed need to be named.
public struct FetchRequest: KafkaRequest {
    public typealias Response = FetchResponse
    public static let apiKey = ApiKey.fetch
    public static let supportedVersions: ClosedRange<Int16> = 0...17
    public static let flexibleSince: Int16 = 12

    /// The expected cluster, if known; used between controllers.
    public var clusterID: KafkaString?

    /// The follower that asks; -1 for consumers.
    public var replicaID: Int32 = -1

    /// The follower that asks; since version 15 instead of `replicaID` (KIP-903).
    public var replicaState = ReplicaState()

    /// How long the broker may wait for `minBytes`.
    public var maxWaitMs: Int32 = 0

    /// How much must be there before the broker answers early.
    public var minBytes: Int32 = 0

    /// How much to return; the first batch comes even when it is larger.
    public var maxBytes: Int32 = .max

    /// 0 read uncommitted, 1 read committed.
    public var isolationLevel: Int8 = 0

    /// The session to continue; 0 for none.
    public var sessionID: Int32 = 0

    /// Counts the requests of the session: 0 opens one, -1 goes without or closes it.
    public var sessionEpoch: Int32 = -1

    public var topics: [FetchTopic] = []

    /// Partitions to drop from the session.
    public var forgottenTopicsData: [ForgottenTopic] = []

    /// The consumer's rack or zone, to be sent to a replica near it (KIP-392).
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

    /// The follower that asks.
    public struct ReplicaState: WireStruct {
        /// The follower that asks; -1 for consumers.
        public var replicaID: Int32 = -1

        /// The follower's epoch; -1 for consumers.
        public var replicaEpoch: Int64 = -1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&replicaID, "ReplicaId")
            try w(&replicaEpoch, "ReplicaEpoch")
        }
    }

    /// Partitions of one topic.
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

    /// Where to read in one partition.
    public struct FetchPartition: WireStruct {
        public var partition: Int32 = 0

        /// The leader epoch that the client knows, to be told when it is out of date; -1 to skip the check (KIP-320).
        public var currentLeaderEpoch: Int32 = -1

        /// The first offset wanted; records before it may come with its batch.
        public var fetchOffset: Int64 = 0

        /// The epoch of the reader's last record, to find out whether the logs part (KIP-595); -1 for none.
        public var lastFetchedEpoch: Int32 = -1

        /// The first offset that a follower has; -1 for consumers.
        public var logStartOffset: Int64 = -1

        /// How much to return from this partition; the first batch of the response may be larger.
        public var partitionMaxBytes: Int32 = 0

        /// The directory of a follower's replica; for brokers only (KIP-853).
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

    /// Partitions of one topic that the session no longer holds.
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

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    public var errorCode = ErrorCode.none

    /// The session that the broker has opened or continued; 0 for none.
    public var sessionID: Int32 = 0

    public var responses: [FetchableTopicResponse] = []

    /// Addresses of the leaders named in `currentLeader` (KIP-951).
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

    /// The partitions of one topic.
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

    /// One partition: its records and its state.
    public struct PartitionData: WireStruct {
        public var partitionIndex: Int32 = 0
        public var errorCode = ErrorCode.none

        /// The end of what all in-sync replicas have: consumers see no further; -1 after an error.
        public var highWatermark: Int64 = 0

        /// The end of what read-committed consumers see: no open transaction begins before it.
        public var lastStableOffset: Int64 = -1

        /// The first offset that is still there; -1 when unknown.
        public var logStartOffset: Int64 = -1

        /// Where the reader's log and the leader's part, when the reader's last epoch does not match.
        public var divergingEpoch = EpochEndOffset()

        /// The leader and its epoch, if the client has addressed another broker (KIP-951).
        public var currentLeader = LeaderIdAndEpoch()

        /// The snapshot to fetch instead; between controllers only.
        public var snapshotID = SnapshotId()

        /// Transactions that were aborted in this range, for read-committed consumers; unsorted.
        ///
        /// Null at read-uncommitted.
        public var abortedTransactions: [AbortedTransaction]? = []

        /// The replica that the consumer should read from; -1 for none, that is, the leader (KIP-392).
        public var preferredReadReplica: Int32 = -1

        /// Whole batches, of which the last may be cut off and the first may begin before the offset asked for.
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

    /// The end of an epoch in the leader's log.
    public struct EpochEndOffset: WireStruct {
        public var epoch: Int32 = -1

        /// The end of the epoch; -1 when unknown.
        public var endOffset: Int64 = -1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&epoch, "Epoch")
            try w(&endOffset, "EndOffset")
        }
    }

    /// The leader that the client should turn to.
    public struct LeaderIdAndEpoch: WireStruct {
        /// The leader's broker id; -1 for none.
        public var leaderID: Int32 = -1

        /// Counts the partition's leaders; -1 when unknown.
        public var leaderEpoch: Int32 = -1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&leaderID, "LeaderId")
            try w(&leaderEpoch, "LeaderEpoch")
        }
    }

    /// A snapshot of the metadata log.
    public struct SnapshotId: WireStruct {
        /// The end of the epoch; -1 when unknown.
        public var endOffset: Int64 = -1

        public var epoch: Int32 = -1

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&endOffset, "EndOffset")
            try w(&epoch, "Epoch")
        }
    }

    /// A transaction that was aborted.
    public struct AbortedTransaction: WireStruct {
        public var producerID: Int64 = 0

        /// The first offset of the transaction in this partition.
        public var firstOffset: Int64 = 0

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&producerID, "ProducerId")
            try w(&firstOffset, "FirstOffset")
        }
    }

    /// The address of a broker.
    public struct NodeEndpoint: WireStruct {
        public var nodeID: Int32 = 0
        public var host: KafkaString = ""
        public var port: Int32 = 0

        /// The broker's rack or zone; null when not set.
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
