package import KafkaProtocol

/// DeleteTopics (20), versions 0-6: by name, from version 6 also by id.
package enum DeleteTopicsHandler: RequestHandler {
    package static func handle(
        _ request: DeleteTopicsRequest,
        _ context: RequestContext,
        _ reply: Reply<DeleteTopicsResponse>
    ) {
        reply(.with { $0.responses = Self.asked(request, context).map { Self.delete($0, context) } })
    }

    package static func failure(
        _ request: DeleteTopicsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> DeleteTopicsResponse {
        .with { $0.responses = Self.asked(request, context).map { Self.result($0.name, $0.topicID, error) } }
    }

    package static func topics(_ request: DeleteTopicsRequest, _ context: RequestContext) -> [TopicName] {
        Self.asked(request, context).compactMap { $0.name ?? context.cluster.topicNames[$0.topicID] }
    }

    private typealias Asked = DeleteTopicsRequest.DeleteTopicState
    private typealias Answer = DeleteTopicsResponse.DeletableTopicResult

    private static func asked(_ request: DeleteTopicsRequest, _ context: RequestContext) -> [Asked] {
        context.version >= 6 ? request.topics : request.topicNames.map { name in .with { $0.name = name } }
    }

    private static func delete(_ asked: Asked, _ context: RequestContext) -> Answer {
        let topic = asked.name.map { context.cluster.topics[$0] } ?? context.cluster.topic(asked.topicID)
        guard let topic else {
            return Self.result(
                asked.name,
                asked.topicID,
                asked.name == nil ? .unknownTopicID : .unknownTopicOrPartition
            )
        }
        guard context.allows(.delete, .topic, topic.name) else {
            // A name that the principal may not even see is not given away.
            let name = context.allows(.describe, .topic, topic.name) ? topic.name : asked.name
            return Self.result(name, asked.topicID, .topicAuthorizationFailed)
        }
        context.cluster.deleteTopic(topic.name)
        return Self.result(topic.name, topic.id, .none)
    }

    private static func result(_ name: TopicName?, _ id: KafkaUUID, _ error: ErrorCode) -> Answer {
        .with {
            $0.name = name
            $0.topicID = id
            $0.errorCode = error
        }
    }
}
