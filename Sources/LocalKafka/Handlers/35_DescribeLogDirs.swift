package import KafkaProtocol

/// DescribeLogDirs (35), versions 0-4.
///
/// - Each broker has one directory, `/kafka-logs-N`, with the replicas it hosts and their sizes in bytes; it exists in
///   name only. Its capacity is not known (-1).
/// - Without DESCRIBE on the cluster: nothing, from version 3 on with CLUSTER_AUTHORIZATION_FAILED.
package enum DescribeLogDirsHandler: RequestHandler {
    package static func handle(
        _ request: DescribeLogDirsRequest,
        _ context: RequestContext,
        _ reply: Reply<DescribeLogDirsResponse>
    ) {
        guard context.allows(.describe, AccessResource.cluster) else {
            return reply(Self.failure(request, .clusterAuthorizationFailed, context))
        }
        let wanted = request.topics.map { topics in
            Set(topics.flatMap { topic in topic.partitions.map { TopicPartition(topic: topic.topic, partition: $0) } })
        }
        var directory = DescribeLogDirsResponse.DescribeLogDirsResult()
        directory.logDir = "/kafka-logs-\(context.broker.id)"
        for topic in context.cluster.topics.values.sorted(by: { $0.name < $1.name }) {
            let hosted = topic.partitions.filter { partition in
                partition.replicas.contains(context.broker.id)
                    && wanted?.contains(partition.topicPartition) ?? true
            }
            guard !hosted.isEmpty else { continue }
            directory.topics.append(
                .with {
                    $0.name = topic.name
                    $0.partitions = hosted.map { partition in
                        .with {
                            $0.partitionIndex = partition.index
                            $0.partitionSize = Int64(partition.log.size)
                        }
                    }
                }
            )
        }
        reply(.with { $0.results = [directory] })
    }

    package static func failure(
        _ request: DescribeLogDirsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> DescribeLogDirsResponse {
        .with { if context.version >= 3 { $0.errorCode = error } }
    }
}
