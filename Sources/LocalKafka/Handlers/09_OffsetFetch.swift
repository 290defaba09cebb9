package import KafkaProtocol

/// OffsetFetch (9), versions 0-9.
///
/// - A partition without a committed offset answers offset -1, like a group that does not exist.
/// - From version 2 on a null topic list asks for all; from version 8 on many groups can be asked for.
/// - With `requireStable` (version 7) offsets of open transactions answer UNSTABLE_OFFSET_COMMIT.
/// - From version 9 on members of consumer groups give their epoch: STALE_MEMBER_EPOCH, UNKNOWN_MEMBER_ID.
/// - Needs DESCRIBE on the group and on each topic; topics nobody named are left out instead.
package enum OffsetFetchHandler: RequestHandler {
    package static func handle(
        _ request: OffsetFetchRequest,
        _ context: RequestContext,
        _ reply: Reply<OffsetFetchResponse>
    ) {
        let groups = Self.groups(request, context)
        // Due changes, such as the end of a member's session, count before offsets are looked at.
        context.cluster.groups.perform(context.cluster) { _ in }
        let answers = groups.map { Self.answer($0, requireStable: request.requireStable, context) }
        reply(Self.shaped(answers, context))
    }

    /// The request in the form of version 8, whatever it was.
    private static func groups(
        _ request: OffsetFetchRequest,
        _ context: RequestContext
    ) -> [OffsetFetchRequest.OffsetFetchRequestGroup] {
        guard context.version < 8 else { return request.groups }
        return [
            .with {
                $0.groupID = request.groupID
                $0.topics = request.topics?.map { topic in
                    .with {
                        $0.name = topic.name
                        $0.partitionIndexes = topic.partitionIndexes
                    }
                }
            }
        ]
    }

    private static func answer(
        _ request: OffsetFetchRequest.OffsetFetchRequestGroup,
        requireStable: Bool,
        _ context: RequestContext
    ) -> OffsetFetchResponse.OffsetFetchResponseGroup {
        var error = context.refusal(ofGroup: request.groupID, .describe)
        let state = context.cluster.groups.state
        if error == .none {
            error = state.checkFetch(request.groupID, member: request.memberID, epoch: request.memberEpoch)
        }
        guard error == .none else { return Self.failed(request, error, context.version) }
        let offsets = state.offsets[request.groupID] ?? GroupOffsets()
        let unstable = requireStable ? offsets.unstablePartitions : []

        func entry(_ partition: TopicPartition) -> OffsetFetchResponse.OffsetFetchResponsePartitions {
            if unstable.contains(partition) { return Self.missing(partition.partition, .unstableOffsetCommit) }
            guard let offset = offsets.committed[partition] else { return Self.missing(partition.partition, .none) }
            return .with {
                $0.partitionIndex = partition.partition
                $0.committedOffset = offset.offset
                $0.committedLeaderEpoch = offset.leaderEpoch
                $0.metadata = offset.metadata
            }
        }

        var response = OffsetFetchResponse.OffsetFetchResponseGroup()
        response.groupID = request.groupID
        if let topics = request.topics {
            response.topics = topics.map { topic in
                let isAllowed = context.allows(.describe, .topic, topic.name)
                return .with {
                    $0.name = topic.name
                    $0.partitions = topic.partitionIndexes.map { index in
                        isAllowed
                            ? entry(TopicPartition(topic: topic.name, partition: index))
                            : Self.missing(index, .topicAuthorizationFailed)
                    }
                }
            }
            return response
        }
        let all = Dictionary(grouping: Set(offsets.committed.keys).union(unstable), by: \.topic)
        for (name, partitions) in all.sorted(by: { $0.key < $1.key }) where context.allows(.describe, .topic, name) {
            response.topics.append(
                .with {
                    $0.name = name
                    $0.partitions = partitions.sorted().map(entry)
                }
            )
        }
        return response
    }

    private static func missing(
        _ index: Int32,
        _ error: ErrorCode
    ) -> OffsetFetchResponse.OffsetFetchResponsePartitions {
        .with {
            $0.partitionIndex = index
            $0.committedOffset = -1
            $0.errorCode = error
        }
    }

    /// Before version 2 there is no code for the group: every partition carries it.
    private static func failed(
        _ request: OffsetFetchRequest.OffsetFetchRequestGroup,
        _ error: ErrorCode,
        _ version: Int16
    ) -> OffsetFetchResponse.OffsetFetchResponseGroup {
        .with {
            $0.groupID = request.groupID
            $0.errorCode = error
            guard version < 2 else { return }
            $0.topics = (request.topics ?? []).map { topic in
                .with {
                    $0.name = topic.name
                    $0.partitions = topic.partitionIndexes.map { Self.missing($0, error) }
                }
            }
        }
    }

    private static func shaped(
        _ groups: [OffsetFetchResponse.OffsetFetchResponseGroup],
        _ context: RequestContext
    ) -> OffsetFetchResponse {
        .with {
            guard context.version < 8 else {
                $0.groups = groups
                return
            }
            guard let group = groups.first else { return }
            $0.errorCode = context.version < 2 ? .none : group.errorCode
            $0.topics = group.topics.map { topic in
                .with {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition in
                        .with {
                            $0.partitionIndex = partition.partitionIndex
                            $0.committedOffset = partition.committedOffset
                            $0.committedLeaderEpoch = context.version < 5 ? -1 : partition.committedLeaderEpoch
                            $0.metadata = partition.metadata
                            $0.errorCode = partition.errorCode
                        }
                    }
                }
            }
        }
    }

    package static func failure(
        _ request: OffsetFetchRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> OffsetFetchResponse {
        let groups = Self.groups(request, context).map { Self.failed($0, error, context.version) }
        return Self.shaped(groups, context)
    }
}
