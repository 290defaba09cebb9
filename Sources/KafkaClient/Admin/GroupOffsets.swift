public import KafkaNetwork
public import KafkaProtocol

/// An offset that a group has committed.
public struct CommittedOffset: Sendable, Hashable {
    public var offset: Int64
    /// -1 when not known.
    public var leaderEpoch: Int32
    public var metadata: KafkaString?

    public init(offset: Int64, leaderEpoch: Int32 = -1, metadata: KafkaString? = "") {
        self.offset = offset
        self.leaderEpoch = leaderEpoch
        self.metadata = metadata
    }
}

/// A member of a group in one generation, as which offsets are committed.
public struct GroupMemberIdentity: Sendable, Hashable {
    public var memberID: KafkaString
    public var generationID: Int32
    public var instanceID: KafkaString?

    public init(memberID: KafkaString, generationID: Int32, instanceID: KafkaString? = nil) {
        self.memberID = memberID
        self.generationID = generationID
        self.instanceID = instanceID
    }
}

extension KafkaClient {
    /// Reads a group's committed offsets; partitions without one are left out.
    ///
    /// - Parameters:
    ///   - partitions: Only these; nil reads all.
    ///   - requireStable: Waits for open transactions that commit offsets of the group.
    public func groupOffsets(
        of group: GroupID,
        partitions: [TopicPartition]? = nil,
        requireStable: Bool = false,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> [TopicPartition: Result<CommittedOffset, KafkaClientError>] {
        let topics = partitions?.groupedByTopic()
        let response = try await call(
            OffsetFetchRequest.self,
            .coordinator(.group(group)),
            deadline: self.deadline(deadline),
            errorCode: Self.offsetFetchError,
            build: { version throws(KafkaClientError) in
                try Self.offsetFetch(group, topics, requireStable: requireStable, version: version)
            }
        )
        let code = response.groups.first?.errorCode ?? response.errorCode
        guard code == .none else { throw refused(code, "The group's offsets cannot be read", group: group) }
        return committed(response, group: group)
    }

    /// The first error that concerns the whole group, or a partition whose offset is about to change.
    private static func offsetFetchError(_ response: OffsetFetchResponse) -> ErrorCode {
        let code = response.groups.first?.errorCode ?? response.errorCode
        if code != .none { return code }
        let partitions =
            response.groups.flatMap(\.topics).flatMap(\.partitions).map(\.errorCode)
            + response.topics.flatMap(\.partitions).map(\.errorCode)
        // Up to version 1 the coordinator's own errors stand beside each partition.
        let temporary: Set<ErrorCode> = [
            .unstableOffsetCommit, .coordinatorLoadInProgress, .notCoordinator, .coordinatorNotAvailable,
        ]
        return partitions.first { temporary.contains($0) } ?? .none
    }

    private static func offsetFetch(
        _ group: GroupID,
        _ topics: [(topic: TopicName, partitions: [Int32])]?,
        requireStable: Bool,
        version: Int16
    ) throws(KafkaClientError) -> OffsetFetchRequest {
        var request = OffsetFetchRequest()
        if version >= 7 { request.requireStable = requireStable }
        if version >= 8 {
            var entry = OffsetFetchRequest.OffsetFetchRequestGroup()
            entry.groupID = group
            entry.topics = topics?.map { topic, partitions in
                var item = OffsetFetchRequest.OffsetFetchRequestTopics()
                item.name = topic
                item.partitionIndexes = partitions
                return item
            }
            request.groups = [entry]
            return request
        }
        guard topics != nil || version >= 2 else {
            throw KafkaClientError(
                .unsupportedByBroker,
                "The broker is older than Kafka 0.10.2 and cannot list all offsets of a group",
                group: group
            )
        }
        request.groupID = group
        request.topics = topics?.map { topic, partitions in
            var item = OffsetFetchRequest.OffsetFetchRequestTopic()
            item.name = topic
            item.partitionIndexes = partitions
            return item
        }
        return request
    }

    func committed(
        _ response: OffsetFetchResponse,
        group: GroupID
    ) -> [TopicPartition: Result<CommittedOffset, KafkaClientError>] {
        var result: [TopicPartition: Result<CommittedOffset, KafkaClientError>] = [:]
        func add(_ topic: TopicName, _ index: Int32, _ code: ErrorCode, _ found: CommittedOffset) {
            let id = TopicPartition(topic: topic, partition: index)
            if code != .none {
                result[id] = .failure(
                    refused(code, "The offset cannot be read", topic: topic, partition: index, group: group)
                )
            } else if found.offset.asOffset >= 0 {
                result[id] = .success(found)
            } else if found.offset > 0 {
                result[id] = .failure(
                    refused(
                        .unknownServerError,
                        "The committed offset makes no sense: \(found.offset)",
                        topic: topic,
                        partition: index,
                        group: group
                    )
                )
            }
        }
        for topic in response.groups.flatMap(\.topics) {
            for partition in topic.partitions {
                let found = CommittedOffset(
                    offset: partition.committedOffset,
                    leaderEpoch: partition.committedLeaderEpoch,
                    metadata: partition.metadata
                )
                add(topic.name, partition.partitionIndex, partition.errorCode, found)
            }
        }
        for topic in response.topics {
            for partition in topic.partitions {
                let found = CommittedOffset(
                    offset: partition.committedOffset,
                    leaderEpoch: partition.committedLeaderEpoch,
                    metadata: partition.metadata
                )
                add(topic.name, partition.partitionIndex, partition.errorCode, found)
            }
        }
        return result
    }

    /// Commits offsets for a group.
    ///
    /// - Parameter member: As whom; nil commits from outside, which the coordinator allows for groups without members.
    public func commitGroupOffsets(
        _ offsets: [TopicPartition: CommittedOffset],
        of group: GroupID,
        as member: GroupMemberIdentity? = nil,
        purpose: ConnectionPurpose = .control,
        lane: Int = 0,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> [TopicPartition: Result<Void, KafkaClientError>] {
        guard !offsets.isEmpty else { return [:] }
        let temporary: Set<ErrorCode> = [
            .coordinatorLoadInProgress, .notCoordinator, .coordinatorNotAvailable, .requestTimedOut,
        ]
        let response = try await call(
            OffsetCommitRequest.self,
            .coordinator(.group(group)),
            purpose: purpose,
            lane: lane,
            deadline: self.deadline(deadline),
            errorCode: { response in
                response.topics.flatMap(\.partitions).map(\.errorCode).first { temporary.contains($0) } ?? .none
            },
            build: { version in
                var request = OffsetCommitRequest()
                request.groupID = group
                if version >= 1 {
                    request.generationIDOrMemberEpoch = member?.generationID ?? -1
                    request.memberID = member?.memberID ?? ""
                }
                if version >= 7 { request.groupInstanceID = member?.instanceID }
                for (topic, indices) in offsets.keys.groupedByTopic() {
                    var entry = OffsetCommitRequest.OffsetCommitRequestTopic()
                    entry.name = topic
                    entry.partitions = indices.map { index in
                        let offset = offsets[TopicPartition(topic: topic, partition: index)]
                        var partition = OffsetCommitRequest.OffsetCommitRequestPartition()
                        partition.partitionIndex = index
                        partition.committedOffset = offset?.offset ?? -1
                        partition.committedMetadata = offset?.metadata ?? ""
                        if version >= 6 { partition.committedLeaderEpoch = offset?.leaderEpoch ?? -1 }
                        return partition
                    }
                    request.topics.append(entry)
                }
                return request
            }
        )
        var result: [TopicPartition: Result<Void, KafkaClientError>] = [:]
        for topic in response.topics {
            for partition in topic.partitions {
                let id = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                result[id] =
                    partition.errorCode == .none
                    ? .success(())
                    : .failure(commitError(partition.errorCode, id, group))
            }
        }
        return result
    }

    private func commitError(_ code: ErrorCode, _ id: TopicPartition, _ group: GroupID) -> KafkaClientError {
        var error = refused(
            code,
            "The offset cannot be committed",
            topic: id.topic,
            partition: id.partition,
            group: group
        )
        if code.recovery == .rejoinGroup { error.code = .rebalanced }
        return error
    }

    /// Deletes committed offsets of partitions that no member of the group reads.
    public func deleteGroupOffsets(
        _ partitions: [TopicPartition],
        of group: GroupID,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> [TopicPartition: Result<Void, KafkaClientError>] {
        let response = try await call(
            OffsetDeleteRequest.self,
            .coordinator(.group(group)),
            deadline: self.deadline(deadline),
            errorCode: { $0.errorCode },
            build: { _ in
                var request = OffsetDeleteRequest()
                request.groupID = group
                request.topics = partitions.groupedByTopic().map { topic, indices in
                    var entry = OffsetDeleteRequest.OffsetDeleteRequestTopic()
                    entry.name = topic
                    entry.partitions = indices.map { index in
                        var partition = OffsetDeleteRequest.OffsetDeleteRequestPartition()
                        partition.partitionIndex = index
                        return partition
                    }
                    return entry
                }
                return request
            }
        )
        guard response.errorCode == .none else {
            throw refused(response.errorCode, "The group's offsets cannot be deleted", group: group)
        }
        var result: [TopicPartition: Result<Void, KafkaClientError>] = [:]
        for topic in response.topics {
            for partition in topic.partitions {
                let id = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                result[id] =
                    partition.errorCode == .none
                    ? .success(())
                    : .failure(
                        refused(
                            partition.errorCode,
                            "The offset cannot be deleted",
                            topic: id.topic,
                            partition: id.partition,
                            group: group
                        )
                    )
            }
        }
        return result
    }
}
