package import KafkaProtocol

/// DescribeClientQuotas (48), versions 0-1.
///
/// - Match types: 0 a name, 1 the default, 2 any; `strict` leaves out entities with further parts.
/// - Needs DESCRIBE_CONFIGS on the cluster.
package enum DescribeClientQuotasHandler: RequestHandler {
    package static func handle(
        _ request: DescribeClientQuotasRequest,
        _ context: RequestContext,
        _ reply: Reply<DescribeClientQuotasResponse>
    ) {
        guard context.allows(.describeConfigs, AccessResource.cluster) else {
            return reply(Self.failure(request, .clusterAuthorizationFailed, context))
        }
        let filter: [QuotaEntity.Kind: QuotaTable.Match]
        do {
            filter = try Self.filter(request)
        } catch {
            var response = Self.failure(request, .invalidRequest, context)
            response.errorMessage = error.message
            return reply(response)
        }
        let found = context.cluster.quotas.table.entries(matching: filter, strict: request.strict)
        reply(
            .with {
                $0.errorMessage = nil
                $0.entries = found.map { Self.entry($0.entity, $0.quotas) }
            }
        )
    }

    private static func filter(
        _ request: DescribeClientQuotasRequest
    ) throws(QuotaFailure) -> [QuotaEntity.Kind: QuotaTable.Match] {
        var filter: [QuotaEntity.Kind: QuotaTable.Match] = [:]
        for component in request.components {
            guard let kind = QuotaEntity.Kind(rawValue: component.entityType.string) else {
                throw QuotaFailure("Custom entity type '\(component.entityType)' not supported")
            }
            guard filter[kind] == nil else { throw QuotaFailure("Duplicate filter component \(kind.rawValue)") }
            switch (component.matchType, component.match) {
            case (0, let name?): filter[kind] = .exactly(.named(name))
            case (1, nil): filter[kind] = .exactly(.standard)
            case (2, nil): filter[kind] = .anyNamed
            default: throw QuotaFailure("Unexpected match type \(component.matchType)")
            }
        }
        return filter
    }

    private static func entry(
        _ entity: QuotaEntity,
        _ quotas: [String: Double]
    ) -> DescribeClientQuotasResponse.EntryData {
        .with {
            $0.entity = entity.parts.sorted { $0.key.rawValue < $1.key.rawValue }.map { kind, name in
                .with {
                    $0.entityType = KafkaString(kind.rawValue)
                    $0.entityName = name.wire
                }
            }
            $0.values = quotas.sorted { $0.key < $1.key }.map { key, value in
                .with {
                    $0.key = KafkaString(key)
                    $0.value = value
                }
            }
        }
    }

    package static func failure(
        _ request: DescribeClientQuotasRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> DescribeClientQuotasResponse {
        .with {
            $0.errorCode = error
            $0.errorMessage = KafkaString(error.name)
            $0.entries = nil
        }
    }
}
