import KafkaProtocol
import Testing

@testable import MirrorModel

@Suite struct TopicPlanTests {
    private let one = KafkaUUID(high: 0, low: 1)
    private let two = KafkaUUID(high: 0, low: 2)
    private let three = KafkaUUID(high: 0, low: 3)

    @Test func aMissingTopicIsCreatedWithTheSourcesPartitions() {
        let plan = TopicPlan(
            selected: ["t": "A.t"],
            source: ["t": TopicState(id: one, partitionCount: 4)],
            target: [:]
        )
        #expect(plan.creations == [.init(source: "t", target: "A.t", partitionCount: 4)])
        #expect(plan.mirrored.isEmpty)
    }

    @Test func aSmallerTopicGrowsWhileItsPartitionsAreMirrored() {
        let plan = TopicPlan(
            selected: ["t": "A.t"],
            source: ["t": TopicState(id: one, partitionCount: 3)],
            target: ["A.t": TopicState(id: two, partitionCount: 2)]
        )
        #expect(plan.increases == [.init(source: "t", target: "A.t", partitionCount: 3)])
        #expect(plan.mirrored.map(\.source.partition) == [0, 1])
        #expect(plan.mirrored.allSatisfy { $0.sourceTopicID == one && $0.targetTopicID == two })
    }

    @Test func aLargerTopicAtTheTargetIsFine() {
        let plan = TopicPlan(
            selected: ["t": "A.t"],
            source: ["t": TopicState(partitionCount: 1)],
            target: ["A.t": TopicState(partitionCount: 9)]
        )
        #expect(plan.creations.isEmpty && plan.increases.isEmpty && plan.waiting.isEmpty)
        #expect(plan.mirrored.count == 1)
    }

    @Test func oneTopicInErrorHoldsUpNoOther() {
        let plan = TopicPlan(
            selected: ["a": "A.a", "b": "A.b", "c": "A.c"],
            source: [
                "a": TopicState(partitionCount: 0, error: .topicAuthorizationFailed),
                "b": TopicState(partitionCount: 1),
                "c": TopicState(partitionCount: 1),
            ],
            target: [
                "A.b": TopicState(partitionCount: 0, error: .topicAuthorizationFailed),
                "A.c": TopicState(partitionCount: 1),
            ]
        )
        #expect(plan.waiting.map(\.source) == ["a", "b"])
        #expect(plan.waiting[0].reason.contains("TOPIC_AUTHORIZATION_FAILED"))
        #expect(plan.mirrored.map(\.source.topic) == ["c"])
    }

    @Test func doneIsEmpty() {
        let plan = TopicPlan(
            selected: ["t": "A.t"],
            source: ["t": TopicState(id: one, partitionCount: 1)],
            target: ["A.t": TopicState(id: two, partitionCount: 1)]
        )
        let current = Dictionary(uniqueKeysWithValues: plan.mirrored.map { ($0.source, $0) })
        let change = AssignmentChange(from: current, to: plan)
        #expect(change.added.isEmpty && change.removed.isEmpty)
        #expect(plan.creations.isEmpty && plan.increases.isEmpty)
    }

    @Test func aDeletedTopicIsRevokedAndARecreatedOneBegunAnew() {
        func plan(_ id: KafkaUUID) -> TopicPlan {
            TopicPlan(
                selected: ["t": "A.t"],
                source: ["t": TopicState(id: id, partitionCount: 1)],
                target: ["A.t": TopicState(id: two, partitionCount: 1)]
            )
        }
        let old = plan(one)
        let current = Dictionary(uniqueKeysWithValues: old.mirrored.map { ($0.source, $0) })
        let gone = TopicPlan(selected: ["t": "A.t"], source: [:], target: [:])
        #expect(AssignmentChange(from: current, to: gone).removed == old.mirrored)
        #expect(AssignmentChange(from: current, to: gone, isAbsenceCertain: { _ in false }).removed.isEmpty)
        let recreated = AssignmentChange(from: current, to: plan(three))
        #expect(recreated.removed == old.mirrored)
        #expect(recreated.added == plan(three).mirrored)
        let withoutID = AssignmentChange(from: current, to: plan(.zero))
        #expect(withoutID.added.isEmpty && withoutID.removed.isEmpty)
    }

    @Test func configsAtCreation() throws {
        let entries = [
            TopicConfigEntry(name: "cleanup.policy", value: "compact"),
            TopicConfigEntry(name: "retention.ms", value: "1", isDefault: true),
            TopicConfigEntry(name: "min.insync.replicas", value: "2"),
            TopicConfigEntry(name: "segment.bytes", value: "9", isStaticBrokerConfig: true),
            TopicConfigEntry(name: "secret", value: nil, isSensitive: true),
            TopicConfigEntry(name: "fixed", value: "x", isReadOnly: true),
        ]
        let exclude = try NamePattern(ConfigPropertyFilter.defaultExclude)
        let ours = ConfigPropertyFilter(exclude: exclude).configsForCreation(entries)
        #expect(ours.map(\.name) == ["cleanup.policy"])
        let all = ConfigPropertyFilter(exclude: exclude, defaultsFrom: "source").configsForCreation(entries)
        #expect(all.map(\.name) == ["cleanup.policy", "retention.ms"])
    }
}
