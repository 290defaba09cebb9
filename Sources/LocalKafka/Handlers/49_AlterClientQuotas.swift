package import KafkaProtocol

/// AlterClientQuotas (49), versions 0-1.
///
/// - Each entity is changed as a whole or not at all: INVALID_REQUEST with the reason.
/// - Byte rates take effect in Produce and Fetch at once.
/// - Needs ALTER_CONFIGS on the cluster.
package enum AlterClientQuotasHandler: RequestHandler {
    package static func handle(
        _ request: AlterClientQuotasRequest,
        _ context: RequestContext,
        _ reply: Reply<AlterClientQuotasResponse>
    ) {
        guard context.allows(.alterConfigs, AccessResource.cluster) else {
            return reply(Self.failure(request, .clusterAuthorizationFailed, context))
        }
        var response = AlterClientQuotasResponse()
        for entry in request.entries {
            do throws(QuotaFailure) {
                let entity = try QuotaEntity(entry.entity.map { ($0.entityType, $0.entityName) })
                let changes = entry.ops.map { (key: $0.key.string, value: $0.remove ? nil : $0.value) }
                try context.cluster.quotas.table.alter(entity, changes, validateOnly: request.validateOnly)
                response.entries.append(Self.result(entry, .none, nil))
            } catch {
                response.entries.append(Self.result(entry, .invalidRequest, error.message))
            }
        }
        reply(response)
    }

    private static func result(
        _ entry: AlterClientQuotasRequest.EntryData,
        _ error: ErrorCode,
        _ message: KafkaString?
    ) -> AlterClientQuotasResponse.EntryData {
        .with {
            $0.errorCode = error
            $0.errorMessage = message
            $0.entity = entry.entity.map { part in
                .with {
                    $0.entityType = part.entityType
                    $0.entityName = part.entityName
                }
            }
        }
    }

    package static func failure(
        _ request: AlterClientQuotasRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> AlterClientQuotasResponse {
        .with { $0.entries = request.entries.map { Self.result($0, error, KafkaString(error.name)) } }
    }
}
