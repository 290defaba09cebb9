package import KafkaProtocol

/// OffsetCommit (8), versions 0-9.
///
/// - Members commit with their generation (or, from version 9 on, their member epoch), everybody else only while the
///   group has no members.
/// - Metadata is kept up to `offset.metadata.max.bytes`: OFFSET_METADATA_TOO_LARGE.
/// - Retention times are accepted and ignored: offsets stay until they are deleted.
/// - Needs READ on the group and on each topic.
package enum OffsetCommitHandler: RequestHandler {
    package static func handle(
        _ request: OffsetCommitRequest,
        _ context: RequestContext,
        _ reply: Reply<OffsetCommitResponse>
    ) {
        let refusal = context.refusal(ofGroup: request.groupID, .read)
        guard refusal == .none else { return reply(Self.failure(request, refusal, context)) }
        let committer = GroupCoordinator.Committer(
            memberID: request.memberID,
            instanceID: request.groupInstanceID,
            generation: request.generationIDOrMemberEpoch
        )
        let response = context.cluster.groups.perform(context.cluster) { coordinator in
            let error = coordinator.checkCommit(
                request.groupID,
                committer,
                version: context.version,
                now: context.now
            )
            guard error == .none else { return Self.failure(request, error, context) }
            return Self.answer(request) { partition, entry in
                let error = context.refusal(of: partition, .read)
                guard error == .none else { return error }
                let metadata = entry.committedMetadata ?? ""
                guard metadata.utf8.count <= coordinator.configuration.maxOffsetMetadataBytes else {
                    return .offsetMetadataTooLarge
                }
                let offset = CommittedOffset(
                    offset: entry.committedOffset,
                    leaderEpoch: entry.committedLeaderEpoch,
                    metadata: metadata,
                    timestamp: entry.commitTimestamp < 0 ? context.now : entry.commitTimestamp
                )
                coordinator.store(offset, request.groupID, partition)
                return .none
            }
        }
        reply(response)
    }

    private static func answer(
        _ request: OffsetCommitRequest,
        _ commit: (TopicPartition, OffsetCommitRequest.OffsetCommitRequestPartition) -> ErrorCode
    ) -> OffsetCommitResponse {
        var response = OffsetCommitResponse()
        for topic in request.topics {
            var entry = OffsetCommitResponse.OffsetCommitResponseTopic()
            entry.name = topic.name
            for partition in topic.partitions {
                let name = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                entry.partitions.append(
                    .with {
                        $0.partitionIndex = partition.partitionIndex
                        $0.errorCode = commit(name, partition)
                    }
                )
            }
            response.topics.append(entry)
        }
        return response
    }

    package static func topics(_ request: OffsetCommitRequest, _ context: RequestContext) -> [TopicName] {
        request.topics.map(\.name)
    }

    package static func failure(
        _ request: OffsetCommitRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> OffsetCommitResponse {
        Self.answer(request) { _, _ in error }
    }
}
