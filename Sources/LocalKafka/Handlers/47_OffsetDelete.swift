package import KafkaProtocol

/// OffsetDelete (47), version 0.
///
/// - Deletes committed offsets; topics that a member reads answer GROUP_SUBSCRIBED_TO_TOPIC.
/// - A group that is not there: GROUP_ID_NOT_FOUND; one of another kind than consumers', with members: NON_EMPTY_GROUP.
/// - Needs DELETE on the group and READ on each topic.
package enum OffsetDeleteHandler: RequestHandler {
    package static func handle(
        _ request: OffsetDeleteRequest,
        _ context: RequestContext,
        _ reply: Reply<OffsetDeleteResponse>
    ) {
        let refusal = context.refusal(ofGroup: request.groupID, .delete)
        guard refusal == .none else { return reply(Self.failure(request, refusal, context)) }
        let response = context.cluster.groups.perform(context.cluster) { coordinator in
            let error = coordinator.checkDelete(request.groupID)
            guard error == .none else { return Self.failure(request, error, context) }
            var response = OffsetDeleteResponse()
            for topic in request.topics {
                var entry = OffsetDeleteResponse.OffsetDeleteResponseTopic()
                entry.name = topic.name
                for partition in topic.partitions {
                    let name = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                    var error = context.refusal(of: name, .read)
                    if error == .none { error = coordinator.deleteOffset(request.groupID, name) }
                    entry.partitions.append(
                        .with {
                            $0.partitionIndex = partition.partitionIndex
                            $0.errorCode = error
                        }
                    )
                }
                response.topics.append(entry)
            }
            return response
        }
        reply(response)
    }

    package static func failure(
        _ request: OffsetDeleteRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> OffsetDeleteResponse {
        .with { $0.errorCode = error }
    }
}
