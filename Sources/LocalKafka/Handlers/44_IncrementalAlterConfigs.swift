package import KafkaProtocol

/// IncrementalAlterConfigs (44), versions 0-1: sets, deletes, appends to and subtracts from single overrides.
package enum IncrementalAlterConfigsHandler: RequestHandler {
    package static func handle(
        _ request: IncrementalAlterConfigsRequest,
        _ context: RequestContext,
        _ reply: Reply<IncrementalAlterConfigsResponse>
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
        _ request: IncrementalAlterConfigsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> IncrementalAlterConfigsResponse {
        .with { $0.responses = request.resources.map { Self.result($0, .init(error)) } }
    }

    package static func topics(_ request: IncrementalAlterConfigsRequest, _ context: RequestContext) -> [TopicName] {
        request.resources.filter { $0.resourceType == 2 }.map(\.resourceName)
    }

    private enum Operation: Int8 {
        case set = 0
        case delete = 1
        case append = 2
        case subtract = 3
    }

    private static func alter(
        _ asked: IncrementalAlterConfigsRequest.AlterConfigsResource,
        validateOnly: Bool,
        _ context: RequestContext
    ) throws(Cluster.AdminFailure) {
        let resource = try ConfigResource.find(
            type: asked.resourceType,
            name: asked.resourceName,
            .alterConfigs,
            context
        )
        guard Set(asked.configs.map(\.name)).count == asked.configs.count else {
            throw .init(.invalidRequest, "Error due to duplicate config keys")
        }
        var configs = resource.overrides(context.cluster)
        for config in asked.configs {
            try Self.apply(config, to: &configs, resource, context)
        }
        try resource.setOverrides(configs, context.cluster, validateOnly: validateOnly)
    }

    private static func apply(
        _ config: IncrementalAlterConfigsRequest.AlterableConfig,
        to configs: inout [String: String],
        _ resource: ConfigResource,
        _ context: RequestContext
    ) throws(Cluster.AdminFailure) {
        let name = config.name.string
        guard let operation = Operation(rawValue: config.configOperation) else {
            throw .init(.invalidRequest, "Unknown operation \(config.configOperation)")
        }
        if operation == .delete {
            configs[name] = nil
            return
        }
        guard let value = config.value?.string else {
            throw .init(.invalidRequest, "Null value not supported for : \(name)")
        }
        if operation == .set {
            configs[name] = value
            return
        }
        guard let definition = resource.definition(name), definition.kind == .list else {
            throw .init(.invalidConfig, "Can't \(operation) to key \(name) because its type is not LIST.")
        }
        let present = resource.resolve(definition, context.cluster)?.value ?? definition.defaultValue ?? ""
        var items = ConfigDefinition.items(configs[name] ?? present)
        for item in ConfigDefinition.items(value) {
            items.removeAll { $0 == item }
            if operation == .append { items.append(item) }
        }
        configs[name] = items.joined(separator: ",")
    }

    private static func result(
        _ asked: IncrementalAlterConfigsRequest.AlterConfigsResource,
        _ failure: Cluster.AdminFailure?
    ) -> IncrementalAlterConfigsResponse.AlterConfigsResourceResponse {
        .with {
            $0.errorCode = failure?.code ?? .none
            $0.errorMessage = failure?.message.map { KafkaString($0) }
            $0.resourceType = asked.resourceType
            $0.resourceName = asked.resourceName
        }
    }
}
