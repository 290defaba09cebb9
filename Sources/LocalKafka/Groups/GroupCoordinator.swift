import KafkaProtocol

/// All groups of a cluster with their offsets.
///
/// A value without clock, randomness or sockets. Answers to JoinGroup and SyncGroup, which may be due long after
/// the request, collect and are taken with ``takeReplies()`` after each event.
struct GroupCoordinator: Sendable {
    var configuration: GroupConfiguration
    private(set) var groups: [GroupID: Group] = [:]
    var offsets: [GroupID: GroupOffsets] = [:]
    /// The topics of the cluster, for groups whose assignment is worked out here.
    var catalog: [TopicName: TopicShape] = [:]
    private var replies: [GroupReply] = []

    init(configuration: GroupConfiguration = GroupConfiguration()) {
        self.configuration = configuration
    }

    /// Hands over the answers that have become due.
    mutating func takeReplies() -> [GroupReply] {
        defer { replies = [] }
        return replies
    }

    // MARK: Time

    var nextDeadline: Int64? { groups.values.compactMap(\.nextDeadline).min() }

    /// Ends whatever has lasted too long.
    mutating func tick(now: Int64) {
        for (id, group) in groups where (group.nextDeadline ?? .max) <= now {
            switch group {
            case .classic: withClassic(id) { $0.tick(now: now) }
            case .consumer: withConsumer(id) { [catalog] in $0.tick(now: now, catalog: catalog) }
            }
        }
    }

    // MARK: Classic protocol

    mutating func join(_ request: JoinGroupRequest, _ context: MemberContext) {
        var error = ErrorCode.none
        if request.groupID.isEmpty {
            error = .invalidGroupID
        } else if request.sessionTimeoutMs < configuration.minSessionTimeout
            || request.sessionTimeoutMs > configuration.maxSessionTimeout
        {
            error = .invalidSessionTimeout
        } else if classic(request.groupID) == nil {
            if let group = groups[request.groupID], !group.isEmpty {
                error = .inconsistentGroupProtocol
            } else if !request.memberID.isEmpty {
                error = .unknownMemberID
            } else {
                groups[request.groupID] = .classic(ClassicGroup(id: request.groupID, configuration: configuration))
            }
        }
        guard error == .none else {
            replies.append(.join(context.ticket, ClassicGroup.joinError(error, request.memberID)))
            return
        }
        withClassic(request.groupID) { $0.join(request, context) }
    }

    mutating func sync(_ request: SyncGroupRequest, ticket: RequestTicket, now: Int64) {
        guard !request.groupID.isEmpty, classic(request.groupID) != nil else {
            let error: ErrorCode = request.groupID.isEmpty ? .invalidGroupID : .unknownMemberID
            replies.append(.sync(ticket, ClassicGroup.syncError(error)))
            return
        }
        withClassic(request.groupID) { $0.sync(request, ticket: ticket, now: now) }
    }

    mutating func heartbeat(_ request: HeartbeatRequest, now: Int64) -> ErrorCode {
        guard !request.groupID.isEmpty else { return .invalidGroupID }
        return withClassic(request.groupID) { $0.heartbeat(request, now: now) } ?? .unknownMemberID
    }

    mutating func leave(
        _ groupID: GroupID,
        _ members: [LeaveGroupRequest.MemberIdentity],
        now: Int64
    ) -> LeaveGroupResponse {
        var response = LeaveGroupResponse()
        guard !groupID.isEmpty else {
            response.errorCode = .invalidGroupID
            return response
        }
        for member in members {
            var entry = LeaveGroupResponse.MemberResponse()
            entry.memberID = member.memberID
            entry.groupInstanceID = member.groupInstanceID
            entry.errorCode = leaveOne(groupID, member, now: now)
            response.members.append(entry)
        }
        return response
    }

    private mutating func leaveOne(
        _ groupID: GroupID,
        _ member: LeaveGroupRequest.MemberIdentity,
        now: Int64
    ) -> ErrorCode {
        switch groups[groupID] {
        case nil:
            return .unknownMemberID
        case .classic:
            return withClassic(groupID) { $0.leave(member, now: now) } ?? .unknownMemberID
        case .consumer(var group):
            // An administrator may remove members of the new kind as well.
            let index = member.groupInstanceID.map(group.staticIndex) ?? group.index(of: member.memberID)
            guard let index else { return .unknownMemberID }
            guard member.memberID.isEmpty || group.members[index].id == member.memberID else {
                return .fencedInstanceID
            }
            group.remove(group.members[index].id, catalog: catalog)
            groups[groupID] = .consumer(group)
            return .none
        }
    }

    // MARK: Consumer protocol (KIP-848)

