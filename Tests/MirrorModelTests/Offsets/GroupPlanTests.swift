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
        mapsToEarliest: Bool = true,
        targetEnd: Int64? = nil
    ) -> CheckpointPlan {
        CheckpointPlan(
            committed: ["g": [source: offset.map { GroupPosition(offset: $0, metadata: "m") }]],
            last: last,
            mapsToEarliest: mapsToEarliest,
            place: { source in
                source.topic == "t"
                    ? .partition(TopicPartition(topic: "A.t", partition: source.partition)) : .none(.topicNotSelected)
            },
            targetEnd: { _ in targetEnd },
            translate: { _, _ in translation }
        )
    }

    @Test func checkpointsGoForwardUnlessTheSourceIsReset() {
        let first = plan(10, .exact(8))
        #expect(first.checkpoints.map(\.downstreamOffset) == [8])
        #expect(first.checkpoints.first?.metadata == "m")
        let same = plan(10, .exact(8), last: first.last)
        #expect(same.checkpoints.isEmpty)
        #expect(same.report.map(\.outcome) == [.exact(8)] && same.report.allSatisfy(\.isUnchanged))
        #expect(same.current == first.last)
        #expect(plan(11, .bounded(7), last: first.last).checkpoints.isEmpty)
        #expect(plan(11, .exact(9), last: first.last).checkpoints.map(\.downstreamOffset) == [9])
        #expect(plan(5, .bounded(3), last: first.last).checkpoints.map(\.downstreamOffset) == [3])
        // The target has lost what the checkpoint was about.
        #expect(plan(10, .bounded(2), last: first.last, targetEnd: 8).checkpoints.isEmpty)
        #expect(plan(10, .bounded(2), last: first.last, targetEnd: 7).checkpoints.map(\.downstreamOffset) == [2])
        // It was filled anew and is as long again: the old checkpoint would leave records out.
        #expect(plan(10, .exact(2), last: first.last, targetEnd: 8).checkpoints.map(\.downstreamOffset) == [2])
        #expect(
            plan(10, .beforeHistory(earliest: 5), last: first.last, targetEnd: 20).checkpoints
                .map(\.downstreamOffset) == [5]
        )
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
        let behind = TargetGroup(state: .empty, committed: [target: GroupPosition(offset: 100)])
        let ahead = TargetGroup(state: .empty, committed: [target: GroupPosition(offset: 101)])
        let negative = TargetGroup(state: .empty, committed: [target: GroupPosition(offset: -1)])
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

    @Test func positionsStayWithinWhatTheTargetHolds() {
        let empty: [GroupID: TargetGroup] = ["g": TargetGroup(state: .empty)]
        func outcomes(_ range: ClosedRange<Int64>) -> [GroupOffsetPlan.Outcome] {
            commits(empty["g"]).rechecked(against: empty, ranges: [target: range]).report.map(\.outcome)
        }
        #expect(outcomes(0...101) == [.committed(101)])
        #expect(outcomes(0...100) == [.beyondEnd])
        // What lies before is gone, so the next record is the first one there.
        #expect(outcomes(150...200) == [.committed(150)])
    }

    @Test func groupsAreSelectedByNameAndKind() throws {
        let selection = GroupSelection(
            groups: [
                ("classic", "consumer", "classic"), ("new", "consumer", "consumer"), ("simple", "", ""),
                ("connect-1", "connect", "classic"), ("workers", "connect", "classic"), ("shared", "share", "share"),
            ],
            filter: try NameFilter(include: [".*"], exclude: ["connect-.*"])
        )
        #expect(selection.selected == ["classic", "new", "simple"])
        #expect(
            selection.skipped
                == ["connect-1": .notSelected, "workers": .otherKind("connect"), "shared": .otherKind("share")]
        )
    }

    @Test func theReportSaysEverythingOnce() {
        let plan = plan(10, .exact(8))
        var report = GroupReport(skipped: ["x": .notSelected, "y": .unreadable("no")], lines: plan.report)
        #expect(report.news(since: GroupReport()).map(\.summary) == ["exact: 1", "skipped: no"])
        #expect(report.groups["x"]?.skipped == .notSelected)
        #expect(report.groups["g"]?.partitions.first?.target == target)
        let before = report
        report.note([.init(group: "g", partition: target, outcome: .groupActive)])
        #expect(report.news(since: before).map(\.summary) == ["active at the target, left alone: 1, exact: 1"])
        // What is known of the target stays, and reading on is no news.
        let later = GroupReport(skipped: [:], lines: self.plan(11, .exact(9)).report, previous: report)
        #expect(later.news(since: report).isEmpty)
        #expect(later.groups["g"]?.partitions.first?.atTarget == .groupActive)
        #expect(GroupReport(skipped: [:], lines: self.plan(nil, .exact(9)).report).groups["g"]?.skipped == nil)
    }
}
