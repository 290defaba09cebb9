import KafkaProtocol
import MirrorModel
import Testing

@Suite struct GroupPlanTests {
    private let source = TopicPartition(topic: "t", partition: 0)
    private let target = TopicPartition(topic: "A.t", partition: 0)

    private func plan(
        _ offset: Int64?,
        _ translation: OffsetTranslation,
        last: [GroupID: [TopicPartition: Checkpoint]] = [:],
        mapsToEarliest: Bool = true
    ) -> CheckpointPlan {
        CheckpointPlan(
            committed: ["g": [source: offset.map { CommittedOffset(offset: $0, metadata: "m") }]],
            last: last,
            mapsToEarliest: mapsToEarliest,
            targetTopic: { $0 == "t" ? "A.t" : nil },
            translate: { _, _ in translation }
        )
    }

    @Test func checkpointsGoForwardUnlessTheSourceIsReset() {
        let first = plan(10, .exact(8))
        #expect(first.checkpoints.map(\.downstreamOffset) == [8])
        #expect(first.checkpoints.first?.metadata == "m")
        #expect(plan(10, .exact(8), last: first.last).report.map(\.outcome) == [.unchanged(8)])
        #expect(plan(11, .bounded(7), last: first.last).checkpoints.isEmpty)
        #expect(plan(11, .exact(9), last: first.last).checkpoints.map(\.downstreamOffset) == [9])
        #expect(plan(5, .bounded(3), last: first.last).checkpoints.map(\.downstreamOffset) == [3])
    }

    @Test func whatIsSkippedSaysWhy() {
        #expect(plan(nil, .exact(8)).report.map(\.outcome) == [.skipped(.noCommittedOffset)])
        #expect(plan(3, .unknown(.nothingMirrored)).report.map(\.outcome) == [.skipped(.nothingMirrored)])
        #expect(plan(3, .unknown(.beforeKnownHistory)).report.map(\.outcome) == [.skipped(.beforeHistory)])
        #expect(plan(3, .beforeHistory(earliest: 4)).report.map(\.outcome) == [.earliest(4)])
        let suppressed = plan(3, .beforeHistory(earliest: 4), mapsToEarliest: false)
        #expect(suppressed.report.map(\.outcome) == [.skipped(.beforeHistory)])
        #expect(plan(0, .exact(0)).checkpoints.map(\.downstreamOffset) == [0])
    }

    private func commits(_ group: TargetGroup?) -> GroupOffsetPlan {
        GroupOffsetPlan(checkpoints: plan(110, .exact(101)).last, target: group.map { ["g": $0] } ?? [:])
    }

    @Test func groupOffsetsNeverGoBackAndActiveGroupsAreLeftAlone() {
        let behind = TargetGroup(state: .empty, committed: [target: CommittedOffset(offset: 100)])
        let ahead = TargetGroup(state: .empty, committed: [target: CommittedOffset(offset: 101)])
        let negative = TargetGroup(state: .empty, committed: [target: CommittedOffset(offset: -1)])
        #expect(commits(TargetGroup(state: .absent)).commits["g"]?[target]?.offset == 101)
        #expect(commits(TargetGroup(state: .empty)).commits["g"]?[target]?.metadata == "m")
        #expect(commits(behind).commits["g"]?[target]?.offset == 101)
        #expect(commits(negative).commits["g"]?[target]?.offset == 101)
        #expect(commits(ahead).report.map(\.outcome) == [.upToDate(101)])
        #expect(commits(TargetGroup(state: .active)).report.map(\.outcome) == [.groupActive])
        #expect(commits(nil).commits.isEmpty)
        // Active, moved on and empty again between the two looks.
        #expect(commits(behind).rechecked(against: ["g": ahead]).commits.isEmpty)
        #expect(commits(behind).rechecked(against: ["g": TargetGroup(state: .active)]).commits.isEmpty)
        #expect(commits(behind).rechecked(against: ["g": behind]).commits == commits(behind).commits)
    }
}
