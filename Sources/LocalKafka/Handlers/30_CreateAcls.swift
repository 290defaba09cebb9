package import KafkaProtocol

/// CreateAcls (30), versions 0-3.
///
/// - Entries are checked one by one: INVALID_REQUEST with the reason. Adding one twice is no error.
/// - SECURITY_DISABLED when the cluster has no authorizer.
/// - Needs ALTER on the cluster.
package enum CreateAclsHandler: RequestHandler {
    package static func handle(
        _ request: CreateAclsRequest,
        _ context: RequestContext,
        _ reply: Reply<CreateAclsResponse>
    ) {
        guard context.allows(.alter, AccessResource.cluster) else {
            return reply(Self.failure(request, .clusterAuthorizationFailed, context))
        }
        guard context.cluster.authorizer != nil else {
            return reply(Self.answer(request) { _ in (.securityDisabled, AccessEntry.noAuthorizer) })
        }
        reply(
            Self.answer(request) { creation in
                let entry = Self.entry(creation, context.version)
                if let complaint = entry.complaint { return (.invalidRequest, complaint) }
                context.cluster.access.add(entry)
                return (.none, nil)
            }
        )
    }

    private static func entry(_ creation: CreateAclsRequest.AclCreation, _ version: Int16) -> AccessEntry {
        let pattern = version == 0 ? .literal : AccessPattern(rawValue: creation.resourcePatternType) ?? .unknown
        return AccessEntry(
            AccessPermission(rawValue: creation.permissionType) ?? .unknown,
            creation.principal,
            AccessOperation(rawValue: creation.operation) ?? .unknown,
            on: AccessResourceType(rawValue: creation.resourceType) ?? .unknown,
            creation.resourceName,
            pattern: pattern,
            host: creation.host
        )
    }

    private static func answer(
        _ request: CreateAclsRequest,
        _ create: (CreateAclsRequest.AclCreation) -> (ErrorCode, String?)
    ) -> CreateAclsResponse {
        var response = CreateAclsResponse()
        for creation in request.creations {
            let (error, message) = create(creation)
            response.results.append(
                .with {
                    $0.errorCode = error
                    $0.errorMessage = message.map { KafkaString($0) }
                }
            )
        }
        return response
    }

    package static func failure(
        _ request: CreateAclsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> CreateAclsResponse {
        Self.answer(request) { _ in (error, error.name) }
    }
}
