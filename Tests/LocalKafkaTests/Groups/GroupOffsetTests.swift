import KafkaProtocol
import NIOCore
import Testing

@testable import LocalKafka

@Suite struct GroupOffsetTests {
    private let partition = TopicPartition(topic: "t", partition: 0)

    @Test func withoutMembersAnybodyMayCommit() {
        var script = GroupScript()
        #expect(script.commit(7) == ErrorCode.none)
        #expect(script.coordinator.offsets["g"]?.committed[partition]?.offset == 7)
        #expect(script.coordinator.list(states: [], types: []).map(\.protocolType) == [""])
        #expect(script.coordinator.classic("g")?.isSimple == true)
    }

    @Test func membersCommitWithTheirGenerationOnly() {
        var (script, one, _, generation) = GroupScript.stablePair()
        #expect(script.commit(1, member: one, generation: generation) == ErrorCode.none)
        #expect(script.commit(1, member: one, generation: generation - 1) == .illegalGeneration)
        #expect(script.commit(1, member: "stranger", generation: generation) == .unknownMemberID)
        #expect(script.commit(1) == .unknownMemberID)
        #expect(script.coordinator.checkCommit("other", .init(generation: 3), version: 8, now: 0) == .illegalGeneration)
    }

    @Test func aCommitBetweenJoinAndSyncIsPutOff() {
        var script = GroupScript()
        let (one, ticket) = script.enter()
        let generation = script.joins[ticket]?.generationID ?? -1
        #expect(script.commit(1, member: one, generation: generation) == .rebalanceInProgress)
    }

    @Test func aCommitIsASignOfLife() {
        var (script, one, _, generation) = GroupScript.stablePair()
        for _ in 0..<4 {
            script.pass(6_000)
            _ = script.commit(1, member: one, generation: generation)
        }
        #expect(script.coordinator.classic("g")?.members.map(\.id) == [one])
    }

    @Test func offsetsOfATransactionCountOnlyAfterItsEnd() {
        var coordinator = GroupCoordinator()
        coordinator.store(CommittedOffset(offset: 5), "g", partition)
        coordinator.store(CommittedOffset(offset: 9), "g", partition, producer: 1)
        #expect(coordinator.offsets["g"]?.isUnstable(partition) == true)
        #expect(coordinator.offsets["g"]?.committed[partition]?.offset == 5)
        coordinator.endTransaction(producer: 1, groups: ["g"], committed: true)
        #expect(coordinator.offsets["g"]?.isUnstable(partition) == false)
        #expect(coordinator.offsets["g"]?.committed[partition]?.offset == 9)

        coordinator.store(CommittedOffset(offset: 20), "g", partition, producer: 1)
        coordinator.endTransaction(producer: 1, groups: ["g"], committed: false)
        #expect(coordinator.offsets["g"]?.committed[partition]?.offset == 9)
    }

    @Test func onlyTopicsNobodyReadsMayBeDeleted() {
        var (script, one, two, generation) = GroupScript.stablePair()
        _ = script.commit(1, member: one, generation: generation)
        _ = script.commit(1, member: one, generation: generation, topic: "u")
        #expect(script.coordinator.checkDelete("g") == ErrorCode.none)
        #expect(script.coordinator.deleteOffset("g", partition) == .groupSubscribedToTopic)
        let other = TopicPartition(topic: "u", partition: 0)
        #expect(script.coordinator.deleteOffset("g", other) == ErrorCode.none)
        #expect(script.coordinator.offsets["g"]?.committed[other] == nil)
        #expect(script.coordinator.checkDelete("nobody") == .groupIDNotFound)
        _ = script.leave(one)
        _ = script.leave(two)
        #expect(script.coordinator.deleteOffset("g", partition) == ErrorCode.none)
    }

    @Test func foreignGroupsWithMembersKeepTheirOffsets() {
        var script = GroupScript()
        _ = script.join(type: "connect", version: 3)
        #expect(script.coordinator.checkDelete("g") == .nonEmptyGroup)
    }

    @Test func onlyEmptyGroupsCanBeDeleted() {
        var (script, one, two, _) = GroupScript.stablePair()
        #expect(script.coordinator.delete("g") == .nonEmptyGroup)
        _ = script.leave(one)
        _ = script.leave(two)
        #expect(script.coordinator.delete("g") == ErrorCode.none)
        #expect(script.coordinator.delete("g") == .groupIDNotFound)
        #expect(script.coordinator.describeClassic("g").groupState == "Dead")
    }

    @Test func groupsAreListedByStateAndType() {
        var (script, _, _, _) = GroupScript.stablePair()
        script.coordinator.createSimple("empty")
        #expect(script.coordinator.list(states: [], types: []).map(\.groupID) == ["empty", "g"])
        #expect(script.coordinator.list(states: ["stable"], types: []).map(\.groupID) == ["g"])
        #expect(script.coordinator.list(states: ["Empty"], types: ["Classic"]).map(\.groupID) == ["empty"])
        #expect(script.coordinator.list(states: [], types: ["consumer"]).isEmpty)
    }

    @Test func placementFollowsJavasHash() {
        // Values of Java's String.hashCode.
        #expect(CoordinatorPlacement.partition(for: "", count: 50) == 0)
        #expect(CoordinatorPlacement.partition(for: "abc", count: 50) == 96_354 % 50)
        #expect(CoordinatorPlacement.partition(for: "polygenelubricants", count: 50) == 0)
        #expect(CoordinatorPlacement.partition(for: "console-consumer-1", count: 1) == 0)
    }
}
