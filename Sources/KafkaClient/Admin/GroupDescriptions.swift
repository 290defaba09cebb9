import KafkaNetwork
public import KafkaProtocol
public import NIOCore

/// A group as the list of groups shows it.
public struct ListedGroup: Sendable, Hashable {
    public var id: GroupID
    /// `consumer` for groups of consumers; other users of the group protocol have names of their own.
    public var protocolType: KafkaString
    /// Empty when the broker does not tell.
    public var state: KafkaString
    /// `classic`, `consumer`, ...; empty when the broker does not tell.
    public var type: KafkaString
}

/// A group, its members and what they read.
public struct GroupDescription: Sendable, Hashable {
    public struct Member: Sendable, Hashable {
        public var id: KafkaString
        public var instanceID: KafkaString?
        public var clientID: KafkaString
        public var clientHost: KafkaString
        public var subscribedTopics: [TopicName]
        /// The partitions the member reads, where the assignment is in the consumers' format.
        public var partitions: [TopicPartition]
        /// The member's metadata and assignment as they are, in classic groups.
        public var metadata: ByteBuffer?
        public var assignment: ByteBuffer?
    }

    public var id: GroupID
    public var state: KafkaString
    /// `classic` or `consumer`.
    public var type: KafkaString
    public var protocolType: KafkaString
    /// How partitions are assigned.
    public var assignor: KafkaString
    public var coordinator: Int32?
    public var members: [Member]

    /// Whether nobody is in it, so that its offsets may be changed from outside.
    public var isEmpty: Bool { members.isEmpty }
}

