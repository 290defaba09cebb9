package import KafkaProtocol

/// Where a group stands in a partition, as its cluster answers it.
package struct GroupPosition: Sendable, Equatable {
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
        case skipped(SkipReason)

        /// Whether the next record that the group would read is at the position, and not behind it.
        var isCertain: Bool {
            switch self {
            case .exact, .earliest: true
            case .bounded, .skipped: false
            }
        }

        /// The position at the target.
        package var position: Int64? {
            switch self {
            case .exact(let offset), .bounded(let offset), .earliest(let offset): offset
            case .skipped: nil
            }
        }
    }

    package enum SkipReason: String, Sendable, Equatable {
        case noCommittedOffset, topicNotSelected, nothingMirrored, beforeHistory
        /// The topic is a mirror of one of the target, and translating back is not switched on or not possible here.
        case comesFromTarget
    }

    /// Where the records of a source partition are at the target.
    package enum Place: Sendable, Equatable {
        case partition(TopicPartition)
        case none(SkipReason)
    }

    /// One line of the report.
    package struct Line: Sendable, Equatable {
        package let group: GroupID
        package let source: TopicPartition
        package let target: TopicPartition?
        package let upstreamOffset: Int64?
        package let outcome: Outcome
        /// The last checkpoint was as far or farther, so that there is no new one.
        package let isUnchanged: Bool
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
    ///   - place: the partition at the target.
    ///   - targetEnd: where the next record of a source partition goes; a checkpoint beyond it is about records that
    ///     the target has lost, and does not count.
    ///   - translate: the position in the mirror.
    package init(
        committed: [GroupID: [TopicPartition: GroupPosition?]],
        last: [GroupID: [TopicPartition: Checkpoint]],
        mapsToEarliest: Bool = true,
        place: (TopicPartition) -> Place,
        targetEnd: (TopicPartition) -> Int64? = { _ in nil },
        translate: (TopicPartition, Int64) -> OffsetTranslation
    ) {
        self.last = last
        for (group, offsets) in committed.sorted(by: { $0.key < $1.key }) {
            for (source, offset) in offsets.sorted(by: { $0.key < $1.key }) {
                var target: TopicPartition?
                var outcome = Outcome.skipped(.noCommittedOffset)
                var isUnchanged = false
                switch place(source) {
                case .none(let reason): outcome = .skipped(reason)
                case .partition(let partition):
                    target = partition
                    guard let offset, offset.offset >= 0 else { break }
                    outcome = Self.outcome(translate(source, offset.offset), mapsToEarliest)
                    guard let position = outcome.position else { break }
                    isUnchanged = !add(
                        group,
                        partition,
                        offset,
                        position,
                        isCertain: outcome.isCertain,
                        targetEnd: targetEnd(source)
                    )
                }
                report.append(
                    Line(
                        group: group,
                        source: source,
                        target: target,
                        upstreamOffset: offset?.offset,
                        outcome: outcome,
                        isUnchanged: isUnchanged
                    )
                )
            }
        }
    }

    private static func outcome(_ translation: OffsetTranslation, _ mapsToEarliest: Bool) -> Outcome {
        switch translation {
        case .unknown(.nothingMirrored): .skipped(.nothingMirrored)
        case .unknown(.beforeKnownHistory): .skipped(.beforeHistory)
        case .exact(let offset): .exact(offset)
        case .bounded(let offset): .bounded(offset)
        case .beforeHistory(let earliest): mapsToEarliest ? .earliest(earliest) : .skipped(.beforeHistory)
        }
    }

    /// Adds a checkpoint unless the last one is as far or farther; a group that went back takes it along.
    ///
    /// One that is farther than where the next record certainly is, is about records that the target held before it was
    /// filled anew: a group that went on there would miss some.
    private mutating func add(
        _ group: GroupID,
        _ target: TopicPartition,
        _ committed: GroupPosition,
        _ position: Int64,
        isCertain: Bool,
        targetEnd: Int64?
    ) -> Bool {
        if let known = last[group]?[target], committed.offset >= known.upstreamOffset,
            isCertain ? position == known.downstreamOffset : position <= known.downstreamOffset,
            known.downstreamOffset <= targetEnd ?? .max
        {
            return false
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
        return true
    }

    /// Offsets in partitions of which nothing has been mirrored yet; MirrorMaker 2 writes no checkpoint for them.
    package var unmirrored: [Line] {
        report.filter { $0.outcome == .skipped(.nothingMirrored) && $0.target != nil }
    }

    /// The last checkpoints of what the groups read and the flow mirrors, the ones that target groups may get.
    package var current: [GroupID: [TopicPartition: Checkpoint]] {
        var result: [GroupID: [TopicPartition: Checkpoint]] = [:]
        for line in report {
            guard let target = line.target, line.upstreamOffset ?? -1 >= 0, let known = last[line.group]?[target]
            else { continue }
            result[line.group, default: [:]][target] = known
        }
        return result
    }
}
