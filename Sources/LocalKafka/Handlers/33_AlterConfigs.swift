package import KafkaProtocol

/// AlterConfigs (33), versions 0-2: replaces all overrides of topics and brokers.
package enum AlterConfigsHandler: RequestHandler {
    package static func handle(
        _ request: AlterConfigsRequest,
        _ context: RequestContext,
        _ reply: Reply<AlterConfigsResponse>
    ) {
        reply(
            .with {
                $0.responses = request.resources.map { asked in
                    do throws(Cluster.AdminFailure) {
                        try Self.alter(asked, validateOnly: request.validateOnly, context)
                        return Self.result(asked, nil)
                    } catch {
                        return Self.result(asked, error)
                    }
                }
            }
        )
    }

    package static func failure(
        _ request: AlterConfigsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> AlterConfigsResponse {
        .with { $0.responses = request.resources.map { Self.result($0, .init(error)) } }
    }

    private static func alter(
        _ asked: AlterConfigsRequest.AlterConfigsResource,
        validateOnly: Bool,
        _ context: RequestContext
    ) throws(Cluster.AdminFailure) {
        let resource = try ConfigResource.find(
            type: asked.resourceType,
            name: asked.resourceName,
            .alterConfigs,
            context
        )
        var configs: [String: String] = [:]
        for config in asked.configs {
            guard let value = config.value else {
                throw .init(.invalidRequest, "Null value not supported for : \(config.name)")
            }
            configs[config.name.string] = value.string
        }
        try resource.setOverrides(configs, context.cluster, validateOnly: validateOnly)
    }

    private static func result(
        _ asked: AlterConfigsRequest.AlterConfigsResource,
        _ failure: Cluster.AdminFailure?
    ) -> AlterConfigsResponse.AlterConfigsResourceResponse {
        .with {
            $0.errorCode = failure?.code ?? .none
            $0.errorMessage = failure?.message.map { KafkaString($0) }
            $0.resourceType = asked.resourceType
            $0.resourceName = asked.resourceName
        }
    }
}
