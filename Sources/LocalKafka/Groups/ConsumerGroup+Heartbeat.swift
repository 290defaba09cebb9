import KafkaProtocol

/// A heartbeat that is refused, with the text the client may log.
struct HeartbeatRefusal: Error, Equatable {
    var code: ErrorCode
    var message: KafkaString

    init(code: ErrorCode, message: String) {
        self.code = code
        self.message = KafkaString(message)
    }
}

extension ConsumerGroup {
    /// A member joins, stays or leaves; the answer moves it one step towards the target assignment.
    mutating func heartbeat(
        _ request: ConsumerGroupHeartbeatRequest,
        _ context: MemberContext,
        catalog: [TopicName: TopicShape]
    ) throws(HeartbeatRefusal) -> ConsumerGroupHeartbeatResponse {
        if request.memberEpoch < 0 { return try leave(request, context, catalog: catalog) }
        let isNew = request.memberEpoch == 0
        let index = try isNew ? joinIndex(request, context) : currentIndex(request)
        let changed = apply(request, context, to: index)
        refreshTopics(catalog, force: changed)

        let before = members[index].assigned
        reconcile(index, owned: request.topicPartitions.map(Self.partitions), now: context.now)
        members[index].sessionDeadline = context.now + configuration.consumerSessionTimeout

        var response = ConsumerGroupHeartbeatResponse()
        response.memberID = members[index].id
        response.memberEpoch = members[index].epoch
        response.heartbeatIntervalMs = configuration.consumerHeartbeatInterval
        let isFull =
            request.topicPartitions != nil
            && (request.subscribedTopicNames != nil || request.subscribedTopicRegex != nil)
        if isNew || isFull || before != members[index].assigned {
            response.assignment = Self.assignment(members[index].assigned)
        }
        return response
    }

    // MARK: Finding the member

    private mutating func joinIndex(
        _ request: ConsumerGroupHeartbeatRequest,
        _ context: MemberContext
    ) throws(HeartbeatRefusal) -> Int {
        let memberID = request.memberID == "" ? context.newMemberID : request.memberID
        if let instanceID = request.instanceID, let index = staticIndex(of: instanceID) {
            guard members[index].id != memberID else { return rejoin(index) }
            guard members[index].epoch == ConsumerMember.awayEpoch else {
                throw HeartbeatRefusal(
                    code: .unreleasedInstanceID,
                    message: "Static member \(memberID) with instance id \(instanceID) cannot join the group "
                        + "because the instance id is owned by \(members[index].id) member."
                )
            }
            target[memberID] = target.removeValue(forKey: members[index].id)
            members[index].id = memberID
            return rejoin(index)
        }
        if let index = index(of: memberID) { return rejoin(index) }
        guard members.count < configuration.maxSize else {
            throw HeartbeatRefusal(
                code: .groupMaxSizeReached,
                message: "The consumer group has reached its maximum capacity."
            )
        }
        members.append(
            ConsumerMember(
                id: memberID,
                instanceID: request.instanceID,
                clientID: context.clientID,
                clientHost: context.clientHost,
                rebalanceTimeout: Int64(request.rebalanceTimeoutMs),
                sessionDeadline: context.now + configuration.consumerSessionTimeout
            )
        )
        return members.count - 1
    }

    /// A member that starts over owns nothing, whatever it had before.
    private mutating func rejoin(_ index: Int) -> Int {
        members[index].previousEpoch = members[index].epoch
        members[index].epoch = 0
        members[index].assigned = []
        members[index].revoking = []
        members[index].revocationDeadline = nil
        members[index].state = .stable
        return index
    }

    private func currentIndex(_ request: ConsumerGroupHeartbeatRequest) throws(HeartbeatRefusal) -> Int {
        let index = try existingIndex(request)
        let member = members[index]
        if request.memberEpoch > member.epoch {
            throw HeartbeatRefusal(
                code: .fencedMemberEpoch,
                message: "The consumer group member has a greater member epoch (\(request.memberEpoch)) than the one "
                    + "known by the group coordinator (\(member.epoch)). The member must abandon all its partitions "
                    + "and rejoin."
            )
        }
        if request.memberEpoch < member.epoch {
            // The answer that raised the epoch may have been lost; that shows in what the member owns.
            let owned = request.topicPartitions.map(Self.partitions)
            guard request.memberEpoch == member.previousEpoch, let owned, owned.isSubset(of: member.assigned) else {
                throw HeartbeatRefusal(
                    code: .fencedMemberEpoch,
                    message: "The consumer group member has a smaller member epoch (\(request.memberEpoch)) than the "
                        + "one known by the group coordinator (\(member.epoch)). The member must abandon all its "
                        + "partitions and rejoin."
                )
            }
        }
        return index
    }

