package import KafkaProtocol

/// CreatePartitions (37), versions 0-3: adds partitions to topics.
package enum CreatePartitionsHandler: RequestHandler {
    package static func handle(
        _ request: CreatePartitionsRequest,
        _ context: RequestContext,
        _ reply: Reply<CreatePartitionsResponse>
    ) {
        reply(
            .with {
                $0.results = request.topics.map { asked in
                    do throws(Cluster.AdminFailure) {
                        try Self.add(asked, validateOnly: request.validateOnly, context)
                        return .with { $0.name = asked.name }
                    } catch {
                        return Self.failure(asked.name, error)
                    }
                }
            }
        )
    }

    package static func failure(
        _ request: CreatePartitionsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> CreatePartitionsResponse {
        .with { $0.results = request.topics.map { Self.failure($0.name, .init(error)) } }
    }

    package static func topics(_ request: CreatePartitionsRequest, _ context: RequestContext) -> [TopicName] {
        request.topics.map(\.name)
    }

    private static func add(
        _ asked: CreatePartitionsRequest.CreatePartitionsTopic,
        validateOnly: Bool,
        _ context: RequestContext
    ) throws(Cluster.AdminFailure) {
        guard context.allows(.alter, .topic, asked.name) else { throw .init(.topicAuthorizationFailed) }
        guard let topic = context.cluster.topics[asked.name] else {
            throw .init(.unknownTopicOrPartition, "This server does not host this topic-partition.")
        }
        try context.cluster.addPartitions(
            topic,
            count: asked.count,
            assignments: asked.assignments?.map(\.brokerIDs),
            validateOnly: validateOnly
        )
    }

    private static func failure(
        _ name: TopicName,
        _ failure: Cluster.AdminFailure
    ) -> CreatePartitionsResponse.CreatePartitionsTopicResult {
        .with {
            $0.name = name
            $0.errorCode = failure.code
            $0.errorMessage = failure.message.map { KafkaString($0) }
        }
    }
}
