/// Appends record batches to partitions; goes to their leaders.
///
/// One batch per partition. With `acks` 0 there is no response.
public struct ProduceRequest: KafkaRequest {
    public typealias Response = ProduceResponse
    public static let apiKey = ApiKey.produce
    public static let supportedVersions: ClosedRange<Int16> = 0...11
    public static let flexibleSince: Int16 = 9

    /// Set if any batch is transactional.
    public var transactionalID: KafkaString?

    /// How many replicas must have the records: 0 none (no response), 1 the leader, -1 all in sync.
    public var acks: Int16 = 0

    /// How long the leader waits for the other replicas.
    public var timeoutMs: Int32 = 0

    public var topicData: [TopicProduceData] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&transactionalID, "TransactionalId", since: 3, default: nil)
        try w(&acks, "Acks")
        try w(&timeoutMs, "TimeoutMs")
        try w(&topicData, "TopicData")
    }

    /// The records for one topic.
    public struct TopicProduceData: WireStruct {
        public var name: TopicName = ""
        public var partitionData: [PartitionProduceData] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitionData, "PartitionData")
        }
    }

    /// The records for one partition.
    public struct PartitionProduceData: WireStruct {
        public var index: Int32 = 0

        /// Exactly one batch.
        public var records: RecordData?

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&index, "Index")
            try w(&records, "Records")
        }
    }
}

/// Where the records of each partition went, or why they were refused.
public struct ProduceResponse: KafkaMessage {
    public static let supportedVersions: ClosedRange<Int16> = 0...11
    public static let flexibleSince: Int16 = 9

    public var responses: [TopicProduceResponse] = []

    /// How long the client should stay silent because of a quota, in milliseconds.
    public var throttleTimeMs: Int32 = 0

    /// Addresses of the leaders named in `currentLeader` (KIP-951).
    public var nodeEndpoints: [NodeEndpoint] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&responses, "Responses")
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 1, ignorable: true)
        try w.tagged { w throws(WireError) in
            try w(tag: 0, &nodeEndpoints, "NodeEndpoints", since: 10)
        }
    }

    /// The outcome for one topic.
    public struct TopicProduceResponse: WireStruct {
        public var name: TopicName = ""
        public var partitionResponses: [PartitionProduceResponse] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitionResponses, "PartitionResponses")
        }
    }

    /// The outcome for one partition.
    public struct PartitionProduceResponse: WireStruct {
        public var index: Int32 = 0
        public var errorCode = ErrorCode.none

        /// The offset of the first record; -1 after an error.
        public var baseOffset: Int64 = 0

        /// The time that the broker put on the records, in milliseconds since 1970; -1 if they keep their own.
        public var logAppendTimeMs: Int64 = -1

        /// The first offset that is still there; -1 when unknown.
        public var logStartOffset: Int64 = -1

        /// The records that are to blame for the refusal of their batch (KIP-467).
        public var recordErrors: [BatchIndexAndErrorMessage] = []

        /// The error in words, from brokers that say more than the code.
        public var errorMessage: KafkaString?

        /// The leader and its epoch, if the client has addressed another broker (KIP-951).
        public var currentLeader = LeaderIdAndEpoch()

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&index, "Index")
            try w(&errorCode, "ErrorCode")
            try w(&baseOffset, "BaseOffset")
            try w(&logAppendTimeMs, "LogAppendTimeMs", since: 2, ignorable: true)
            try w(&logStartOffset, "LogStartOffset", since: 5, ignorable: true)
            try w(&recordErrors, "RecordErrors", since: 8, ignorable: true)
            try w(&errorMessage, "ErrorMessage", since: 8, ignorable: true)
            try w.tagged { w throws(WireError) in
                try w(tag: 0, &currentLeader, "CurrentLeader", since: 10)
            }
        }
    }

    /// A record that caused its batch to be refused.
    public struct BatchIndexAndErrorMessage: WireStruct {
        /// The record's index in its batch.
        public var batchIndex: Int32 = 0

        /// Why this record was refused; null when it was only dropped with its batch.
        public var batchIndexErrorMessage: KafkaString?

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&batchIndex, "BatchIndex")
            try w(&batchIndexErrorMessage, "BatchIndexErrorMessage")
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