    private func existingIndex(_ request: ConsumerGroupHeartbeatRequest) throws(HeartbeatRefusal) -> Int {
        if let instanceID = request.instanceID {
            guard let index = staticIndex(of: instanceID) else {
                throw HeartbeatRefusal(code: .unknownMemberID, message: "Instance id \(instanceID) is unknown.")
            }
            guard members[index].id == request.memberID else {
                throw HeartbeatRefusal(
                    code: .fencedInstanceID,
                    message: "Static member \(request.memberID) with instance id \(instanceID) was fenced by member "
                        + "\(members[index].id)."
                )
            }
            return index
        }
        guard let index = index(of: request.memberID) else {
            throw HeartbeatRefusal(
                code: .unknownMemberID,
                message: "Member \(request.memberID) is not a member of group \(id)."
            )
        }
        return index
    }

    private mutating func leave(
        _ request: ConsumerGroupHeartbeatRequest,
        _ context: MemberContext,
        catalog: [TopicName: TopicShape]
    ) throws(HeartbeatRefusal) -> ConsumerGroupHeartbeatResponse {
        let index = try existingIndex(request)
        var response = ConsumerGroupHeartbeatResponse()
        response.memberID = request.memberID
        response.memberEpoch = request.memberEpoch
        if request.memberEpoch == ConsumerMember.awayEpoch {
            members[index].epoch = ConsumerMember.awayEpoch
            members[index].revoking = []
            members[index].revocationDeadline = nil
            members[index].state = .stable
        } else {
            remove(members[index].id, catalog: catalog)
        }
        return response
    }

    /// Takes over what the heartbeat says about the member; true when the shares must be worked out anew.
    private mutating func apply(
        _ request: ConsumerGroupHeartbeatRequest,
        _ context: MemberContext,
        to index: Int
    ) -> Bool {
        let before = members[index]
        members[index].clientID = context.clientID
        members[index].clientHost = context.clientHost
        if let rackID = request.rackID { members[index].rackID = rackID }
        if request.rebalanceTimeoutMs >= 0 { members[index].rebalanceTimeout = Int64(request.rebalanceTimeoutMs) }
        if let assignor = request.serverAssignor { members[index].serverAssignor = assignor }
        if let names = request.subscribedTopicNames { members[index].subscribedNames = names.sorted() }
        if let regex = request.subscribedTopicRegex { members[index].subscribedRegex = regex == "" ? nil : regex }
        let after = members[index]
        return after.subscribedNames != before.subscribedNames || after.subscribedRegex != before.subscribedRegex
            || after.serverAssignor != before.serverAssignor || target[after.id] == nil
    }

    // MARK: Reconciliation

    private mutating func reconcile(_ index: Int, owned: Set<TopicIDPartition>?, now: Int64) {
        switch members[index].state {
        case .stable where members[index].epoch == assignmentEpoch:
            return
        case .revoking:
            // Silence about its partitions means that the member still holds them.
            guard let owned, owned.isDisjoint(with: members[index].revoking) else { return }
            step(index, owned: owned, now: now)
        case .stable, .waitingForRelease:
            step(index, owned: owned, now: now)
        }
    }

    private mutating func step(_ index: Int, owned: Set<TopicIDPartition>?, now: Int64) {
        let member = members[index]
        let wanted = target[member.id] ?? []
        let kept = member.assigned.intersection(wanted)
        let surplus = member.assigned.subtracting(wanted)
        members[index].revocationDeadline = nil
        members[index].revoking = []
        members[index].assigned = kept
        if !surplus.isEmpty, !(owned?.isDisjoint(with: surplus) ?? false) {
            members[index].state = .revoking
            members[index].revoking = surplus
            members[index].revocationDeadline = now + member.rebalanceTimeout
            return
        }
        let taken = members.enumerated()
            .filter { $0.offset != index }
            .reduce(into: Set<TopicIDPartition>()) { $0.formUnion($1.element.assigned.union($1.element.revoking)) }
        let available = wanted.subtracting(kept).subtracting(taken)
        members[index].assigned = kept.union(available)
        members[index].state = members[index].assigned == wanted ? .stable : .waitingForRelease
        if member.epoch != assignmentEpoch {
            members[index].previousEpoch = member.epoch
            members[index].epoch = assignmentEpoch
        }
    }

    static func partitions(_ topics: [ConsumerGroupHeartbeatRequest.TopicPartitions]) -> Set<TopicIDPartition> {
        var result: Set<TopicIDPartition> = []
        for topic in topics {
            for partition in topic.partitions {
                result.insert(TopicIDPartition(topicID: topic.topicID, partition: partition))
            }
        }
        return result
    }

    private static func assignment(_ partitions: Set<TopicIDPartition>) -> ConsumerGroupHeartbeatResponse.Assignment {
        var assignment = ConsumerGroupHeartbeatResponse.Assignment()
        for (topicID, entries) in Dictionary(grouping: partitions, by: \.topicID) {
            var topic = ConsumerGroupHeartbeatResponse.TopicPartitions()
            topic.topicID = topicID
            topic.partitions = entries.map(\.partition).sorted()
            assignment.topicPartitions.append(topic)
        }
        return assignment
    }
}
