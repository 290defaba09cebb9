package import KafkaProtocol

/// What becomes of every group of the source: translated, exactly or not, or skipped, and why.
package struct GroupReport: Sendable, Equatable {
    /// Why a group as a whole is left out.
    package enum SkipReason: Sendable, Equatable, CustomStringConvertible {
        /// `groups` and `groups.exclude` do not select it.
        case notSelected
        /// It is not a group of consumers, but of this protocol.
        case otherKind(String)
        /// It has no committed offsets.
        case noOffsets
        /// None of the topics in which it has offsets is mirrored.
        case noMirroredTopic
        /// Its offsets cannot be read.
        case unreadable(String)

        package var description: String {
            switch self {
            case .notSelected: "groups and groups.exclude do not select it"
            case .otherKind(let kind): "it is not a group of consumers but of kind “\(kind)”"
            case .noOffsets: "it has no committed offsets"
            case .noMirroredTopic: "none of the topics in which it has offsets is mirrored"
            case .unreadable(let reason): reason
            }
        }
    }

    /// One committed offset.
    package struct Partition: Sendable, Equatable {
        package let source: TopicPartition
        package let target: TopicPartition?
        package let upstreamOffset: Int64?
        package let outcome: CheckpointPlan.Outcome
        /// What happened to the group's offset at the target; nil where group offsets are not written.
        package internal(set) var atTarget: GroupOffsetPlan.Outcome?
    }

    package struct Group: Sendable, Equatable {
        package internal(set) var skipped: SkipReason?
        package internal(set) var partitions: [Partition] = []
    }

    package private(set) var groups: [GroupID: Group] = [:]

    package init() {}

    /// - Parameters:
    ///   - skipped: groups that were not looked at any closer.
    ///   - lines: what became of the offsets of the others.
    ///   - previous: keeps what happened at the target until the target is looked at again.
    package init(
        skipped: [GroupID: SkipReason],
        lines: [CheckpointPlan.Line],
        previous: GroupReport = GroupReport()
    ) {
        for (group, reason) in skipped { groups[group] = Group(skipped: reason) }
        for line in lines {
            groups[line.group, default: Group()].partitions.append(
                Partition(
                    source: line.source,
                    target: line.target,
                    upstreamOffset: line.upstreamOffset,
                    outcome: line.outcome
                )
            )
        }
        for (id, group) in groups where group.skipped == nil {
            if group.partitions.allSatisfy({ $0.target == nil }) { groups[id]?.skipped = .noMirroredTopic }
            var known: [TopicPartition: GroupOffsetPlan.Outcome] = [:]
            for partition in previous.groups[id]?.partitions ?? [] { known[partition.source] = partition.atTarget }
            for index in group.partitions.indices {
                groups[id]?.partitions[index].atTarget = known[group.partitions[index].source]
            }
        }
    }

    /// Takes over what happened at the target.
    package mutating func note(_ lines: [GroupOffsetPlan.Line]) {
        var outcomes: [GroupID: [TopicPartition: GroupOffsetPlan.Outcome]] = [:]
        for line in lines { outcomes[line.group, default: [:]][line.partition] = line.outcome }
        for (id, outcomes) in outcomes {
            guard var group = groups[id] else { continue }
            for index in group.partitions.indices {
                guard let target = group.partitions[index].target, let outcome = outcomes[target] else { continue }
                group.partitions[index].atTarget = outcome
            }
            groups[id] = group
        }
    }

    /// Groups whose summary is another one than in an earlier report; those that the configuration leaves out, or that
    /// have nothing to translate, are not worth a word.
    package func news(since earlier: GroupReport) -> [(group: GroupID, summary: String)] {
        groups.sorted { $0.key < $1.key }.compactMap { id, group in
            let summary = group.summary
            guard !summary.isEmpty, summary != earlier.groups[id]?.summary else { return nil }
            return (id, summary)
        }
    }
}

extension GroupReport.Group {
    /// The group in a line, without offsets, so that it stays the same while the group reads on.
    package var summary: String {
        switch skipped {
        case .notSelected, .otherKind, .noOffsets, .noMirroredTopic: return ""
        case .unreadable(let reason): return "skipped: \(reason)"
        case nil: break
        }
        var counts: [String: Int] = [:]
        for partition in partitions where partition.target != nil {
            counts[partition.outcome.text, default: 0] += 1
            if let text = partition.atTarget?.trouble { counts[text, default: 0] += 1 }
        }
        return counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
    }
}

extension CheckpointPlan.Outcome {
    /// How good the translation is, in words.
    package var text: String {
        switch self {
        case .exact: "exact"
        case .bounded: "some records again"
        case .earliest: "from the first mirrored record"
        case .skipped(let reason): reason.text
        }
    }
}

extension CheckpointPlan.SkipReason {
    package var text: String {
        switch self {
        case .noCommittedOffset: "no committed offset"
        case .topicNotSelected: "topic not mirrored"
        case .nothingMirrored: "nothing mirrored yet"
        case .beforeHistory: "before what is known of the mirror"
        case .comesFromTarget: "topic comes from the target"
        }
    }
}

extension GroupOffsetPlan.Outcome {
    /// What keeps the target's group from having the offset; nil when nothing does.
    package var trouble: String? {
        switch self {
        case .committed, .upToDate: nil
        case .groupActive: "active at the target, left alone"
        case .otherKind(let kind): "the target's group is of kind “\(kind)”, left alone"
        case .beyondEnd: "beyond the end of the target's partition, left alone"
        case .failed(let reason): "not written to the target's group (\(reason))"
        }
    }
}