    mutating func heartbeat(
        _ request: ConsumerGroupHeartbeatRequest,
        _ context: MemberContext
    ) -> ConsumerGroupHeartbeatResponse {
        do throws(HeartbeatRefusal) {
            try Self.validate(request)
            var group = try consumerGroup(request)
            defer { groups[request.groupID] = .consumer(group) }
            return try group.heartbeat(request, context, catalog: catalog)
        } catch {
            var response = ConsumerGroupHeartbeatResponse()
            response.errorCode = error.code
            response.errorMessage = error.message
            return response
        }
    }

    private func consumerGroup(_ request: ConsumerGroupHeartbeatRequest) throws(HeartbeatRefusal) -> ConsumerGroup {
        switch groups[request.groupID] {
        case .consumer(let group):
            return group
        case .classic(let group) where group.state != .empty:
            throw HeartbeatRefusal(code: .groupIDNotFound, message: "Group \(request.groupID) is not a consumer group.")
        case .classic, nil:
            guard request.memberEpoch == 0 else {
                throw HeartbeatRefusal(
                    code: .groupIDNotFound,
                    message: "Consumer group \(request.groupID) not found."
                )
            }
            return ConsumerGroup(id: request.groupID, configuration: configuration)
        }
    }

    private static func validate(
        _ request: ConsumerGroupHeartbeatRequest
    ) throws(HeartbeatRefusal) {
        func invalid(_ message: String) -> HeartbeatRefusal {
            HeartbeatRefusal(code: .invalidRequest, message: message)
        }
        if request.groupID.isEmpty { throw invalid("GroupId can't be empty.") }
        if request.instanceID?.isEmpty ?? false { throw invalid("InstanceId can't be empty.") }
        if request.rackID?.isEmpty ?? false { throw invalid("RackId can't be empty.") }
        if request.memberEpoch == 0 {
            if request.rebalanceTimeoutMs == -1 {
                throw invalid("RebalanceTimeoutMs must be provided in first request.")
            }
            if !(request.topicPartitions?.isEmpty ?? false) {
                throw invalid("TopicPartitions must be empty when (re-)joining.")
            }
            if request.subscribedTopicNames == nil, request.subscribedTopicRegex == nil {
                throw invalid("SubscribedTopicNames must be set in first request.")
            }
        } else if request.memberEpoch > 0 || request.memberEpoch == -1 {
            if request.memberID.isEmpty { throw invalid("MemberId can't be empty.") }
        } else if request.memberEpoch == ConsumerMember.awayEpoch {
            if request.memberID.isEmpty { throw invalid("MemberId can't be empty.") }
            if request.instanceID == nil { throw invalid("InstanceId can't be null.") }
        } else {
            throw invalid("MemberEpoch is \(request.memberEpoch), must be greater than or equal to -2.")
        }
        if let name = request.serverAssignor, ServerAssignor(rawValue: name.string) == nil {
            let known = ServerAssignor.allCases.map(\.rawValue).joined(separator: ", ")
            throw HeartbeatRefusal(
                code: .unsupportedAssignor,
                message: "ServerAssignor \(name) is not supported. Supported assignors: \(known)."
            )
        }
        if let regex = request.subscribedTopicRegex, !regex.isEmpty, (try? Regex(regex.string)) == nil {
            throw HeartbeatRefusal(
                code: ErrorCode(128),
                message: "SubscribedTopicRegex `\(regex)` is not a valid regular expression."
            )
        }
    }

    // MARK: Access to groups

    func classic(_ id: GroupID) -> ClassicGroup? {
        if case .classic(let group) = groups[id] { group } else { nil }
    }

    func consumer(_ id: GroupID) -> ConsumerGroup? {
        if case .consumer(let group) = groups[id] { group } else { nil }
    }

    @discardableResult
    mutating func withClassic<Result>(_ id: GroupID, _ body: (inout ClassicGroup) -> Result) -> Result? {
        guard case .classic(var group) = groups[id] else { return nil }
        let result = body(&group)
        replies.append(contentsOf: group.outbox)
        group.outbox = []
        groups[id] = .classic(group)
        return result
    }

    private mutating func withConsumer(_ id: GroupID, _ body: (inout ConsumerGroup) -> Void) {
        guard case .consumer(var group) = groups[id] else { return }
        body(&group)
        groups[id] = .consumer(group)
    }

    /// Makes a group that only stores offsets, if there is no group of that name yet.
    mutating func createSimple(_ id: GroupID) {
        if groups[id] == nil { groups[id] = .classic(ClassicGroup(id: id, configuration: configuration)) }
    }

    mutating func removeGroup(_ id: GroupID) {
        withClassic(id) { $0.die(.groupIDNotFound) }
        groups[id] = nil
        offsets[id] = nil
    }

    /// Answers all waiting members of a group with `error`, as when its coordinator moves to another broker.
    ///
    /// The group itself goes on: its members come back to the new coordinator with the same ids.
    mutating func interrupt(_ id: GroupID, with error: ErrorCode) {
        withClassic(id) { $0.interrupt(error) }
    }
}
