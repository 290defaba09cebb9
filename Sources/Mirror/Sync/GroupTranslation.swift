package import KafkaProtocol
package import MirrorModel

/// Where the offsets of the source's groups are at the target.
///
/// Topics of the source are looked up in the flow's own maps. Topics that are mirrors of the target's are looked up in
/// the maps of the flow the other way, backwards: what a group has read here after a failover counts there again.
package struct GroupTranslation: Sendable {
    private let selection: TopicSelection
    private let offsets: FlowOffsets
    private let back: FlowOffsets?

    /// - Parameter back: the maps of the flow from the target to the source; nil for not translating back.
    package init(selection: TopicSelection, offsets: FlowOffsets, back: FlowOffsets? = nil) {
        self.selection = selection
        self.offsets = offsets
        self.back = back
    }

    package func place(of source: TopicPartition) -> CheckpointPlan.Place {
        if comesFromTarget(source.topic) {
            return back?.source(of: source).map { .partition($0) } ?? .none(.comesFromTarget)
        }
        guard selection.filter.accepts(source.topic.string) else { return .none(.topicNotSelected) }
        return .partition(
            TopicPartition(topic: selection.targetTopic(of: source.topic), partition: source.partition)
        )
    }

    package func translate(_ source: TopicPartition, _ offset: Int64) -> OffsetTranslation {
        comesFromTarget(source.topic)
            ? back?.translateBack(target: source, offset: offset) ?? .unknown(.nothingMirrored)
            : offsets.translate(source: source, offset: offset)
    }

    /// Where the next record of a source partition goes; nil when that is not known.
    package func targetEnd(of source: TopicPartition) -> Int64? {
        comesFromTarget(source.topic) ? nil : offsets.coverage(of: source)?.targetOffsets.upperBound
    }

    private func comesFromTarget(_ topic: TopicName) -> Bool {
        guard let source = selection.policy.source(of: topic) else { return false }
        return source.utf8.elementsEqual(selection.targetAlias.utf8)
    }
}
