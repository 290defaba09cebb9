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
        /// The target did not answer for it.
        case unknown
    }

    package var state: State
    package var committed: [TopicPartition: CommittedOffset?]

    package init(state: State, committed: [TopicPartition: CommittedOffset?] = [:]) {
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
        case groupUnknown
    }

    /// One line of the report.
    package struct Line: Sendable, Equatable {
        package let group: GroupID
        package let partition: TopicPartition
        package let outcome: Outcome
    }

    package private(set) var commits: [GroupID: [TopicPartition: CommittedOffset]] = [:]
    package private(set) var report: [Line] = []

    /// - Parameters:
    ///   - checkpoints: the last checkpoint of each group and target partition.
    ///   - target: the groups at the target; one that is missing here was not asked for and is left alone.
    package init(checkpoints: [GroupID: [TopicPartition: Checkpoint]], target: [GroupID: TargetGroup]) {
        for (group, offsets) in checkpoints.sorted(by: { $0.key < $1.key }) {
            for (partition, checkpoint) in offsets.sorted(by: { $0.key < $1.key }) {
                let wanted = CommittedOffset(offset: checkpoint.downstreamOffset, metadata: checkpoint.metadata)
                decide(group, partition, wanted, target[group])
            }
        }
    }

    /// The part of the plan that still holds after the target was asked once more, right before committing: a group
    /// that became active or moved in between is left alone.
    package func rechecked(against target: [GroupID: TargetGroup]) -> GroupOffsetPlan {
        var plan = GroupOffsetPlan(checkpoints: [:], target: [:])
        for (group, offsets) in commits.sorted(by: { $0.key < $1.key }) {
            for (partition, wanted) in offsets.sorted(by: { $0.key < $1.key }) {
                plan.decide(group, partition, wanted, target[group])
            }
        }
        return plan
    }

    private mutating func decide(
        _ group: GroupID,
        _ partition: TopicPartition,
        _ wanted: CommittedOffset,
        _ target: TargetGroup?
    ) {
        let outcome: Outcome
        switch target?.state {
        case nil, .unknown: outcome = .groupUnknown
        case .active: outcome = .groupActive
        case .absent, .empty:
            if let known = target?.committed[partition] ?? nil, known.offset >= 0, known.offset >= wanted.offset {
                outcome = .upToDate(known.offset)
            } else {
                outcome = .committed(wanted.offset)
                commits[group, default: [:]][partition] = wanted
            }
        }
        report.append(Line(group: group, partition: partition, outcome: outcome))
    }
}
