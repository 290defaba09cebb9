/// Appends record batches to partitions; goes to their leaders.
///
/// One batch per partition. With `acks` 0 there is no response.
public struct ProduceRequest: KafkaRequest {
    public typealias Response = ProduceResponse
    public static let apiKey = ApiKey.produce
    public static let supportedVersions: ClosedRange<Int16> = 0...11
    public static let flexibleSince: Int16 = 9

    public var transactionalID: KafkaString?
    public var acks: Int16 = 0
    public var timeoutMs: Int32 = 0
    public var topicData: [TopicProduceData] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&transactionalID, "TransactionalId", since: 3, default: nil)
        try w(&acks, "Acks")
        try w(&timeoutMs, "TimeoutMs")
        try w(&topicData, "TopicData")
    }

    public struct TopicProduceData: WireStruct {
        public var name: TopicName = ""
        public var partitionData: [PartitionProduceData] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitionData, "PartitionData")
        }
    }

    public struct PartitionProduceData: WireStruct {
        public var index: Int32 = 0
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
    public var throttleTimeMs: Int32 = 0
    public var nodeEndpoints: [NodeEndpoint] = []

    public init() {}

    public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
        try w(&responses, "Responses")
        try w(&throttleTimeMs, "ThrottleTimeMs", since: 1, ignorable: true)
        try w.tagged { w throws(WireError) in
            try w(tag: 0, &nodeEndpoints, "NodeEndpoints", since: 10)
        }
    }

    public struct TopicProduceResponse: WireStruct {
        public var name: TopicName = ""
        public var partitionResponses: [PartitionProduceResponse] = []

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&name, "Name")
            try w(&partitionResponses, "PartitionResponses")
        }
    }

    public struct PartitionProduceResponse: WireStruct {
        public var index: Int32 = 0
        public var errorCode = ErrorCode.none
        public var baseOffset: Int64 = 0
        public var logAppendTimeMs: Int64 = -1
        public var logStartOffset: Int64 = -1
        public var recordErrors: [BatchIndexAndErrorMessage] = []
        public var errorMessage: KafkaString?
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

    public struct BatchIndexAndErrorMessage: WireStruct {
        public var batchIndex: Int32 = 0
        public var batchIndexErrorMessage: KafkaString?

        public init() {}

        public mutating func walk<W: Walker & ~Copyable>(_ w: inout W) throws(WireError) {
            try w(&batchIndex, "BatchIndex")
            try w(&batchIndexErrorMessage, "BatchIndexErrorMessage")
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
