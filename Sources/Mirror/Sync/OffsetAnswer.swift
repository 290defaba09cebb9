package import KafkaProtocol
package import MirrorModel

/// Where groups of one cluster go on at another.
package struct OffsetAnswer: Sendable, Equatable {
    package struct Line: Sendable, Equatable {
        package let source: TopicPartition
        package let offset: Int64
        package let metadata: String
        package let target: TopicPartition?
        /// The offset at the target; nil with a reason.
        package let position: Int64?
        package let precision: Precision
        /// Why there is no position, or what is to be known about it.
        package let remark: String?
        /// What the group has committed at the target.
        package let committed: Int64?
    }

    package enum Precision: String, Sendable {
        /// The next record that the group would read.
        case exact
        /// Not past it; some records may come again.
        case bounded
        /// The group stands before all mirrored records; this is the first of them.
        case earliest
        case none
    }

    package struct Group: Sendable, Equatable {
        package let id: GroupID
        /// The group at the target.
        package let stateAtTarget: TargetGroup.State
        package let lines: [Line]
    }

    package let from: String
    package let to: String
    package let groups: [Group]
}
