package import KafkaProtocol

/// ElectLeaders (43), versions 0-2: back to the preferred replica, or any live one when `electionType` is 1.
package enum ElectLeadersHandler: RequestHandler {
    package static func handle(
        _ request: ElectLeadersRequest,
        _ context: RequestContext,
        _ reply: Reply<ElectLeadersResponse>
    ) {
        guard context.allows(.alter, .cluster) else {
            reply(Self.failure(request, .clusterAuthorizationFailed, context))
            return
        }
        reply(Self.response(request, context) { Self.elect($0, isUnclean: request.electionType == 1, context.cluster) })
    }

    package static func failure(
        _ request: ElectLeadersRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> ElectLeadersResponse {
        var response = Self.response(request, context) { _ in error }
        // Version 0 has errors of partitions only.
        if context.version >= 1 { response.errorCode = error }
        return response
    }

    private static func response(
        _ request: ElectLeadersRequest,
        _ context: RequestContext,
        _ elect: (TopicPartition) -> ErrorCode
    ) -> ElectLeadersResponse {
        let asked: [(TopicName, [Int32])] =
            request.topicPartitions.map { $0.map { ($0.topic, $0.partitions) } }
            ?? context.cluster.topics.values.map { ($0.name, $0.partitions.map(\.index)) }
        return .with {
            $0.replicaElectionResults = asked.map { topic, partitions in
                .with {
                    $0.topic = topic
                    $0.partitionResult = partitions.map { partition in
                        .with {
                            $0.partitionID = partition
                            $0.errorCode = elect(TopicPartition(topic: topic, partition: partition))
                            $0.errorMessage = nil
                        }
                    }
                }
            }
        }
    }

    private static func elect(_ place: TopicPartition, isUnclean: Bool, _ cluster: Cluster) -> ErrorCode {
        guard let partition = cluster.partition(place) else { return .unknownTopicOrPartition }
        if isUnclean {
            guard partition.leader < 0 else { return .electionNotNeeded }
            guard let replica = partition.replicas.first(where: { cluster.broker($0)?.isUp == true }) else {
                return .eligibleLeadersNotAvailable
            }
            cluster.moveLeader(of: partition, to: replica)
            return .none
        }
        guard let preferred = partition.replicas.first, partition.leader != preferred else { return .electionNotNeeded }
        guard partition.isr.contains(preferred), cluster.broker(preferred)?.isUp == true else {
            return .preferredLeaderNotAvailable
        }
        cluster.moveLeader(of: partition, to: preferred)
        return .none
    }
}
