package import KafkaProtocol

/// DescribeConfigs (32), versions 0-4, for topics, brokers and the defaults of all brokers.
package enum DescribeConfigsHandler: RequestHandler {
    package static func handle(
        _ request: DescribeConfigsRequest,
        _ context: RequestContext,
        _ reply: Reply<DescribeConfigsResponse>
    ) {
        reply(
            .with {
                $0.results = request.resources.map { asked in
                    do throws(Cluster.AdminFailure) {
                        return try Self.describe(asked, request, context)
                    } catch {
                        return Self.failure(asked, error)
                    }
                }
            }
        )
    }

    package static func failure(
        _ request: DescribeConfigsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> DescribeConfigsResponse {
        .with { $0.results = request.resources.map { Self.failure($0, .init(error)) } }
    }

    package static func topics(_ request: DescribeConfigsRequest, _ context: RequestContext) -> [TopicName] {
        request.resources.filter { $0.resourceType == 2 }.map(\.resourceName)
    }

    private typealias Asked = DescribeConfigsRequest.DescribeConfigsResource
    private typealias Answer = DescribeConfigsResponse.DescribeConfigsResult

    private static func describe(
        _ asked: Asked,
        _ request: DescribeConfigsRequest,
        _ context: RequestContext
    ) throws(Cluster.AdminFailure) -> Answer {
        let resource = try ConfigResource.find(
            type: asked.resourceType,
            name: asked.resourceName,
            .describeConfigs,
            context
        )
        // Null and empty both ask for everything.
        let names = asked.configurationKeys.flatMap { $0.isEmpty ? nil : Set($0.map(\.string)) }
        var answer = Answer()
        answer.errorMessage = nil
        answer.resourceType = asked.resourceType
        answer.resourceName = asked.resourceName
        for definition in resource.definitions where names?.contains(definition.name) ?? true {
            guard let config = resource.resolve(definition, context.cluster) else { continue }
            answer.configs.append(Self.entry(config, request, context))
        }
        return answer
    }

    private static func entry(
        _ config: Cluster.ResolvedConfig,
        _ request: DescribeConfigsRequest,
        _ context: RequestContext
    ) -> DescribeConfigsResponse.DescribeConfigsResourceResult {
        let definition = config.definition
        func shown(_ value: String?) -> KafkaString? {
            definition.isSensitive ? nil : value.map { KafkaString($0) }
        }
        return .with {
            $0.name = KafkaString(definition.name)
            $0.value = shown(config.value)
            $0.readOnly = definition.isReadOnly
            if context.version == 0 { $0.isDefault = config.source == .defaultValue }
            $0.configSource = config.source.rawValue
            $0.isSensitive = definition.isSensitive
            $0.configType = definition.kind.rawValue
            $0.documentation = nil
            guard request.includeSynonyms else { return }
            $0.synonyms = config.synonyms
                .filter { $0.value != nil }
                .map { synonym in
                    .with {
                        $0.name = KafkaString(synonym.name)
                        $0.value = shown(synonym.value)
                        $0.source = synonym.source.rawValue
                    }
                }
        }
    }

    private static func failure(_ asked: Asked, _ failure: Cluster.AdminFailure) -> Answer {
        .with {
            $0.errorCode = failure.code
            $0.errorMessage = failure.message.map { KafkaString($0) }
            $0.resourceType = asked.resourceType
            $0.resourceName = asked.resourceName
        }
    }
}
