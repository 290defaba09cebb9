import KafkaClient
import KafkaProtocol

extension FetchFailure {
    /// In words, with the next step where there is one.
    func text(cluster: String, principal: String?, _ partition: TopicPartition) -> String {
        switch self {
        case .refused(.topicAuthorizationFailed), .refused(.clusterAuthorizationFailed):
            "cluster \(cluster) does not let us read topic \(partition.topic)."
                + " Allow \(principal.map { "User:\($0)" } ?? "the source principal") READ on it."
        case .refused(let code): "cluster \(cluster) answers \(code.name) for \(partition); it is asked again"
        case .noLeader(let why): "cluster \(cluster) names no leader of \(partition): \(why)"
        case .disconnected(let node, let why): "cluster \(cluster), broker \(node) cannot be reached: \(why)"
        }
    }
}

extension ProduceFailure {
    /// In words, with the next step where there is one.
    func text(cluster: String, _ partition: TopicPartition) -> String {
        switch self {
        case .refused(let code): "cluster \(cluster) answers \(code.name) for \(partition); the batch is sent again"
        case .noLeader(let why): "cluster \(cluster) names no leader of \(partition): \(why)"
        case .disconnected(let node, let why): "cluster \(cluster), broker \(node) cannot be reached: \(why)"
        case .noProducerID(let why): "cluster \(cluster) gives no producer id: \(why)"
        }
    }
}
