import KafkaProtocol

extension GroupCoordinator {
    /// The groups in name order, limited to some states and types; names of states and types match in any case.
    func list(states: [KafkaString], types: [KafkaString]) -> [ListGroupsResponse.ListedGroup] {
        let states = Set(states.map { $0.string.lowercased() })
        let types = Set(types.map { $0.string.lowercased() })
        let chosen = groups.values.filter { group in
            (states.isEmpty || states.contains(group.stateName.lowercased()))
                && (types.isEmpty || types.contains(group.typeName))
        }
        return chosen.sorted { $0.id < $1.id }.map { group in
            var entry = ListGroupsResponse.ListedGroup()
            entry.groupID = group.id
            entry.protocolType = group.protocolType
            entry.groupState = KafkaString(group.stateName)
            entry.groupType = KafkaString(group.typeName)
            return entry
        }
    }

    /// The group as DescribeGroups shows it; one that is not there looks dead.
    func describeClassic(_ id: GroupID) -> DescribeGroupsResponse.DescribedGroup {
        if let group = classic(id) { return group.described() }
        var entry = DescribeGroupsResponse.DescribedGroup()
        entry.groupID = id
        entry.groupState = KafkaString(ClassicGroup.State.dead.rawValue)
        return entry
    }

    /// The group as ConsumerGroupDescribe shows it.
    func describeConsumer(_ id: GroupID) -> ConsumerGroupDescribeResponse.DescribedGroup {
        var entry = ConsumerGroupDescribeResponse.DescribedGroup()
        entry.groupID = id
        guard let group = consumer(id) else {
            entry.errorCode = .groupIDNotFound
            entry.errorMessage =
                groups[id] == nil ? "Group \(id) not found." : "Group \(id) is not a consumer group."
            return entry
        }
        entry.groupState = KafkaString(group.state.rawValue)
        entry.groupEpoch = group.epoch
        entry.assignmentEpoch = group.assignmentEpoch
        entry.assignorName = KafkaString(group.assignor.rawValue)
        entry.members = group.members.map { describe($0, in: group) }
        return entry
    }

    private func describe(_ member: ConsumerMember, in group: ConsumerGroup) -> ConsumerGroupDescribeResponse.Member {
        var entry = ConsumerGroupDescribeResponse.Member()
        entry.memberID = member.id
        entry.instanceID = member.instanceID
        entry.rackID = member.rackID
        entry.memberEpoch = member.epoch
        entry.clientID = member.clientID
        entry.clientHost = member.clientHost
        entry.subscribedTopicNames = member.subscribedNames
        entry.subscribedTopicRegex = member.subscribedRegex
        entry.assignment = assignment(member.assigned, in: group)
        entry.memberType = 1
        entry.targetAssignment = assignment(group.target[member.id] ?? [], in: group)
        return entry
    }

    private func assignment(
        _ partitions: Set<TopicIDPartition>,
        in group: ConsumerGroup
    ) -> ConsumerGroupDescribeResponse.Assignment {
        var assignment = ConsumerGroupDescribeResponse.Assignment()
        for (name, shape) in group.subscribedTopics.sorted(by: { $0.key < $1.key }) {
            let mine = partitions.filter { $0.topicID == shape.id }.map(\.partition)
            guard !mine.isEmpty else { continue }
            var topic = ConsumerGroupDescribeResponse.TopicPartitions()
            topic.topicID = shape.id
            topic.topicName = name
            topic.partitions = mine.sorted()
            assignment.topicPartitions.append(topic)
        }
        return assignment
    }

    mutating func delete(_ id: GroupID) -> ErrorCode {
        guard let group = groups[id] else { return .groupIDNotFound }
        guard group.isEmpty else { return .nonEmptyGroup }
        removeGroup(id)
        return .none
    }
}
