/// The number of a Kafka API, as the request header carries it.
public struct ApiKey: RawRepresentable, Hashable, Sendable {
    public var rawValue: Int16

    public init(rawValue: Int16) {
        self.rawValue = rawValue
    }

    public init(_ rawValue: Int16) {
        self.rawValue = rawValue
    }

    public static let produce = ApiKey(0)
    public static let fetch = ApiKey(1)
    public static let listOffsets = ApiKey(2)
    public static let metadata = ApiKey(3)
    public static let offsetCommit = ApiKey(8)
    public static let offsetFetch = ApiKey(9)
    public static let findCoordinator = ApiKey(10)
    public static let joinGroup = ApiKey(11)
    public static let heartbeat = ApiKey(12)
    public static let leaveGroup = ApiKey(13)
    public static let syncGroup = ApiKey(14)
    public static let describeGroups = ApiKey(15)
    public static let listGroups = ApiKey(16)
    public static let saslHandshake = ApiKey(17)
    public static let apiVersions = ApiKey(18)
    public static let createTopics = ApiKey(19)
    public static let deleteTopics = ApiKey(20)
    public static let deleteRecords = ApiKey(21)
    public static let initProducerID = ApiKey(22)
    public static let offsetForLeaderEpoch = ApiKey(23)
    public static let addPartitionsToTxn = ApiKey(24)
    public static let addOffsetsToTxn = ApiKey(25)
    public static let endTxn = ApiKey(26)
    public static let txnOffsetCommit = ApiKey(28)
    public static let describeAcls = ApiKey(29)
    public static let createAcls = ApiKey(30)
    public static let deleteAcls = ApiKey(31)
    public static let describeConfigs = ApiKey(32)
    public static let alterConfigs = ApiKey(33)
    public static let describeLogDirs = ApiKey(35)
    public static let saslAuthenticate = ApiKey(36)
    public static let createPartitions = ApiKey(37)
    public static let deleteGroups = ApiKey(42)
    public static let electLeaders = ApiKey(43)
    public static let incrementalAlterConfigs = ApiKey(44)
    public static let offsetDelete = ApiKey(47)
    public static let describeClientQuotas = ApiKey(48)
    public static let alterClientQuotas = ApiKey(49)
    public static let describeUserScramCredentials = ApiKey(50)
    public static let alterUserScramCredentials = ApiKey(51)
    public static let describeCluster = ApiKey(60)
    public static let describeProducers = ApiKey(61)
    public static let describeTransactions = ApiKey(65)
    public static let listTransactions = ApiKey(66)
    public static let consumerGroupHeartbeat = ApiKey(68)
    public static let consumerGroupDescribe = ApiKey(69)
    public static let describeTopicPartitions = ApiKey(75)
}

extension ApiKey: CustomStringConvertible {
    /// Kafka's name of the API; nil for one that we do not know.
    public var name: String? { Self.names[rawValue] }

    public var description: String { name ?? "Api(\(rawValue))" }

    private static let names: [Int16: String] = [
        0: "Produce",
        1: "Fetch",
        2: "ListOffsets",
        3: "Metadata",
        8: "OffsetCommit",
        9: "OffsetFetch",
        10: "FindCoordinator",
        11: "JoinGroup",
        12: "Heartbeat",
        13: "LeaveGroup",
        14: "SyncGroup",
        15: "DescribeGroups",
        16: "ListGroups",
        17: "SaslHandshake",
        18: "ApiVersions",
        19: "CreateTopics",
        20: "DeleteTopics",
        21: "DeleteRecords",
        22: "InitProducerId",
        23: "OffsetForLeaderEpoch",
        24: "AddPartitionsToTxn",
        25: "AddOffsetsToTxn",
        26: "EndTxn",
        28: "TxnOffsetCommit",
        29: "DescribeAcls",
        30: "CreateAcls",
        31: "DeleteAcls",
        32: "DescribeConfigs",
        33: "AlterConfigs",
        35: "DescribeLogDirs",
        36: "SaslAuthenticate",
        37: "CreatePartitions",
        42: "DeleteGroups",
        43: "ElectLeaders",
        44: "IncrementalAlterConfigs",
        47: "OffsetDelete",
        48: "DescribeClientQuotas",
        49: "AlterClientQuotas",
        50: "DescribeUserScramCredentials",
        51: "AlterUserScramCredentials",
        60: "DescribeCluster",
        61: "DescribeProducers",
        65: "DescribeTransactions",
        66: "ListTransactions",
        68: "ConsumerGroupHeartbeat",
        69: "ConsumerGroupDescribe",
        75: "DescribeTopicPartitions",
    ]
}
