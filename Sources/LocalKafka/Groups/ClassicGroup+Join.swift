import KafkaProtocol

/// What the coordinator knows about the client behind a request.
struct MemberContext: Sendable {
    var clientID: KafkaString
    var clientHost: KafkaString
    /// The id a newcomer gets.
    var newMemberID: KafkaString
    var version: Int16
    var ticket: RequestTicket
    var now: Int64
}

extension ClassicGroup {
    /// A member asks to take part in the next generation.
    mutating func join(_ request: JoinGroupRequest, _ context: MemberContext) {
        guard state != .dead else { return refuse(.coordinatorNotAvailable, request.memberID, context) }
        guard supports(type: request.protocolType, protocols: request.protocols) else {
            return refuse(.inconsistentGroupProtocol, request.memberID, context)
        }
        if request.memberID == "" {
            joinNewcomer(request, context)
        } else {
            joinKnown(request, context)
        }
    }

    private mutating func joinNewcomer(_ request: JoinGroupRequest, _ context: MemberContext) {
        if let instanceID = request.groupInstanceID, let index = staticIndex(of: instanceID) {
            return replaceStatic(at: index, request, context)
        }
        guard members.count + pendingJoins.count < configuration.maxSize else {
            return refuse(.groupMaxSizeReached, "", context)
        }
        if context.version >= 4, request.groupInstanceID == nil {
            pendingJoins[context.newMemberID] = context.now + Int64(request.sessionTimeoutMs)
            return refuse(.memberIDRequired, context.newMemberID, context)
        }
        add(context.newMemberID, request, context)
    }

    private mutating func joinKnown(_ request: JoinGroupRequest, _ context: MemberContext) {
        let memberID = request.memberID
        if pendingJoins[memberID] != nil {
            guard members.count < configuration.maxSize else {
                pendingJoins[memberID] = nil
                return refuse(.groupMaxSizeReached, "", context)
            }
            return add(memberID, request, context)
        }
        let error = check(member: memberID, instance: request.groupInstanceID)
        guard error == .none, let index = index(of: memberID) else {
            return refuse(error == .none ? .unknownMemberID : error, memberID, context)
        }
        let unchanged = members[index].protocols == request.protocols
        switch state {
        case .preparingRebalance:
            update(index, request, context)
            completeJoinIfReady(now: context.now)
        case .completingRebalance where unchanged:
            // The answer to its join was probably lost: the same generation again.
            touch(index, now: context.now)
            outbox.append(.join(context.ticket, joinAnswer(for: members[index], withMembers: true)))
        case .stable where unchanged && leader != memberID:
            touch(index, now: context.now)
            outbox.append(.join(context.ticket, joinAnswer(for: members[index], withMembers: false)))
        case .completingRebalance, .stable:
            update(index, request, context)
            prepareRebalance(now: context.now)
        case .empty, .dead:
            refuse(.unknownMemberID, memberID, context)
        }
    }

    // MARK: Members

    private mutating func add(_ memberID: KafkaString, _ request: JoinGroupRequest, _ context: MemberContext) {
        pendingJoins[memberID] = nil
        if members.isEmpty { protocolType = request.protocolType }
        members.append(
            ClassicMember(
                id: memberID,
                instanceID: request.groupInstanceID,
                clientID: context.clientID,
                clientHost: context.clientHost,
                sessionTimeout: Int64(request.sessionTimeoutMs),
                rebalanceTimeout: Self.rebalanceTimeout(of: request),
                protocols: request.protocols,
                sessionDeadline: context.now + configuration.newMemberJoinTimeout,
                joinTicket: context.ticket
            )
        )
        if leader == nil { leader = memberID }
        if state == .preparingRebalance {
            if initialDelayLeft != nil { sawNewcomer = true }
            completeJoinIfReady(now: context.now)
        } else {
            prepareRebalance(now: context.now)
        }
    }

    private mutating func update(_ index: Int, _ request: JoinGroupRequest, _ context: MemberContext) {
        if let ticket = members[index].joinTicket {
            // The same member asks again, so nobody waits for the first answer.
            outbox.append(.join(ticket, Self.joinError(.rebalanceInProgress, members[index].id)))
        }
        members[index].protocols = request.protocols
        members[index].sessionTimeout = Int64(request.sessionTimeoutMs)
        members[index].rebalanceTimeout = Self.rebalanceTimeout(of: request)
        members[index].joinTicket = context.ticket
        touch(index, now: context.now)
    }

    /// A process with a known instance id starts again: it takes over the member's place under a new id.
    private mutating func replaceStatic(at index: Int, _ request: JoinGroupRequest, _ context: MemberContext) {
        let oldID = members[index].id
        let leaderBefore = leader
        fence(index)
        members[index].id = context.newMemberID
        members[index].clientID = context.clientID
        members[index].clientHost = context.clientHost
        if leader == oldID { leader = context.newMemberID }
        update(index, request, context)

        switch state {
        case .stable where selectProtocol() == protocolName:
            // Nothing changes for the others, so the generation stays. Clients before version 9 cannot be told to
            // leave the assignment alone: they are not shown that they lead.
            members[index].joinTicket = nil
            var answer = joinAnswer(for: members[index], withMembers: context.version >= 9)
            if context.version >= 9 {
                answer.skipAssignment = leader == members[index].id
            } else {
                answer.leader = leaderBefore ?? ""
            }
            outbox.append(.join(context.ticket, answer))
        case .stable, .completingRebalance:
            prepareRebalance(now: context.now)
        case .preparingRebalance, .empty, .dead:
            completeJoinIfReady(now: context.now)
        }
    }

    private mutating func fence(_ index: Int) {
        if let ticket = members[index].joinTicket {
            outbox.append(.join(ticket, Self.joinError(.fencedInstanceID, members[index].id)))
            members[index].joinTicket = nil
        }
        if let ticket = members[index].syncTicket {
            outbox.append(.sync(ticket, Self.syncError(.fencedInstanceID)))
            members[index].syncTicket = nil
        }
    }

    private static func rebalanceTimeout(of request: JoinGroupRequest) -> Int64 {
        Int64(request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs)
    }

    // MARK: Answers

    mutating func refuse(_ error: ErrorCode, _ memberID: KafkaString, _ context: MemberContext) {
        outbox.append(.join(context.ticket, Self.joinError(error, memberID)))
    }

    static func joinError(_ error: ErrorCode, _ memberID: KafkaString) -> JoinGroupResponse {
        var response = JoinGroupResponse()
        response.errorCode = error
        response.memberID = memberID
        return response
    }

    /// The present generation, with the member list when the member is the one to work out the assignment.
    func joinAnswer(for member: ClassicMember, withMembers: Bool) -> JoinGroupResponse {
        var response = JoinGroupResponse()
        response.generationID = generation
        response.protocolType = protocolType
        response.protocolName = protocolName
        response.leader = leader ?? ""
        response.memberID = member.id
        guard withMembers, leader == member.id else { return response }
        response.members = members.map { other in
            var entry = JoinGroupResponse.JoinGroupResponseMember()
            entry.memberID = other.id
            entry.groupInstanceID = other.instanceID
            entry.metadata = other.metadata(for: protocolName)
            return entry
        }
        return response
    }
}
