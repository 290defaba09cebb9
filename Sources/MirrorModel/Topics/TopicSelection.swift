package import KafkaProtocol

/// Decides which topics of the source a flow mirrors and what they are called at the target.
package struct TopicSelection: Sendable {
    package let sourceAlias: String
    package let targetAlias: String
    package let policy: ReplicationPolicy
    package let filter: NameFilter
    /// Whether heartbeat topics are mirrored whatever the filter says.
    package let alwaysMirrorsHeartbeats: Bool

    package init(
        sourceAlias: String,
        targetAlias: String,
        policy: ReplicationPolicy,
        filter: NameFilter,
        alwaysMirrorsHeartbeats: Bool = true
    ) {
        self.sourceAlias = sourceAlias
        self.targetAlias = targetAlias
        self.policy = policy
        self.filter = filter
        self.alwaysMirrorsHeartbeats = alwaysMirrorsHeartbeats
    }

    package func shouldReplicate(_ topic: TopicName) -> Bool {
        guard filter.accepts(topic.string) || (alwaysMirrorsHeartbeats && policy.isHeartbeatsTopic(topic)) else {
            return false
        }
        return !policy.isInternalTopic(topic) && !isCycle(topic)
    }

    /// Whether `topic` has already come through the target.
    package func isCycle(_ topic: TopicName) -> Bool {
        var topic = topic
        while let source = policy.source(of: topic) {
            if source.utf8.elementsEqual(targetAlias.utf8) { return true }
            guard let upstream = policy.upstreamTopic(of: topic), upstream != topic else { return false }
            topic = upstream
        }
        return false
    }

    /// Name of `topic` at the target.
    package func targetTopic(of topic: TopicName) -> TopicName {
        policy.remoteTopic(topic, from: sourceAlias)
    }
}
