package import KafkaProtocol

/// ApiVersions (18), versions 0-4.
///
/// - Lists what the cluster's handlers serve, in the versions they serve.
/// - A version out of range is answered in the form of version 0 with error 35 and this API's own range.
/// - No tagged fields are sent: librdkafka 2.0 loses its way in them.
package enum ApiVersionsHandler: RequestHandler {
    package static func handle(
        _ request: ApiVersionsRequest,
        _ context: RequestContext,
        _ reply: Reply<ApiVersionsResponse>
    ) {
        context.connection.softwareName = request.clientSoftwareName.string
        context.connection.softwareVersion = request.clientSoftwareVersion.string
        var response = ApiVersionsResponse()
        response.apiKeys = context.cluster.handlers.endpoints
            .map { Self.entry($0.key, $0.value.versions) }
            .sorted { $0.apiKey < $1.apiKey }
        reply(response)
    }

    package static func failure(
        _ request: ApiVersionsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> ApiVersionsResponse {
        .with { $0.errorCode = error }
    }

    static func unsupportedVersion(_ cluster: Cluster) -> ApiVersionsResponse {
        var response = ApiVersionsResponse()
        response.errorCode = .unsupportedVersion
        if let endpoint = cluster.handlers.endpoints[.apiVersions] {
            response.apiKeys = [Self.entry(.apiVersions, endpoint.versions)]
        }
        return response
    }

    private static func entry(_ key: ApiKey, _ versions: ClosedRange<Int16>) -> ApiVersionsResponse.ApiVersion {
        .with {
            $0.apiKey = key.rawValue
            $0.minVersion = versions.lowerBound
            $0.maxVersion = versions.upperBound
        }
    }
}
