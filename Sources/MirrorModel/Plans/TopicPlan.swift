package import KafkaProtocol

/// A topic as the metadata of a cluster shows it.
package struct TopicState: Sendable, Equatable {
    package var id: KafkaUUID
    package var partitionCount: Int32
    /// Whether the cluster says that the topic is its own (`__consumer_offsets` and the like).
    package var isInternal: Bool
    /// What the cluster answers instead of describing the topic.
    package var error: ErrorCode

    package init(
        id: KafkaUUID = .zero,
        partitionCount: Int32,
        isInternal: Bool = false,
        error: ErrorCode = .none
    ) {
        self.id = id
        self.partitionCount = partitionCount
        self.isInternal = isInternal
        self.error = error
    }
}

/// What has to happen so that every selected topic of the source has its mirror at the target, and which partitions
/// can be mirrored right now.
///
/// The plan is the difference between what is and what should be: made again from new observations it is empty when
/// everything is done.
package struct TopicPlan: Sendable, Equatable {
    /// A topic that is missing at the target.
    package struct Creation: Sendable, Equatable {
        package let source: TopicName
        package let target: TopicName
        package let partitionCount: Int32
    }

    /// A topic that has fewer partitions at the target than at the source.
    package struct Increase: Sendable, Equatable {
        package let source: TopicName
        package let target: TopicName
        package let partitionCount: Int32
    }

    /// A partition whose mirror exists.
    package struct Mirrored: Sendable, Hashable {
        package let source: TopicPartition
        package let sourceTopicID: KafkaUUID
        package let target: TopicPartition
        package let targetTopicID: KafkaUUID

        package init(
            source: TopicPartition,
            sourceTopicID: KafkaUUID,
            target: TopicPartition,
            targetTopicID: KafkaUUID
        ) {
            self.source = source
            self.sourceTopicID = sourceTopicID
            self.target = target
            self.targetTopicID = targetTopicID
        }
    }

    /// A topic that waits, and why.
    package struct Waiting: Sendable, Equatable {
        package let source: TopicName
        package let reason: String
        package let nextStep: String
    }

    package internal(set) var creations: [Creation] = []
    package internal(set) var increases: [Increase] = []
    package internal(set) var mirrored: [Mirrored] = []
    package internal(set) var waiting: [Waiting] = []

    /// - Parameters:
    ///   - selected: the source topics to mirror and their names at the target.
    ///   - source: what the source has; a topic that is missing here has been deleted.
    ///   - target: what the target has.
    package init(
        selected: [TopicName: TopicName],
        source: [TopicName: TopicState],
        target: [TopicName: TopicState]
    ) {
        for (name, targetName) in selected.sorted(by: { $0.key < $1.key }) {
            guard let state = source[name] else { continue }
            guard state.error == .none else {
                waiting.append(Self.waiting(name, state.error, at: "source"))
                continue
            }
            guard state.partitionCount > 0 else { continue }
            guard let mirror = target[targetName], mirror.error != .unknownTopicOrPartition else {
                creations.append(Creation(source: name, target: targetName, partitionCount: state.partitionCount))
                continue
            }
            guard mirror.error == .none else {
                waiting.append(Self.waiting(name, mirror.error, at: "target"))
                continue
            }
            if mirror.partitionCount < state.partitionCount {
                increases.append(Increase(source: name, target: targetName, partitionCount: state.partitionCount))
            }
            // Partitions that exist on both sides need not wait for those that do not yet.
            for partition in 0..<min(state.partitionCount, mirror.partitionCount) {
                mirrored.append(
                    Mirrored(
                        source: TopicPartition(topic: name, partition: partition),
                        sourceTopicID: state.id,
                        target: TopicPartition(topic: targetName, partition: partition),
                        targetTopicID: mirror.id
                    )
                )
            }
        }
    }

    private static func waiting(_ topic: TopicName, _ error: ErrorCode, at side: String) -> Waiting {
        let isForbidden = error == .topicAuthorizationFailed
        return Waiting(
            source: topic,
            reason: "the \(side) answers \(error.name)",
            nextStep: isForbidden ? "allow the mirror's principal to describe the topic" : "it is tried again"
        )
    }
}

/// How the set of mirrored partitions changes from one plan to the next.
package struct AssignmentChange: Sendable, Equatable {
    /// Partitions to begin with.
    package let added: [TopicPlan.Mirrored]
    /// Partitions to stop: deleted, no longer selected, or begun anew under another topic id.
    package let removed: [TopicPlan.Mirrored]

    /// - Parameters:
    ///   - current: what is being mirrored.
    ///   - plan: what should be.
    ///   - isAbsenceCertain: whether a source topic that is missing in the plan is known to be gone; a topic that only
    ///     could not be described goes on.
    package init(
        from current: [TopicPartition: TopicPlan.Mirrored],
        to plan: TopicPlan,
        isAbsenceCertain: (TopicName) -> Bool = { _ in true }
    ) {
        var wanted: [TopicPartition: TopicPlan.Mirrored] = [:]
        for mirrored in plan.mirrored { wanted[mirrored.source] = mirrored }
        var added: [TopicPlan.Mirrored] = []
        var removed: [TopicPlan.Mirrored] = []
        for mirrored in plan.mirrored where !Self.isSame(current[mirrored.source], mirrored) {
            added.append(mirrored)
        }
        for (partition, old) in current.sorted(by: { $0.key < $1.key }) {
            if let new = wanted[partition] {
                if !Self.isSame(old, new) { removed.append(old) }
            } else if isAbsenceCertain(partition.topic) {
                removed.append(old)
            }
        }
        self.added = added
        self.removed = removed
    }

    /// Topic ids that are unknown on one side (old brokers) say nothing.
    private static func isSame(_ old: TopicPlan.Mirrored?, _ new: TopicPlan.Mirrored) -> Bool {
        guard let old, old.target == new.target else { return false }
        func isSame(_ a: KafkaUUID, _ b: KafkaUUID) -> Bool { a == b || a == .zero || b == .zero }
        return isSame(old.sourceTopicID, new.sourceTopicID) && isSame(old.targetTopicID, new.targetTopicID)
    }
}
