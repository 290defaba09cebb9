import KafkaProtocol

/// A group whose assignment the coordinator works out (KIP-848).
///
/// Every change of members, subscriptions or topics raises the group epoch; the target assignment is then computed for that
/// epoch, and members move towards it one heartbeat at a time: first they give up what they must, then they get
/// what others have released. A member's own epoch tells how far it has come.
struct ConsumerGroup: Sendable {
    enum State: String, Sendable {
        case empty = "Empty"
        case assigning = "Assigning"
        case reconciling = "Reconciling"
        case stable = "Stable"
    }

    let id: GroupID
    let configuration: GroupConfiguration
    var epoch: Int32 = 0
    var assignmentEpoch: Int32 = 0
    /// In the order in which they joined.
    var members: [ConsumerMember] = []
    var target: ServerAssignor.Assignment = [:]
    /// The subscribed topics as they were when the epoch was last raised.
    var subscribedTopics: [TopicName: TopicShape] = [:]

    init(id: GroupID, configuration: GroupConfiguration) {
        self.id = id
        self.configuration = configuration
    }

    var state: State {
        if members.isEmpty { return .empty }
        if epoch > assignmentEpoch { return .assigning }
        let settled = members.allSatisfy {
            $0.epoch == ConsumerMember.awayEpoch || ($0.state == .stable && $0.epoch == assignmentEpoch)
        }
        return settled ? .stable : .reconciling
    }

    /// The assignor most members ask for.
    var assignor: ServerAssignor {
        var votes: [ServerAssignor: Int] = [:]
        for member in members {
            if let name = member.serverAssignor, let choice = ServerAssignor(rawValue: name.string) {
                votes[choice, default: 0] += 1
            }
        }
        return (votes[.range] ?? 0) > (votes[.uniform] ?? 0) ? .range : .uniform
    }

    func index(of memberID: KafkaString) -> Int? {
        members.firstIndex { $0.id == memberID }
    }

    func staticIndex(of instanceID: KafkaString) -> Int? {
        members.firstIndex { $0.instanceID == instanceID }
    }

    func isSubscribed(to topic: TopicName) -> Bool {
        members.contains { $0.isSubscribed(to: topic) }
    }

    // MARK: Epochs

    /// Raises the epoch when the topics behind the subscriptions look different from last time.
    mutating func refreshTopics(_ catalog: [TopicName: TopicShape], force: Bool) {
        let now = catalog.filter { isSubscribed(to: $0.key) }
        if force || now != subscribedTopics {
            subscribedTopics = now
            epoch += 1
        }
        updateTarget()
    }

    private mutating func updateTarget() {
        guard epoch > assignmentEpoch else { return }
        var subscriptions: [KafkaString: Set<KafkaUUID>] = [:]
        for member in members {
            let ids = subscribedTopics.filter { member.isSubscribed(to: $0.key) }.map(\.value.id)
            subscriptions[member.id] = Set(ids)
        }
        var partitions: [KafkaUUID: Int32] = [:]
        for shape in subscribedTopics.values { partitions[shape.id] = shape.partitions }
        target = assignor.assign(subscriptions, partitions: partitions, current: target)
        assignmentEpoch = epoch
    }

    mutating func remove(_ memberID: KafkaString, catalog: [TopicName: TopicShape]) {
        guard let index = index(of: memberID) else { return }
        members.remove(at: index)
        target[memberID] = nil
        refreshTopics(catalog, force: true)
    }

    // MARK: Time

    var nextDeadline: Int64? {
        members.flatMap { [$0.sessionDeadline, $0.revocationDeadline].compactMap { $0 } }.min()
    }

    /// Throws out members that are silent or do not give up their partitions.
    mutating func tick(now: Int64, catalog: [TopicName: TopicShape]) {
        let expired = members.filter { $0.sessionDeadline <= now || ($0.revocationDeadline ?? .max) <= now }
        for member in expired { remove(member.id, catalog: catalog) }
    }

    // MARK: Commits

    /// Whether a commit or fetch of offsets with this member and epoch is in order.
    func check(member memberID: KafkaString, epoch memberEpoch: Int32, isTransactional: Bool) -> ErrorCode {
        // Administrators, and transactions of old producers, come without a member.
        if memberEpoch < 0, members.isEmpty || isTransactional { return .none }
        guard let index = index(of: memberID) else { return .unknownMemberID }
        guard members[index].epoch == memberEpoch else {
            return isTransactional ? .illegalGeneration : .staleMemberEpoch
        }
        return .none
    }
}
