package import KafkaProtocol

/// OffsetForLeaderEpoch (23), versions 0-4: where a leader epoch ends in a partition's log.
package enum OffsetForLeaderEpochHandler: RequestHandler {
    package static func handle(
        _ request: OffsetForLeaderEpochRequest,
        _ context: RequestContext,
        _ reply: Reply<OffsetForLeaderEpochResponse>
    ) {
        reply(
            Self.response(request) { topic, asked in
                guard context.allows(.describe, .topic, topic) else {
                    return Self.failure(asked.partition, .topicAuthorizationFailed)
                }
                let place = TopicPartition(topic: topic, partition: asked.partition)
                guard let partition = context.cluster.partition(place) else {
                    return Self.failure(asked.partition, .unknownTopicOrPartition)
                }
                let error = partition.check(leaderEpoch: asked.currentLeaderEpoch, at: context.broker)
                guard error == .none else { return Self.failure(asked.partition, error) }
                let end = partition.log.leaderEpochs.end(of: asked.leaderEpoch, logEnd: partition.log.endOffset)
                return .with {
                    $0.partition = asked.partition
                    $0.leaderEpoch = end.epoch
                    $0.endOffset = end.offset
                }
            }
        )
    }

    package static func failure(
        _ request: OffsetForLeaderEpochRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> OffsetForLeaderEpochResponse {
        Self.response(request) { Self.failure($1.partition, error) }
    }

    package static func topics(_ request: OffsetForLeaderEpochRequest, _ context: RequestContext) -> [TopicName] {
        request.topics.map(\.topic)
    }

    private typealias Asked = OffsetForLeaderEpochRequest.OffsetForLeaderPartition
    private typealias Answer = OffsetForLeaderEpochResponse.EpochEndOffset

    private static func response(
        _ request: OffsetForLeaderEpochRequest,
        _ partition: (TopicName, Asked) -> Answer
    ) -> OffsetForLeaderEpochResponse {
        .with {
            $0.topics = request.topics.map { topic in
                .with {
                    $0.topic = topic.topic
                    $0.partitions = topic.partitions.map { partition(topic.topic, $0) }
                }
            }
        }
    }

    private static func failure(_ partition: Int32, _ error: ErrorCode) -> Answer {
        .with {
            $0.partition = partition
            $0.errorCode = error
        }
    }
}
