import KafkaProtocol
import NIOCore

extension ClassicGroup {
    /// A member says that it is alive, and learns whether a rebalance is on.
    mutating func heartbeat(_ request: HeartbeatRequest, now: Int64) -> ErrorCode {
        guard state != .dead else { return .coordinatorNotAvailable }
        let error = check(member: request.memberID, instance: request.groupInstanceID)
        guard error == .none, let index = index(of: request.memberID) else {
            return error == .none ? .unknownMemberID : error
        }
        guard request.generationID == generation else { return .illegalGeneration }
        switch state {
        case .empty, .dead:
            return .unknownMemberID
        case .preparingRebalance:
            touch(index, now: now)
            return .rebalanceInProgress
        case .completingRebalance, .stable:
            // Members beat as soon as they have joined; they learn of trouble from their sync.
            touch(index, now: now)
            return .none
        }
    }

    /// A member goes, or an administrator removes it; a static one may be named by its instance alone.
    mutating func leave(_ identity: LeaveGroupRequest.MemberIdentity, now: Int64) -> ErrorCode {
        guard state != .dead else { return .coordinatorNotAvailable }
        if let instanceID = identity.groupInstanceID {
            guard let index = staticIndex(of: instanceID) else { return .unknownMemberID }
            guard identity.memberID == "" || identity.memberID == members[index].id else { return .fencedInstanceID }
            remove(members[index].id, now: now)
            return .none
        }
        if pendingJoins.removeValue(forKey: identity.memberID) != nil {
            completeJoinIfReady(now: now)
            return .none
        }
        guard index(of: identity.memberID) != nil else { return .unknownMemberID }
        remove(identity.memberID, now: now)
        return .none
    }

    /// Whether a commit may be stored; a good one from a member counts as a sign of life.
    mutating func checkCommit(
        member memberID: KafkaString,
        instance instanceID: KafkaString?,
        generation: Int32,
        isTransactional: Bool,
        now: Int64
    ) -> ErrorCode {
        guard state != .dead else { return .coordinatorNotAvailable }
        if generation < 0, state == .empty { return .none }
        if generation >= 0 || memberID != "" || instanceID != nil {
            let error = check(member: memberID, instance: instanceID)
            guard error == .none else { return error }
            guard generation == self.generation else { return .illegalGeneration }
        } else if !isTransactional, state != .empty {
            return .unknownMemberID
        }
        if !isTransactional, state == .completingRebalance { return .rebalanceInProgress }
        if !isTransactional, let index = index(of: memberID) { touch(index, now: now) }
        return .none
    }

    /// Whether some member reads `topic`, as far as that can be told from the outside.
    func isSubscribed(to topic: TopicName) -> Bool {
        guard protocolType == "consumer" else { return false }
        return members.contains { member in
            let metadata = member.metadata(for: protocolName ?? member.protocols.first?.name)
            return Self.subscribedTopics(in: metadata)?.contains(topic) ?? true
        }
    }

    /// The topics in a consumer's subscription, nil when the bytes are not one.
    static func subscribedTopics(in metadata: ByteBuffer) -> [TopicName]? {
        var buffer = metadata
        guard buffer.readInteger(as: Int16.self) != nil, let count = buffer.readInteger(as: Int32.self) else {
            return nil
        }
        var topics: [TopicName] = []
        for _ in 0..<max(count, 0) {
            guard let length = buffer.readInteger(as: Int16.self), length >= 0,
                let name = buffer.readString(length: Int(length))
            else { return nil }
            topics.append(KafkaString(name))
        }
        return topics
    }

    /// The group as `DescribeGroups` shows it.
    func described() -> DescribeGroupsResponse.DescribedGroup {
        var group = DescribeGroupsResponse.DescribedGroup()
        group.groupID = id
        group.groupState = KafkaString(state.rawValue)
        group.protocolType = protocolType ?? ""
        group.protocolData = state == .stable ? protocolName ?? "" : ""
        group.members = members.map { member in
            var entry = DescribeGroupsResponse.DescribedGroupMember()
            entry.memberID = member.id
            entry.groupInstanceID = member.instanceID
            entry.clientID = member.clientID
            entry.clientHost = member.clientHost
            if state == .stable {
                entry.memberMetadata = member.metadata(for: protocolName)
                entry.memberAssignment = member.assignment
            }
            return entry
        }
        return group
    }
}
