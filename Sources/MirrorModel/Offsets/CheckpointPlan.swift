package import KafkaProtocol

/// A group's committed offset as the source or the target answers it.
package struct CommittedOffset: Sendable, Equatable {
    package var offset: Int64
    package var metadata: String

    package init(offset: Int64, metadata: String = "") {
        self.offset = offset
        self.metadata = metadata
    }
}

/// Which checkpoints to write for the groups of the source, and what became of every committed offset.
package struct CheckpointPlan: Sendable, Equatable {
    /// What became of one committed offset.
    package enum Outcome: Sendable, Equatable {
        case exact(Int64)
        case bounded(Int64)
        /// The group stands before all mirrored records; it gets the earliest one.
        case earliest(Int64)
        /// The last checkpoint is as far or farther.
        case unchanged(Int64)
        case skipped(SkipReason)
    }

    package enum SkipReason: Sendable, Equatable {
        case noCommittedOffset, topicNotSelected, nothingMirrored, beforeHistory
    }

    /// One line of the report.
    package struct Line: Sendable, Equatable {
        package let group: GroupID
        package let source: TopicPartition
        package let upstreamOffset: Int64?
        package let outcome: Outcome
    }

    package private(set) var checkpoints: [Checkpoint] = []
    package private(set) var report: [Line] = []
    /// The last checkpoints after these have been written.
    package private(set) var last: [GroupID: [TopicPartition: Checkpoint]]

    /// - Parameters:
    ///   - committed: what the groups have committed at the source.
    ///   - last: the last checkpoint of each group and target partition.
    ///   - mapsToEarliest: whether a group before all mirrored records gets the earliest one; MirrorMaker 2 writes no
    ///     checkpoint for it.
    ///   - targetTopic: the mirror's name; nil for topics that are not selected.
    ///   - translate: the position in the mirror.
    package init(
        committed: [GroupID: [TopicPartition: CommittedOffset?]],
        last: [GroupID: [TopicPartition: Checkpoint]],
        mapsToEarliest: Bool = true,
        targetTopic: (TopicName) -> TopicName?,
        translate: (TopicPartition, Int64) -> OffsetTranslation
    ) {
        self.last = last
        for (group, offsets) in committed.sorted(by: { $0.key < $1.key }) {
            for (source, offset) in offsets.sorted(by: { $0.key < $1.key }) {
                let outcome: Outcome
                if let topic = targetTopic(source.topic) {
                    if let offset, offset.offset >= 0 {
                        let target = TopicPartition(topic: topic, partition: source.partition)
                        outcome = add(group, target, offset, translate(source, offset.offset), mapsToEarliest)
                    } else {
                        outcome = .skipped(.noCommittedOffset)
                    }
                } else {
                    outcome = .skipped(.topicNotSelected)
                }
                report.append(Line(group: group, source: source, upstreamOffset: offset?.offset, outcome: outcome))
            }
        }
    }

    private mutating func add(
        _ group: GroupID,
        _ target: TopicPartition,
        _ committed: CommittedOffset,
        _ translation: OffsetTranslation,
        _ mapsToEarliest: Bool
    ) -> Outcome {
        let outcome: Outcome
        let position: Int64
        switch translation {
        case .unknown(.nothingMirrored): return .skipped(.nothingMirrored)
        case .unknown(.beforeKnownHistory): return .skipped(.beforeHistory)
        case .exact(let offset): (outcome, position) = (.exact(offset), offset)
        case .bounded(let offset): (outcome, position) = (.bounded(offset), offset)
        case .beforeHistory(let earliest):
            guard mapsToEarliest else { return .skipped(.beforeHistory) }
            (outcome, position) = (.earliest(earliest), earliest)
        }
        if let known = last[group]?[target], committed.offset >= known.upstreamOffset,
            position <= known.downstreamOffset
        {
            return .unchanged(known.downstreamOffset)
        }
        let checkpoint = Checkpoint(
            group: group,
            partition: target,
            upstreamOffset: committed.offset,
            downstreamOffset: position,
            metadata: committed.metadata
        )
        last[group, default: [:]][target] = checkpoint
        checkpoints.append(checkpoint)
        return outcome
    }
}
