import KafkaProtocol

extension GroupCoordinator {
    /// Who commits, as the request says it.
    struct Committer: Sendable {
        var memberID: KafkaString = ""
        var instanceID: KafkaString?
        /// The member epoch in a group of the new kind.
        var generation: Int32 = -1
    }

    /// Whether `committer` may store offsets in the group now; the group comes into being if that is all it needs.
    mutating func checkCommit(_ groupID: GroupID, _ committer: Committer, version: Int16, now: Int64) -> ErrorCode {
        switch groups[groupID] {
        case nil:
            guard committer.generation < 0 else { return .illegalGeneration }
            createSimple(groupID)
            return .none
        case .classic:
            return withClassic(groupID) {
                $0.checkCommit(
                    member: committer.memberID,
                    instance: committer.instanceID,
                    generation: committer.generation,
                    isTransactional: false,
                    now: now
                )
            } ?? .none
        case .consumer(let group):
            // Members of such a group must be able to understand a stale epoch.
            if version < 9, !group.members.isEmpty { return .unsupportedVersion }
            return group.check(member: committer.memberID, epoch: committer.generation, isTransactional: false)
        }
    }

    /// The same for offsets that belong to a transaction.
    mutating func checkTransactionalCommit(_ groupID: GroupID, _ committer: Committer, now: Int64) -> ErrorCode {
        switch groups[groupID] {
        case nil:
            guard committer.generation < 0 else { return .illegalGeneration }
            createSimple(groupID)
            return .none
        case .classic:
            return withClassic(groupID) {
                $0.checkCommit(
                    member: committer.memberID,
                    instance: committer.instanceID,
                    generation: committer.generation,
                    isTransactional: true,
                    now: now
                )
            } ?? .none
        case .consumer(let group):
            return group.check(member: committer.memberID, epoch: committer.generation, isTransactional: true)
        }
    }

    mutating func store(_ offset: CommittedOffset, _ groupID: GroupID, _ partition: TopicPartition) {
        offsets[groupID, default: GroupOffsets()].commit(offset, for: partition)
    }

    mutating func store(
        _ offset: CommittedOffset,
        _ groupID: GroupID,
        _ partition: TopicPartition,
        producer: Int64
    ) {
        offsets[groupID, default: GroupOffsets()].commit(offset, for: partition, producer: producer)
    }

    /// Lets the offsets of a transaction count, or forgets them.
    mutating func endTransaction(producer: Int64, groups ended: [GroupID], committed: Bool) {
        for groupID in ended {
            offsets[groupID]?.endTransaction(producer: producer, committed: committed)
        }
    }

    /// The groups that hold offsets of this producer's open transaction.
    func groupsWithPendingOffsets(of producer: Int64) -> [GroupID] {
        offsets.filter { $0.value.pending[producer] != nil }.map(\.key)
    }

    /// Whether offsets may be shown to a member; everybody may ask without naming one.
    func checkFetch(_ groupID: GroupID, member memberID: KafkaString?, epoch: Int32) -> ErrorCode {
        guard let group = consumer(groupID) else { return .none }
        if memberID == nil, epoch < 0 { return .none }
        guard let index = group.index(of: memberID ?? "") else { return .unknownMemberID }
        return group.members[index].epoch == epoch ? .none : .staleMemberEpoch
    }

    /// Whether offsets of a group may be deleted at all; topics that are being read are refused one by one.
    func checkDelete(_ groupID: GroupID) -> ErrorCode {
        switch groups[groupID] {
        case nil: .groupIDNotFound
        case .classic(let group) where group.state == .dead: .groupIDNotFound
        case .classic(let group) where group.state != .empty && group.protocolType != "consumer": .nonEmptyGroup
        case .classic, .consumer: .none
        }
    }

    mutating func deleteOffset(_ groupID: GroupID, _ partition: TopicPartition) -> ErrorCode {
        if groups[groupID]?.isSubscribed(to: partition.topic) ?? false { return .groupSubscribedToTopic }
        offsets[groupID]?.remove(partition)
        return .none
    }

    /// Forgets what groups stored for a topic that is gone.
    mutating func topicDeleted(_ topic: TopicName) {
        for groupID in Array(offsets.keys) { offsets[groupID]?.remove(topic: topic) }
    }
}
