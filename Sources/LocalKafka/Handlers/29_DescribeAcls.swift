package import KafkaProtocol

/// DescribeAcls (29), versions 0-3.
///
/// - Filters by any part; pattern types literal, prefixed, any, and match, which finds all patterns that cover a name.
/// - SECURITY_DISABLED when the cluster has no authorizer.
/// - Needs DESCRIBE on the cluster.
package enum DescribeAclsHandler: RequestHandler {
    package static func handle(
        _ request: DescribeAclsRequest,
        _ context: RequestContext,
        _ reply: Reply<DescribeAclsResponse>
    ) {
        guard context.allows(.describe, AccessResource.cluster) else {
            return reply(Self.failure(request, .clusterAuthorizationFailed, context))
        }
        guard context.cluster.authorizer != nil else {
            var response = Self.failure(request, .securityDisabled, context)
            response.errorMessage = KafkaString(AccessEntry.noAuthorizer)
            return reply(response)
        }
        let filter = AccessFilter(
            type: request.resourceTypeFilter,
            name: request.resourceNameFilter,
            pattern: context.version == 0 ? AccessPattern.literal.rawValue : request.patternTypeFilter,
            principal: request.principalFilter,
            host: request.hostFilter,
            operation: request.operation,
            permission: request.permissionType
        )
        guard let filter else { return reply(Self.failure(request, .invalidRequest, context)) }
        var response = DescribeAclsResponse()
        response.errorMessage = nil
        for entry in context.cluster.access.list.entries(matching: filter) {
            let last = response.resources.last
            if last?.resourceType != entry.type.rawValue || last?.resourceName != entry.name
                || last?.patternType != entry.pattern.rawValue
            {
                response.resources.append(
                    .with {
                        $0.resourceType = entry.type.rawValue
                        $0.resourceName = entry.name
                        $0.patternType = entry.pattern.rawValue
                    }
                )
            }
            response.resources[response.resources.count - 1].acls.append(
                .with {
                    $0.principal = entry.principal
                    $0.host = entry.host
                    $0.operation = entry.operation.rawValue
                    $0.permissionType = entry.permission.rawValue
                }
            )
        }
        reply(response)
    }

    package static func failure(
        _ request: DescribeAclsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> DescribeAclsResponse {
        .with {
            $0.errorCode = error
            $0.errorMessage = KafkaString(error.name)
        }
    }
}

extension AccessEntry {
    /// What Kafka says about access control that is switched off.
    static let noAuthorizer = "No Authorizer is configured on the broker"
}
