package import KafkaProtocol

/// DeleteAcls (31), versions 0-3.
///
/// - Removes what each filter chooses, and shows it.
/// - SECURITY_DISABLED when the cluster has no authorizer.
/// - Needs ALTER on the cluster.
package enum DeleteAclsHandler: RequestHandler {
    package static func handle(
        _ request: DeleteAclsRequest,
        _ context: RequestContext,
        _ reply: Reply<DeleteAclsResponse>
    ) {
        guard context.allows(.alter, AccessResource.cluster) else {
            return reply(Self.failure(request, .clusterAuthorizationFailed, context))
        }
        guard context.cluster.authorizer != nil else {
            return reply(Self.failed(request, .securityDisabled, AccessEntry.noAuthorizer))
        }
        var response = DeleteAclsResponse()
        for item in request.filters {
            let filter = AccessFilter(
                type: item.resourceTypeFilter,
                name: item.resourceNameFilter,
                pattern: context.version == 0 ? AccessPattern.literal.rawValue : item.patternTypeFilter,
                principal: item.principalFilter,
                host: item.hostFilter,
                operation: item.operation,
                permission: item.permissionType
            )
            guard let filter else {
                response.filterResults.append(Self.failedFilter(.invalidRequest, "Invalid filter"))
                continue
            }
            let entries = context.cluster.access.list.entries(matching: filter)
            for entry in entries { context.cluster.access.remove(entry) }
            response.filterResults.append(
                .with {
                    $0.errorMessage = nil
                    $0.matchingAcls = entries.map(Self.matching)
                }
            )
        }
        reply(response)
    }

    private static func matching(_ entry: AccessEntry) -> DeleteAclsResponse.DeleteAclsMatchingAcl {
        .with {
            $0.errorMessage = nil
            $0.resourceType = entry.type.rawValue
            $0.resourceName = entry.name
            $0.patternType = entry.pattern.rawValue
            $0.principal = entry.principal
            $0.host = entry.host
            $0.operation = entry.operation.rawValue
            $0.permissionType = entry.permission.rawValue
        }
    }

    private static func failedFilter(
        _ error: ErrorCode,
        _ message: String
    ) -> DeleteAclsResponse.DeleteAclsFilterResult {
        .with {
            $0.errorCode = error
            $0.errorMessage = KafkaString(message)
        }
    }

    private static func failed(_ request: DeleteAclsRequest, _ error: ErrorCode, _ message: String)
        -> DeleteAclsResponse
    {
        .with { $0.filterResults = request.filters.map { _ in Self.failedFilter(error, message) } }
    }

    package static func failure(
        _ request: DeleteAclsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> DeleteAclsResponse {
        Self.failed(request, error, error.name)
    }
}
