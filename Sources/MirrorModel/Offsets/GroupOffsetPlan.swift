package import KafkaProtocol

/// A group as the target shows it.
package struct TargetGroup: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        /// It does not exist, or has neither members nor offsets left.
        case absent
        /// It exists without members.
        case empty
        /// It has members or is about to get them.
        case active
        /// It is not a group of consumers.
        case otherKind(String)
        /// The target did not answer for it, and why.
        case unknown(String)
    }

    package var state: State
    package var committed: [TopicPartition: GroupPosition?]

    package init(state: State, committed: [TopicPartition: GroupPosition?] = [:]) {
        self.state = state
        self.committed = committed
    }
}

/// Which offsets to commit for groups at the target: never for an active group, never backwards.
package struct GroupOffsetPlan: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        case committed(Int64)
        /// The target's own offset is as far or farther.
        case upToDate(Int64)
        case groupActive
        /// The target has a group of this kind with the same name.
        case otherKind(String)
        /// The position lies beyond the end of the target's partition.
        case beyondEnd
        case failed(String)
    }

    /// One line of the report.
    package struct Line: Sendable, Equatable {
        package let group: GroupID
        package let partition: TopicPartition
        package let outcome: Outcome

        package init(group: GroupID, partition: TopicPartition, outcome: Outcome) {
            self.group = group
            self.partition = partition
            self.outcome = outcome
        }
    }

    package private(set) var commits: [GroupID: [TopicPartition: GroupPosition]] = [:]
    package private(set) var report: [Line] = []

    /// - Parameters:
    ///   - checkpoints: the last checkpoint of each group and target partition.
    ///   - target: the groups at the target; one that is missing here was not asked for and is left alone.
    ///   - ranges: the offsets that a target partition holds at present; a position before them moves to their
    ///     beginning, since what lies in between is gone, and one beyond them is left out.
    package init(
        checkpoints: [GroupID: [TopicPartition: Checkpoint]],
        target: [GroupID: TargetGroup],
        ranges: [TopicPartition: ClosedRange<Int64>] = [:]
    ) {
        for (group, offsets) in checkpoints.sorted(by: { $0.key < $1.key }) {
            for (partition, checkpoint) in offsets.sorted(by: { $0.key < $1.key }) {
                let wanted = GroupPosition(offset: checkpoint.downstreamOffset, metadata: checkpoint.metadata)
                decide(group, partition, wanted, target[group], ranges[partition])
            }
        }
    }

    /// The part of the plan that still holds after the target was asked once more, right before committing: a group
    /// that became active or moved in between is left alone.
    package func rechecked(
        against target: [GroupID: TargetGroup],
        ranges: [TopicPartition: ClosedRange<Int64>] = [:]
    ) -> GroupOffsetPlan {
        var plan = GroupOffsetPlan(checkpoints: [:], target: [:])
        for (group, offsets) in commits.sorted(by: { $0.key < $1.key }) {
            for (partition, wanted) in offsets.sorted(by: { $0.key < $1.key }) {
                plan.decide(group, partition, wanted, target[group], ranges[partition])
            }
        }
        return plan
    }

    private mutating func decide(
        _ group: GroupID,
        _ partition: TopicPartition,
        _ wanted: GroupPosition,
        _ target: TargetGroup?,
        _ range: ClosedRange<Int64>?
    ) {
        var wanted = wanted
        if let range { wanted.offset = max(wanted.offset, range.lowerBound) }
        let outcome: Outcome
        switch target?.state {
        case nil: outcome = .failed("the target was not asked")
        case .unknown(let reason): outcome = .failed(reason)
        case .otherKind(let kind): outcome = .otherKind(kind)
        case .active: outcome = .groupActive
        case .absent, .empty:
            if let known = target?.committed[partition] ?? nil, known.offset >= 0, known.offset >= wanted.offset {
                outcome = .upToDate(known.offset)
            } else if let range, wanted.offset > range.upperBound {
                outcome = .beyondEnd
            } else {
                outcome = .committed(wanted.offset)
                commits[group, default: [:]][partition] = wanted
            }
        }
        report.append(Line(group: group, partition: partition, outcome: outcome))
    }
}
