package import KafkaProtocol

/// CreateTopics (19), versions 0-7.
///
/// - Defaults for partitions and replication (-1) from version 4; manual assignments; configs are checked.
/// - From version 5 the answer tells the new topic's shape and configs, from 7 its id.
package enum CreateTopicsHandler: RequestHandler {
    package static func handle(
        _ request: CreateTopicsRequest,
        _ context: RequestContext,
        _ reply: Reply<CreateTopicsResponse>
    ) {
        let names = request.topics.map(\.name)
        let mayCreateAny = context.allows(.create, .cluster)
        reply(
            .with {
                $0.topics = request.topics.map { asked in
                    guard names.filter({ $0 == asked.name }).count == 1 else {
                        return Self.failure(asked.name, .init(.invalidRequest, "Duplicate topic name."))
                    }
                    guard mayCreateAny || context.allows(.create, .topic, asked.name) else {
                        return Self.failure(asked.name, .init(.topicAuthorizationFailed, "Authorization failed."))
                    }
                    return Self.create(asked, validateOnly: request.validateOnly, context)
                }
            }
        )
    }

    package static func failure(
        _ request: CreateTopicsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> CreateTopicsResponse {
        .with { $0.topics = request.topics.map { Self.failure($0.name, .init(error)) } }
    }

    package static func topics(_ request: CreateTopicsRequest, _ context: RequestContext) -> [TopicName] {
        request.topics.map(\.name)
    }

    private static func create(
        _ asked: CreateTopicsRequest.CreatableTopic,
        validateOnly: Bool,
        _ context: RequestContext
    ) -> CreateTopicsResponse.CreatableTopicResult {
        var specification = Cluster.TopicSpecification(name: asked.name)
        specification.partitions = asked.numPartitions
        specification.replicationFactor = asked.replicationFactor
        for assignment in asked.assignments {
            specification.assignments[assignment.partitionIndex] = assignment.brokerIDs
        }
        for config in asked.configs {
            guard let value = config.value else {
                return Self.failure(
                    asked.name,
                    .init(.invalidConfig, "Null value not supported for topic configs: \(config.name)")
                )
            }
            specification.configs[config.name.string] = value.string
        }
        do {
            let topic = try context.cluster.createTopic(specification, validateOnly: validateOnly)
            return Self.success(topic, validateOnly: validateOnly, context)
        } catch {
            return Self.failure(asked.name, error)
        }
    }

    private static func success(
        _ topic: Topic,
        validateOnly: Bool,
        _ context: RequestContext
    ) -> CreateTopicsResponse.CreatableTopicResult {
        .with {
            $0.name = topic.name
            $0.topicID = validateOnly ? .zero : topic.id
            $0.errorMessage = nil
            guard context.allows(.describeConfigs, .topic, topic.name) else {
                $0.topicConfigErrorCode = .topicAuthorizationFailed
                return
            }
            $0.numPartitions = Int32(topic.partitions.count)
            $0.replicationFactor = Int16(topic.partitions.first?.replicas.count ?? 0)
            $0.configs = TopicConfigs.definitions.map { definition in
                let config = context.cluster.resolve(definition, topic: topic)
                return .with {
                    $0.name = KafkaString(definition.name)
                    $0.value = config.value.map { KafkaString($0) }
                    $0.configSource = config.source.rawValue
                    $0.isSensitive = definition.isSensitive
                }
            }
        }
    }

    private static func failure(
        _ name: TopicName,
        _ failure: Cluster.AdminFailure
    ) -> CreateTopicsResponse.CreatableTopicResult {
        .with {
            $0.name = name
            $0.errorCode = failure.code
            $0.errorMessage = failure.message.map { KafkaString($0) }
            $0.configs = nil
        }
    }
}
