package import KafkaClient
package import KafkaProtocol
package import MirrorModel

/// A topic that is not mirrored yet, or not wholly, and why.
package struct WaitingTopic: Sendable, Equatable {
    package var topic: TopicName
    package var reason: String
    package var nextStep: String?
}

/// Turns what both clusters show into what there is to do, remembering decisions and failures between looks.
///
/// A value without clocks or sockets: time comes in as a parameter.
package struct TopicDiscovery: Sendable {
    /// What one look asks for.
    package struct Outcome: Sendable, Equatable {
        package var creations: [TopicPlan.Creation] = []
        package var increases: [TopicPlan.Increase] = []
        package var added: [TopicPlan.Mirrored] = []
        package var removed: [TopicPlan.Mirrored] = []
    }

    private struct Trouble: Sendable {
        var reason: String
        var nextStep: String?
        var attempts: Int
        var retryAt: ContinuousClock.Instant
    }

    /// Everything a look depends on, but for time.
    private struct Picture: Sendable, Equatable {
        var selected: [TopicName: TopicName]
        var source: [TopicName: TopicState]
        var target: [TopicName: TopicState]
    }

    private let selection: TopicSelection
    /// What the last look saw, when it left nothing to do.
    private var settled: Picture?
    private let backoffMaximum: Duration
    /// Whether a name is selected, kept because regular expressions are slow and names rarely new.
    private var decisions: [TopicName: TopicName?] = [:]
    private var trouble: [TopicName: Trouble] = [:]
    private var absences: [TopicName: Int] = [:]
    /// Topics that cannot be described.
    package private(set) var blocked: [WaitingTopic] = []
    private var selectedCount = 0
    /// Whether the last look left nothing to do, so that the next compares nothing unless a cluster has changed.
    package var isSettled: Bool { settled != nil }
    /// What is being mirrored, by source partition.
    package private(set) var current: [TopicPartition: TopicPlan.Mirrored] = [:]
    /// The partitions that were there at the first look.
    package private(set) var initial: Set<TopicPartition>?

    package init(selection: TopicSelection, backoffMaximum: Duration = .seconds(30)) {
        self.selection = selection
        self.backoffMaximum = backoffMaximum
    }

    /// Topics that wait, with the reason.
    package var waiting: [WaitingTopic] {
        blocked
            + trouble.sorted { $0.key < $1.key }
            .map { WaitingTopic(topic: $0.key, reason: $0.value.reason, nextStep: $0.value.nextStep) }
    }

    /// How many topics of the source are selected.
    package var topicCount: Int { selectedCount }

    /// Names that the configuration spells out, rather than as an expression, and the source does not show.
    package func missingNames(in source: ClusterMetadata) -> Set<String> {
        let pieces = selection.filter.include.source.split(separator: "|").map { String($0) }
        return Set(
            pieces.filter { piece in
                piece.unicodeScalars.allSatisfy {
                    $0.isASCII && ($0.properties.isAlphabetic || "0123456789._-".unicodeScalars.contains($0))
                }
                    && source.topics[TopicName(piece)] == nil
            }
        )
    }

    /// Compares the two clusters; what the outcome adds and removes counts as done.
    package mutating func look(
        source: ClusterMetadata,
        target: ClusterMetadata,
        now: ContinuousClock.Instant
    ) -> Outcome {
        var selected: [TopicName: TopicName] = [:]
        var sourceStates: [TopicName: TopicState] = [:]
        for (name, topic) in source.topics {
            guard !topic.isInternal, let targetName = targetTopic(of: name) else { continue }
            selected[name] = targetName
            sourceStates[name] = Self.state(topic)
        }
        if decisions.count > 2 * source.topics.count + 1000 {
            decisions = decisions.filter { source.topics[$0.key] != nil }
        }
        var targetStates: [TopicName: TopicState] = [:]
        for targetName in selected.values {
            if let topic = target.topics[targetName] { targetStates[targetName] = Self.state(topic) }
        }
        let picture = Picture(selected: selected, source: sourceStates, target: targetStates)
        // Clusters hardly ever change between two looks, and comparing every partition is work.
        if picture == settled { return Outcome() }
        settled = nil
        let plan = TopicPlan(selected: selected, source: sourceStates, target: targetStates)
        selectedCount = selected.count
        blocked = plan.waiting.map { WaitingTopic(topic: $0.source, reason: $0.reason, nextStep: $0.nextStep) }
        trouble = trouble.filter { selected[$0.key] != nil }
        if initial == nil {
            initial = Set(
                sourceStates.flatMap { name, state in
                    (0..<state.partitionCount).map { TopicPartition(topic: name, partition: $0) }
                }
            )
        }

        // A broker that has just started may not know every topic yet: gone is what two looks in a row do not show.
        let mirroredTopics = Set(plan.mirrored.map(\.source.topic))
        for topic in Set(current.keys.map(\.topic)) {
            absences[topic] = mirroredTopics.contains(topic) ? nil : absences[topic, default: 0] + 1
        }
        let undescribed = Set(plan.waiting.map(\.source))
        let absences = self.absences
        let change = AssignmentChange(from: current, to: plan) { topic in
            !undescribed.contains(topic) && (mirroredTopics.contains(topic) || absences[topic, default: 0] >= 2)
        }
        // A mirror that has vanished is made again only after its partitions have been stopped; otherwise new records could
        // get into it before the old ones are copied again.
        let vanishing = Set(current.keys.map(\.topic)).filter { absences[$0, default: 0] == 1 }
        for mirrored in change.removed { current[mirrored.source] = nil }
        for mirrored in change.added { current[mirrored.source] = mirrored }

        if change.added.isEmpty, change.removed.isEmpty, plan.creations.isEmpty, plan.increases.isEmpty,
            absences.isEmpty, trouble.isEmpty
        {
            settled = picture
        }
        func isDue(_ topic: TopicName) -> Bool { trouble[topic].map { $0.retryAt <= now } ?? true }
        return Outcome(
            creations: plan.creations.filter { isDue($0.source) && !vanishing.contains($0.source) },
            increases: plan.increases.filter { isDue($0.source) },
            added: change.added,
            removed: change.removed
        )
    }

    /// A creation or increase did not succeed; the topic is tried again after a pause that grows.
    @discardableResult
    package mutating func failed(
        _ topic: TopicName,
        reason: String,
        nextStep: String?,
        now: ContinuousClock.Instant
    ) -> Bool {
        settled = nil
        let attempts = (trouble[topic]?.attempts ?? 0) + 1
        let isNew = trouble[topic]?.reason != reason
        let pause = min(backoffMaximum, .seconds(1) * (1 << min(attempts - 1, 10)))
        trouble[topic] = Trouble(reason: reason, nextStep: nextStep, attempts: attempts, retryAt: now + pause)
        return isNew
    }

    package mutating func succeeded(_ topic: TopicName) {
        trouble[topic] = nil
    }

    /// Partitions could not be begun with; the next look adds them again.
    package mutating func giveBack(_ partitions: [TopicPartition]) {
        guard !partitions.isEmpty else { return }
        settled = nil
        for partition in partitions { current[partition] = nil }
    }

    private mutating func targetTopic(of name: TopicName) -> TopicName? {
        if let decision = decisions[name] { return decision }
        let decision = selection.shouldReplicate(name) ? selection.targetTopic(of: name) : nil
        decisions[name] = .some(decision)
        return decision
    }

    private static func state(_ topic: ClusterMetadata.Topic) -> TopicState {
        TopicState(
            id: topic.topicID,
            partitionCount: Int32(clamping: topic.partitions.count),
            isInternal: topic.isInternal,
            error: topic.error
        )
    }
}
