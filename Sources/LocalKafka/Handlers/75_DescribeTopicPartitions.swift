package import KafkaProtocol

/// DescribeTopicPartitions (75), version 0: topics in order, a limited number of partitions at a time.
///
/// No topics means all. The cursor in an answer is where the next request goes on.
package enum DescribeTopicPartitionsHandler: RequestHandler {
    package static func handle(
        _ request: DescribeTopicPartitionsRequest,
        _ context: RequestContext,
        _ reply: Reply<DescribeTopicPartitionsResponse>
    ) {
        let names = request.topics.isEmpty ? Array(context.cluster.topics.keys) : request.topics.map(\.name)
        var response = DescribeTopicPartitionsResponse()
        var left = max(1, min(2000, Int(request.responsePartitionLimit)))
        for name in Set(names).sorted() {
            if let cursor = request.cursor, name < cursor.topicName { continue }
            let mayDescribe = context.allows(.describe, .topic, name)
            guard mayDescribe || !request.topics.isEmpty else { continue }
            guard mayDescribe, let topic = context.cluster.topics[name] else {
                response.topics.append(
                    .with {
                        $0.errorCode = mayDescribe ? .unknownTopicOrPartition : .topicAuthorizationFailed
                        $0.name = name
                    }
                )
                continue
            }
            let cursor = request.cursor
            let first = cursor.map { $0.topicName == name ? Int(max(0, $0.partitionIndex)) : 0 } ?? 0
            guard left > 0 else {
                response.nextCursor = .with { $0.topicName = name }
                break
            }
            let end = min(topic.partitions.count, first + left)
            left -= max(0, end - first)
            response.topics.append(Self.describe(topic, first..<max(first, end), context))
            if end < topic.partitions.count {
                response.nextCursor = .with {
                    $0.topicName = name
                    $0.partitionIndex = Int32(end)
                }
                break
            }
        }
        reply(response)
    }

    package static func failure(
        _ request: DescribeTopicPartitionsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> DescribeTopicPartitionsResponse {
        .with {
            $0.topics = request.topics.map { topic in
                .with {
                    $0.errorCode = error
                    $0.name = topic.name
                }
            }
        }
    }

    private static func describe(
        _ topic: Topic,
        _ range: Range<Int>,
        _ context: RequestContext
    ) -> DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic {
        .with {
            $0.name = topic.name
            $0.topicID = topic.id
            $0.isInternal = topic.isInternal
            $0.topicAuthorizedOperations = context.authorizedOperations(AccessResource(.topic, topic.name))
            $0.partitions = topic.partitions[range.clamped(to: 0..<topic.partitions.count)].map { partition in
                .with {
                    $0.errorCode = partition.leader < 0 ? .leaderNotAvailable : .none
                    $0.partitionIndex = partition.index
                    $0.leaderID = partition.leader
                    $0.leaderEpoch = partition.leaderEpoch
                    $0.replicaNodes = partition.replicas
                    $0.isrNodes = partition.isr
                    // Nullable, but Java's admin client takes the lists for granted.
                    $0.eligibleLeaderReplicas = []
                    $0.lastKnownElr = []
                    $0.offlineReplicas = partition.replicas.filter { context.cluster.broker($0)?.isUp != true }
                }
            }
        }
    }
}