extension KafkaClient {
    /// Lists the groups of all coordinators.
    ///
    /// - Parameters:
    ///   - states: Only groups in these states (Kafka 2.6 and later).
    ///   - types: Only groups of these types (Kafka 3.8 and later).
    public func listGroups(
        states: [KafkaString] = [],
        types: [KafkaString] = [],
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> [ListedGroup] {
        let deadline = self.deadline(deadline)
        let brokers = try await waitUntilConnected(deadline: deadline).brokers.keys.sorted()
        let results: [Int32: Result<[ListedGroup], KafkaClientError>] = await fanOut(
            ListGroupsRequest.self,
            keys: brokers,
            deadline: deadline,
            locate: { keys in Dictionary(uniqueKeysWithValues: keys.map { ($0, ItemLocation.broker($0)) }) },
            build: { _, version throws(KafkaClientError) in
                var request = ListGroupsRequest()
                if version >= 4 { request.statesFilter = states }
                if version >= 5 { request.typesFilter = types }
                return request
            },
            parse: { response, brokers in
                brokers.map { broker in
                    guard response.errorCode == .none else {
                        return (broker, .failure(ItemFailure(response.errorCode)))
                    }
                    return (
                        broker,
                        .success(
                            response.groups.map {
                                ListedGroup(
                                    id: $0.groupID,
                                    protocolType: $0.protocolType,
                                    state: $0.groupState,
                                    type: $0.groupType
                                )
                            }
                        )
                    )
                }
            },
            describe: { _, failure in refused(failure.code, "The groups cannot be listed") }
        )
        var groups: [GroupID: ListedGroup] = [:]
        for result in results.values {
            for group in try result.get() { groups[group.id] = group }
        }
        return groups.values.filter { states.isEmpty || $0.state.isEmpty || states.contains($0.state) }
            .sorted { $0.id < $1.id }
    }

    /// Describes groups of either protocol; a group that does not exist has the state `Dead`.
    public func describeGroups(
        _ ids: [GroupID],
        deadline: Deadline? = nil
    ) async -> [GroupID: Result<GroupDescription, KafkaClientError>] {
        let deadline = self.deadline(deadline)
        var results = await describeConsumerGroups(ids, deadline: deadline)
        let classic = ids.filter { id in
            switch results[id] {
            case .success, nil: false
            case .failure(let error):
                error.code == .unsupportedByBroker || error.kafkaError == .groupIDNotFound
                    || error.kafkaError == .unsupportedVersion
            }
        }
        if !classic.isEmpty {
            results.merge(await describeClassicGroups(classic, deadline: deadline)) { _, new in new }
        }
        return results
    }

    /// Describes groups of the classic protocol.
    public func describeClassicGroups(
        _ ids: [GroupID],
        deadline: Deadline? = nil
    ) async -> [GroupID: Result<GroupDescription, KafkaClientError>] {
        await perGroup(
            DescribeGroupsRequest.self,
            ids,
            deadline: deadline,
            what: "The group cannot be described",
            build: { ids, _ throws(KafkaClientError) in
                var request = DescribeGroupsRequest()
                request.groups = ids
                return request
            },
            parse: { response in
                response.groups.map { group in
                    guard group.errorCode == .none else {
                        return (group.groupID, .failure(ItemFailure(group.errorCode)))
                    }
                    return (group.groupID, .success(Self.description(group)))
                }
            }
        )
    }

    private static func description(_ group: DescribeGroupsResponse.DescribedGroup) -> GroupDescription {
        let isConsumer = group.protocolType == ConsumerProtocol.type
        return GroupDescription(
            id: group.groupID,
            state: group.groupState,
            type: "classic",
            protocolType: group.protocolType,
            assignor: group.protocolData,
            coordinator: nil,
            members: group.members.map { member in
                GroupDescription.Member(
                    id: member.memberID,
                    instanceID: member.groupInstanceID,
                    clientID: member.clientID,
                    clientHost: member.clientHost,
                    subscribedTopics: isConsumer
                        ? ConsumerProtocol.subscription(member.memberMetadata)?.topics ?? [] : [],
                    partitions: isConsumer
                        ? ConsumerProtocol.assignment(member.memberAssignment)?.partitions ?? [] : [],
                    metadata: member.memberMetadata,
                    assignment: member.memberAssignment
                )
            }
        )
    }

    private func describeConsumerGroups(
        _ ids: [GroupID],
        deadline: Deadline
    ) async -> [GroupID: Result<GroupDescription, KafkaClientError>] {
        await perGroup(
            ConsumerGroupDescribeRequest.self,
            ids,
            deadline: deadline,
            what: "The group cannot be described",
            build: { ids, _ throws(KafkaClientError) in
                var request = ConsumerGroupDescribeRequest()
                request.groupIDs = ids
                return request
            },
            parse: { response in
                response.groups.map { group in
                    guard group.errorCode == .none else {
                        return (group.groupID, .failure(ItemFailure(group.errorCode, group.errorMessage)))
                    }
                    let description = GroupDescription(
                        id: group.groupID,
                        state: group.groupState,
                        type: "consumer",
                        protocolType: ConsumerProtocol.type,
                        assignor: group.assignorName,
                        coordinator: nil,
                        members: group.members.map { member in
                            GroupDescription.Member(
                                id: member.memberID,
                                instanceID: member.instanceID,
                                clientID: member.clientID,
                                clientHost: member.clientHost,
                                subscribedTopics: member.subscribedTopicNames,
                                partitions: member.assignment.topicPartitions.flatMap { topic in
                                    topic.partitions.map {
                                        TopicPartition(topic: topic.topicName, partition: $0)
                                    }
                                },
                                metadata: nil,
                                assignment: nil
                            )
                        }
                    )
                    return (group.groupID, .success(description))
                }
            }
        )
    }

    /// Deletes groups without members, with their offsets.
    public func deleteGroups(
        _ ids: [GroupID],
        deadline: Deadline? = nil
    ) async -> [GroupID: Result<Void, KafkaClientError>] {
        await perGroup(
            DeleteGroupsRequest.self,
            ids,
            deadline: deadline,
            what: "The group cannot be deleted",
            build: { ids, _ throws(KafkaClientError) in
                var request = DeleteGroupsRequest()
                request.groupsNames = ids
                return request
            },
            parse: { response in
                response.results.map { group in
                    guard group.errorCode == .none else {
                        return (group.groupID, .failure(ItemFailure(group.errorCode)))
                    }
                    return (group.groupID, .success(()))
                }
            }
        )
    }

    func perGroup<R: KafkaRequest, Value: Sendable>(
        _ type: R.Type,
        _ ids: [GroupID],
        deadline: Deadline?,
        what: String,
        build: @escaping @Sendable ([GroupID], Int16) throws(KafkaClientError) -> R,
        parse: (R.Response) -> [(GroupID, Result<Value, ItemFailure>)]
    ) async -> [GroupID: Result<Value, KafkaClientError>] {
        let deadline = self.deadline(deadline)
        return await fanOut(
            R.self,
            keys: ids,
            // Answers about very many groups take a while; nothing else is to wait behind them.
            purpose: .group,
            deadline: deadline,
            locate: { await locateCoordinators($0, .group, deadline: deadline) },
            recover: { id, code in
                if code.recovery != .retry { forgetCoordinator(.group(id)) }
            },
            build: build,
            parse: { response, _ in parse(response) },
            describe: { id, failure in refused(failure.code, what, detail: failure.message, group: id) }
        )
    }
}
