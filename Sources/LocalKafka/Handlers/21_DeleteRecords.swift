package import KafkaProtocol

/// DeleteRecords (21), versions 0-2: moves log starts forward; -1 means the high watermark.
package enum DeleteRecordsHandler: RequestHandler {
    package static func handle(
        _ request: DeleteRecordsRequest,
        _ context: RequestContext,
        _ reply: Reply<DeleteRecordsResponse>
    ) {
        reply(Self.response(request) { Self.delete($1, topic: $0, context) })
    }

    package static func failure(
        _ request: DeleteRecordsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> DeleteRecordsResponse {
        Self.response(request) { Self.failure($1.partitionIndex, error) }
    }

    package static func topics(_ request: DeleteRecordsRequest, _ context: RequestContext) -> [TopicName] {
        request.topics.map(\.name)
    }

    private typealias Asked = DeleteRecordsRequest.DeleteRecordsPartition
    private typealias Answer = DeleteRecordsResponse.DeleteRecordsPartitionResult

    private static func response(
        _ request: DeleteRecordsRequest,
        _ partition: (TopicName, Asked) -> Answer
    ) -> DeleteRecordsResponse {
        .with {
            $0.topics = request.topics.map { topic in
                .with {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition(topic.name, $0) }
                }
            }
        }
    }

    private static func delete(_ asked: Asked, topic name: TopicName, _ context: RequestContext) -> Answer {
        guard context.allows(.delete, .topic, name) else {
            return Self.failure(asked.partitionIndex, .topicAuthorizationFailed)
        }
        guard let topic = context.cluster.topics[name], let partition = topic.partition(asked.partitionIndex) else {
            return Self.failure(asked.partitionIndex, .unknownTopicOrPartition)
        }
        guard partition.leader == context.broker.id else {
            return Self.failure(asked.partitionIndex, .notLeaderOrFollower)
        }
        guard context.cluster.rules(for: topic).isDeleted else {
            return Self.failure(asked.partitionIndex, .policyViolation)
        }
        let offset = asked.offset == -1 ? partition.log.highWatermark : asked.offset
        guard let start = partition.log.deleteRecords(before: offset) else {
            return Self.failure(asked.partitionIndex, .offsetOutOfRange)
        }
        partition.wakeWaiters()
        return .with {
            $0.partitionIndex = asked.partitionIndex
            $0.lowWatermark = start
        }
    }

    private static func failure(_ partition: Int32, _ error: ErrorCode) -> Answer {
        .with {
            $0.partitionIndex = partition
            $0.errorCode = error
            $0.lowWatermark = -1
        }
    }
}
