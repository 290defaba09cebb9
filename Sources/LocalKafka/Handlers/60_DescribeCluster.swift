package import KafkaProtocol

/// DescribeCluster (60), versions 0-1: brokers and controller; from version 1 the endpoint type must be brokers.
package enum DescribeClusterHandler: RequestHandler {
    package static func handle(
        _ request: DescribeClusterRequest,
        _ context: RequestContext,
        _ reply: Reply<DescribeClusterResponse>
    ) {
        var response = DescribeClusterResponse()
        guard request.endpointType == 1 else {
            response.errorCode = request.endpointType == 2 ? .mismatchedEndpointType : .unsupportedEndpointType
            response.errorMessage = "The request was sent to an endpoint of the wrong type."
            reply(response)
            return
        }
        response.endpointType = 1
        response.clusterID = KafkaString(context.cluster.configuration.clusterID)
        response.controllerID = context.cluster.controllerID
        response.brokers = context.liveEndpoints.map { endpoint in
            .with {
                $0.brokerID = endpoint.id
                $0.host = endpoint.host
                $0.port = endpoint.port
                $0.rack = endpoint.rack
            }
        }
        if request.includeClusterAuthorizedOperations {
            response.clusterAuthorizedOperations =
                context.allows(.describe, .cluster) ? context.authorizedOperations(.cluster) : 0
        }
        reply(response)
    }

    package static func failure(
        _ request: DescribeClusterRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> DescribeClusterResponse {
        .with { $0.errorCode = error }
    }
}
