package import KafkaProtocol

/// How topics are named at the target, and what the names say about where a topic came from.
package struct ReplicationPolicy: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// `alias.topic` (`DefaultReplicationPolicy`).
        case prefixing
        /// The name stays; only heartbeat topics are prefixed (`IdentityReplicationPolicy`).
        case identity
    }

    package static let heartbeatsTopic: TopicName = "heartbeats"

    package let kind: Kind
    /// What stands between alias and topic name.
    package let separator: String
    /// What stands in the names of internal topics.
    package let internalSeparator: String
    /// The cluster that unprefixed topics are said to come from under the identity policy.
    package let sourceAlias: String?

    /// - Parameters:
    ///   - separator: `replication.policy.separator`, `nil` when it is not set.
    ///   - internalSeparatorEnabled: `replication.policy.internal.topic.separator.enabled`.
    package init(
        kind: Kind,
        separator: String? = nil,
        internalSeparatorEnabled: Bool = true,
        sourceAlias: String? = nil
    ) {
        self.kind = kind
        self.separator = separator ?? "."
        self.internalSeparator = internalSeparatorEnabled ? self.separator : "."
        self.sourceAlias = sourceAlias
    }

    /// Name at the target of `topic` mirrored from cluster `alias`.
    package func remoteTopic(_ topic: TopicName, from alias: String) -> TopicName {
        keepsName(topic) ? topic : TopicName(alias + separator + topic.string)
    }

    /// Alias of the cluster `topic` was mirrored from.
    package func source(of topic: TopicName) -> String? {
        keepsName(topic) ? sourceAlias : prefix(of: topic)
    }

    /// Name of `topic` one hop upstream.
    package func upstreamTopic(of topic: TopicName) -> TopicName? {
        if keepsName(topic) { return topic }
        guard let source = prefix(of: topic) else { return nil }
        return TopicName(
            String(decoding: topic.string.utf8.dropFirst(source.utf8.count + separator.utf8.count), as: UTF8.self)
        )
    }

    /// Name of `topic` where it was first written.
    package func originalTopic(of topic: TopicName) -> TopicName {
        var topic = topic
        while let upstream = upstreamTopic(of: topic), upstream != topic { topic = upstream }
        return topic
    }

    package func isHeartbeatsTopic(_ topic: TopicName) -> Bool {
        originalTopic(of: topic) == Self.heartbeatsTopic
    }

    package func isCheckpointsTopic(_ topic: TopicName) -> Bool {
        topic.string.hasByteSuffix(internalSeparator + "checkpoints" + internalSeparator + "internal")
    }

    /// Whether `topic` is one of MirrorMaker's own.
    package func isMirrorInternalTopic(_ topic: TopicName) -> Bool {
        topic.string.hasByteSuffix(internalSeparator + "internal")
    }

    /// Whether `topic` belongs to Kafka or to MirrorMaker and is never mirrored.
    package func isInternalTopic(_ topic: TopicName) -> Bool {
        let name = topic.string
        return isMirrorInternalTopic(topic) || name.hasBytePrefix("__") || name.hasBytePrefix(".")
            || name.hasByteSuffix("-internal") || name.hasByteSuffix(".internal")
    }

    package func offsetSyncsTopic(of alias: String) -> TopicName {
        TopicName("mm2-offset-syncs" + internalSeparator + alias + internalSeparator + "internal")
    }

    package func checkpointsTopic(of alias: String) -> TopicName {
        TopicName(alias + internalSeparator + "checkpoints" + internalSeparator + "internal")
    }

    private func keepsName(_ topic: TopicName) -> Bool {
        kind == .identity && !topic.string.hasByteSuffix(Self.heartbeatsTopic.string)
    }

    /// The first piece of a name split at the separator, trailing empty pieces dropped; `nil` without a second one.
    private func prefix(of topic: TopicName) -> String? {
        let name = Array(topic.string.utf8)
        let separator = Array(separator.utf8)
        // Java splits at an empty separator after every character.
        guard !separator.isEmpty else {
            return topic.string.unicodeScalars.count > 1 ? topic.string.unicodeScalars.first.map { String($0) } : nil
        }
        guard let first = name.firstRange(of: separator)?.lowerBound else { return nil }
        var rest = name[(first + separator.count)...]
        while rest.starts(with: separator) { rest = rest.dropFirst(separator.count) }
        return rest.isEmpty ? nil : String(decoding: name[..<first], as: UTF8.self)
    }
}
