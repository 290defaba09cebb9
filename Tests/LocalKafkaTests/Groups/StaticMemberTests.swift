import KafkaProtocol
import NIOCore
import Testing

@testable import LocalKafka

@Suite struct StaticMemberTests {
    /// A stable group of two static members, `a` leading.
    private func pair() -> (script: GroupScript, leader: KafkaString, follower: KafkaString, generation: Int32) {
        var script = GroupScript(initialDelay: 10)
        let (one, first) = script.enter(instance: "a")
        let (two, _) = script.enter(instance: "b")
        script.pass(10)
        script.pass(10)
        let generation = script.joins[first]?.generationID ?? -1
        _ = script.sync(two, generation: generation, instance: "b")
        _ = script.sync(one, generation: generation, instance: "a", assignments: [one: "A", two: "B"])
        return (script, one, two, generation)
    }

    @Test func aRestartKeepsTheGenerationAndTheAssignment() {
        var (script, one, two, generation) = pair()
        let back = script.join(instance: "b")
        let answer = script.joins[back]
        #expect(answer?.errorCode == ErrorCode.none)
        #expect(answer?.generationID == generation)
        #expect(answer?.memberID != two)
        #expect(answer?.leader == one)
        let sync = script.sync(answer?.memberID ?? "", generation: generation, instance: "b")
        #expect(script.syncs[sync]?.assignment == ByteBuffer(string: "B"))
    }

    @Test func theProcessBeforeIsFenced() {
        var (script, _, two, generation) = pair()
        _ = script.join(instance: "b")
        #expect(script.heartbeat(two, generation: generation, instance: "b") == .fencedInstanceID)
        #expect(script.heartbeat("x", generation: generation, instance: "unknown") == .unknownMemberID)
        #expect(script.joined(two, instance: "b")?.errorCode == .fencedInstanceID)
        #expect(script.leave(two, instance: "b") == .fencedInstanceID)
    }

    @Test func aRestartedLeaderIsToldToLeaveTheAssignmentAlone() {
        var (script, one, two, _) = pair()
        let back = script.joined(instance: "a")
        #expect(back?.skipAssignment == true)
        #expect(back?.leader == back?.memberID)
        #expect(Set(back?.members.map(\.memberID) ?? []) == [back?.memberID ?? "", two])

        let old = script.joined(instance: "a", version: 5)
        #expect(old?.skipAssignment == false)
        #expect(old?.leader == back?.memberID)
        #expect(old?.leader != old?.memberID)
        #expect(old?.members == [])
        #expect(old?.memberID != one)
    }

    @Test func aWaitingJoinOfTheProcessBeforeIsFenced() {
        var (script, one, two, _) = pair()
        let waiting = script.join(one, instance: "a")
        #expect(script.joins[waiting] == nil)
        _ = script.join(instance: "a")
        #expect(script.joins[waiting]?.errorCode == .fencedInstanceID)
        let second = script.join(two, instance: "b")
        #expect(script.joins[second]?.errorCode == ErrorCode.none)
    }

    @Test func aStaticMemberStaysUntilItsSessionEnds() {
        var (script, one, two, generation) = pair()
        let first = script.join(one, instance: "a")
        // The other one is away, but its session is alive for a while.
        script.pass(9_000)
        #expect(script.joins[first] == nil)
        script.pass(1_000)
        #expect(script.joins[first]?.generationID == generation + 1)
        #expect(script.heartbeat(two, generation: generation, instance: "b") == .unknownMemberID)
    }

    @Test func anAdministratorRemovesAnInstanceByName() {
        var (script, one, _, generation) = pair()
        #expect(script.leave("", instance: "b") == ErrorCode.none)
        #expect(script.leave("", instance: "b") == .unknownMemberID)
        #expect(script.heartbeat(one, generation: generation, instance: "a") == .rebalanceInProgress)
    }
}
