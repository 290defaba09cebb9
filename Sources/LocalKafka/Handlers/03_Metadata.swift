package import KafkaProtocol

/// Metadata (3), versions 0-12.
///
/// - No topics in version 0, or null from version 1: all topics the principal may describe.
/// - Topics by id from version 12.
/// - A named topic that does not exist is created when client and cluster allow it, and the principal may create it.
package enum MetadataHandler: RequestHandler {
    package static func handle(
        _ request: MetadataRequest,
        _ context: RequestContext,
        _ reply: Reply<MetadataResponse>
    ) {
        let cluster = context.cluster
        var response = MetadataResponse()
        response.brokers = context.liveEndpoints.map { endpoint in
            .with {
                $0.nodeID = endpoint.id
                $0.host = endpoint.host
                $0.port = endpoint.port
                $0.rack = endpoint.rack
            }
        }
        response.clusterID = KafkaString(cluster.configuration.clusterID)
        response.controllerID = cluster.controllerID
        if let topics = request.topics, !(topics.isEmpty && context.version == 0) {
            response.topics = topics.map { Self.describe($0, request, context) }
        } else {
            response.topics = cluster.topics.values
                .filter { context.allows(.describe, .topic, $0.name) }
                .sorted { $0.name < $1.name }
                .map { Self.describe($0, request, context) }
        }
        if request.includeClusterAuthorizedOperations, context.version <= 10,
            context.allows(.describe, .cluster)
        {
            response.clusterAuthorizedOperations = context.authorizedOperations(.cluster)
        }
        reply(response)
    }

    package static func failure(
        _ request: MetadataRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> MetadataResponse {
        .with {
            $0.topics = (request.topics ?? []).map { Self.failure($0.name, $0.topicID, error, context) }
        }
    }

    package static func topics(_ request: MetadataRequest, _ context: RequestContext) -> [TopicName] {
        (request.topics ?? []).compactMap { $0.name ?? context.cluster.topicNames[$0.topicID] }
    }

    // MARK: - Topics

    private static func describe(
        _ asked: MetadataRequest.MetadataRequestTopic,
        _ request: MetadataRequest,
        _ context: RequestContext
    ) -> MetadataResponse.MetadataResponseTopic {
        // An id wins over a name: Kafka's own client sends an empty name with it.
        guard asked.topicID == .zero else {
            guard let topic = context.cluster.topic(asked.topicID) else {
                return Self.failure(nil, asked.topicID, .unknownTopicID, context)
            }
            guard context.allows(.describe, .topic, topic.name) else {
                return Self.failure(nil, asked.topicID, .topicAuthorizationFailed, context)
            }
            return Self.describe(topic, request, context)
        }
        guard let name = asked.name else {
            return Self.failure(nil, .zero, .invalidRequest, context)
        }
        guard context.allows(.describe, .topic, name) else {
            return Self.failure(name, .zero, .topicAuthorizationFailed, context)
        }
        if let topic = context.cluster.topics[name] { return Self.describe(topic, request, context) }
        if Cluster.complaint(aboutTopicName: name.string) != nil {
            return Self.failure(name, .zero, .invalidTopicException, context)
        }
        let mayCreate = (context.version < 4 || request.allowAutoTopicCreation) && context.cluster.createsTopics
        guard mayCreate else { return Self.failure(name, .zero, .unknownTopicOrPartition, context) }
        guard context.allows(.create, .cluster) || context.allows(.create, .topic, name) else {
            return Self.failure(name, .zero, .topicAuthorizationFailed, context)
        }
        do {
            return Self.describe(try context.cluster.autoCreateTopic(name), request, context)
        } catch {
            return Self.failure(name, .zero, error.code, context)
        }
    }

    private static func describe(
        _ topic: Topic,
        _ request: MetadataRequest,
        _ context: RequestContext
    ) -> MetadataResponse.MetadataResponseTopic {
        .with {
            $0.name = topic.name
            $0.topicID = topic.id
            $0.isInternal = topic.isInternal
            if request.includeTopicAuthorizedOperations {
                $0.topicAuthorizedOperations = context.authorizedOperations(AccessResource(.topic, topic.name))
            }
            $0.partitions = topic.partitions.map { partition in
                .with {
                    $0.errorCode = partition.leader < 0 ? .leaderNotAvailable : .none
                    $0.partitionIndex = partition.index
                    $0.leaderID = partition.leader
                    $0.leaderEpoch = partition.leaderEpoch
                    $0.replicaNodes = partition.replicas
                    $0.isrNodes = partition.isr
                    $0.offlineReplicas = partition.replicas.filter { context.cluster.broker($0)?.isUp != true }
                }
            }
        }
    }

    private static func failure(
        _ name: TopicName?,
        _ id: KafkaUUID,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> MetadataResponse.MetadataResponseTopic {
        .with {
            $0.errorCode = error
            $0.name = name ?? (context.version < 12 ? "" : nil)
            $0.topicID = id
        }
    }
}
