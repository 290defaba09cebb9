import KafkaProtocol

/// A member of a KIP-848 consumer group.
struct ConsumerMember: Equatable, Sendable {
    enum State: Equatable, Sendable {
        /// Has everything it should have at its epoch.
        case stable
        /// Must give up partitions before it may go on to the next epoch.
        case revoking
        /// Waits for partitions that other members still hold.
        case waitingForRelease
    }

    /// The epoch that stands for a static member that went away for a while.
    static let awayEpoch: Int32 = -2

    var id: KafkaString
    var instanceID: KafkaString?
    var rackID: KafkaString?
    var clientID: KafkaString
    var clientHost: KafkaString
    var rebalanceTimeout: Int64
    var serverAssignor: KafkaString?
    var subscribedNames: [TopicName] = []
    var subscribedRegex: KafkaString?

    var state = State.stable
    var epoch: Int32 = 0
    var previousEpoch: Int32 = -1
    var assigned: Set<TopicIDPartition> = []
    var revoking: Set<TopicIDPartition> = []
    var sessionDeadline: Int64
    /// When a member that does not give up its partitions is thrown out.
    var revocationDeadline: Int64?

    /// Whether the subscription covers `name`.
    func isSubscribed(to name: TopicName) -> Bool {
        subscribedNames.contains(name) || (subscribedRegex.map { Self.matches(name, $0) } ?? false)
    }

    /// Whether the whole of `name` matches `expression`.
    static func matches(_ name: TopicName, _ expression: KafkaString) -> Bool {
        guard let regex = try? Regex(expression.string) else { return false }
        return name.string.wholeMatch(of: regex) != nil
    }
}
