import KafkaProtocol
import NIOCore
import Testing

@testable import LocalKafka

@Suite struct ClassicGroupTests {
    @Test func aNewcomerFirstLearnsItsID() {
        var script = GroupScript()
        let first = script.join()
        #expect(script.joins[first]?.errorCode == .memberIDRequired)
        let member = script.joins[first]?.memberID ?? ""
        #expect(!member.isEmpty)

        let second = script.join(member)
        #expect(script.joins[second]?.errorCode == ErrorCode.none)
        #expect(script.joins[second]?.generationID == 1)
        #expect(script.joins[second]?.leader == member)
        #expect(script.joins[second]?.members.map(\.memberID) == [member])
    }

    @Test func oldClientsAreTakenAtOnce() {
        var script = GroupScript()
        let ticket = script.join(version: 3)
        #expect(script.joins[ticket]?.errorCode == ErrorCode.none)
        #expect(script.joins[ticket]?.generationID == 1)
    }

    @Test func theFirstRebalanceWaitsForMoreMembers() {
        var script = GroupScript(initialDelay: 100)
        let (one, first) = script.enter()
        script.pass(60)
        let (two, second) = script.enter()
        script.pass(40)
        // A newcomer was seen, so the wait is prolonged once more.
        #expect(script.joins[first] == nil)
        script.pass(100)
        #expect(script.joins[first]?.generationID == 1)
        #expect(script.joins[first]?.leader == one)
        #expect(script.joins[first]?.members.map(\.memberID) == [one, two])
        #expect(script.joins[second]?.members == [])
    }

    @Test func theLeadersAssignmentReachesEverybody() {
        var (script, one, two, generation) = GroupScript.stablePair()
        #expect(script.coordinator.classic("g")?.state == .stable)
        let again = script.sync(two, generation: generation)
        #expect(script.syncs[again]?.assignment == ByteBuffer(string: "B"))
        #expect(script.heartbeat(one, generation: generation) == ErrorCode.none)
    }

    @Test func aThirdMemberCausesARebalance() {
        var (script, one, two, generation) = GroupScript.stablePair()
        let (three, third) = script.enter()
        #expect(script.heartbeat(one, generation: generation) == .rebalanceInProgress)
        #expect(script.heartbeat(two, generation: generation) == .rebalanceInProgress)
        let stale = script.sync(one, generation: generation)
        #expect(script.syncs[stale]?.errorCode == .rebalanceInProgress)

        let first = script.join(one)
        #expect(script.joins[first] == nil)
        let second = script.join(two)
        for ticket in [first, second, third] {
            #expect(script.joins[ticket]?.generationID == generation + 1)
        }
        #expect(Set(script.joins[first]?.members.map(\.memberID) ?? []) == [one, two, three])
        #expect(script.heartbeat(two, generation: generation) == .illegalGeneration)
        #expect(script.heartbeat(two, generation: generation + 1) == ErrorCode.none)
    }

    @Test func whoDoesNotRejoinInTimeIsOut() {
        var (script, one, two, generation) = GroupScript.stablePair()
        let (_, third) = script.enter()
        let first = script.join(one)
        for _ in 0..<12 {
            script.pass(5_000)
            if script.joins[first] == nil { _ = script.heartbeat(two, generation: generation) }
        }
        #expect(script.joins[first]?.errorCode == ErrorCode.none)
        #expect(script.joins[third]?.errorCode == ErrorCode.none)
        #expect(script.joins[first]?.members.count == 2)
        #expect(script.heartbeat(two, generation: generation) == .unknownMemberID)
    }

    @Test func aSilentMemberExpires() {
        var (script, one, two, generation) = GroupScript.stablePair()
        for _ in 0..<3 {
            script.pass(4_000)
            _ = script.heartbeat(one, generation: generation)
        }
        #expect(script.heartbeat(two, generation: generation) == .unknownMemberID)
        #expect(script.heartbeat(one, generation: generation) == .rebalanceInProgress)
        let ticket = script.join(one)
        #expect(script.joins[ticket]?.members.map(\.memberID) == [one])
    }

    @Test func anIDThatIsNeverUsedIsForgotten() {
        var script = GroupScript()
        let ticket = script.join(session: 500)
        let member = script.joins[ticket]?.memberID ?? ""
        script.pass(500)
        let late = script.join(member)
        #expect(script.joins[late]?.errorCode == .unknownMemberID)
    }

    @Test func aMemberThatNeverSyncsIsThrownOut() {
        var script = GroupScript(initialDelay: 10)
        let (one, first) = script.enter()
        let (two, _) = script.enter()
        script.pass(10)
        script.pass(10)
        let generation = script.joins[first]?.generationID ?? -1
        _ = script.sync(one, generation: generation, assignments: [one: "A", two: "B"])
        for _ in 0..<13 {
            script.pass(5_000)
            _ = script.heartbeat(one, generation: generation)
            _ = script.heartbeat(two, generation: generation)
        }
        #expect(script.heartbeat(two, generation: generation) == .unknownMemberID)
    }

    @Test func leavingStartsARebalanceAndTheLastOneEmptiesTheGroup() {
        var (script, one, two, generation) = GroupScript.stablePair()
        #expect(script.leave(two) == ErrorCode.none)
        #expect(script.leave(two) == .unknownMemberID)
        #expect(script.heartbeat(one, generation: generation) == .rebalanceInProgress)
        #expect(script.leave(one) == ErrorCode.none)
        #expect(script.coordinator.classic("g")?.state == .empty)
        #expect(script.leave("x", group: "nobody") == .unknownMemberID)
        #expect(script.leave("x", group: "") == .invalidGroupID)
    }

    @Test func whenTheLeaderGoesAnotherLeads() {
        var (script, one, two, _) = GroupScript.stablePair()
        _ = script.leave(one)
        let ticket = script.join(two)
        #expect(script.joins[ticket]?.leader == two)
        #expect(script.joins[ticket]?.members.map(\.memberID) == [two])
    }

    @Test func aNewSubscriptionOfTheFollowerStartsARebalanceAndTheSameDoesNot() {
        var (script, one, two, generation) = GroupScript.stablePair()
        let same = script.join(two)
        #expect(script.joins[same]?.generationID == generation)
        #expect(script.joins[same]?.members == [])
        let other = script.join(two, topics: ["t", "u"])
        #expect(script.joins[other] == nil)
        #expect(script.heartbeat(one, generation: generation) == .rebalanceInProgress)
    }

    @Test func theLeaderCanForceARebalance() {
        var (script, one, two, generation) = GroupScript.stablePair()
        let first = script.join(one)
        #expect(script.joins[first] == nil)
        let second = script.join(two)
        #expect(script.joins[first]?.generationID == generation + 1)
        #expect(script.joins[second]?.generationID == generation + 1)
    }

    @Test func aRebalanceAnswersThoseWhoWaitForTheirAssignment() {
        var script = GroupScript(initialDelay: 10)
        let (one, first) = script.enter()
        let (two, _) = script.enter()
        script.pass(10)
        script.pass(10)
        let generation = script.joins[first]?.generationID ?? -1
        let waiting = script.sync(two, generation: generation)
        #expect(script.syncs[waiting] == nil)
        _ = script.leave(one)
        #expect(script.syncs[waiting]?.errorCode == .rebalanceInProgress)
    }

    @Test func theProtocolOfMostMembersWins() {
        var script = GroupScript(initialDelay: 10)
        let (_, first) = script.enter(protocols: ["roundrobin", "range"])
        _ = script.enter(protocols: ["range", "roundrobin"])
        _ = script.enter(protocols: ["range", "sticky", "roundrobin"])
        script.pass(10)
        script.pass(10)
        #expect(script.joins[first]?.protocolName == "range")
        #expect(script.joins[first]?.protocolType == "consumer")
    }

    @Test func foreignProtocolsAreRefused() {
        var (script, _, _, _) = GroupScript.stablePair()
        #expect(script.joined(protocols: ["sticky"])?.errorCode == .inconsistentGroupProtocol)
        #expect(script.joined(type: "connect")?.errorCode == .inconsistentGroupProtocol)
        #expect(script.joined(protocols: [])?.errorCode == .inconsistentGroupProtocol)
    }

    @Test func badRequestsGetTheBrokersCodes() {
        var script = GroupScript()
        #expect(script.joined(group: "")?.errorCode == .invalidGroupID)
        #expect(script.joined(session: 1)?.errorCode == .invalidSessionTimeout)
        #expect(script.joined(session: .max)?.errorCode == .invalidSessionTimeout)
        #expect(script.joined("stranger")?.errorCode == .unknownMemberID)
        #expect(script.synced("x", generation: 1, group: "")?.errorCode == .invalidGroupID)
        #expect(script.synced("x", generation: 1)?.errorCode == .unknownMemberID)
        #expect(script.heartbeat("x", generation: 1, group: "") == .invalidGroupID)
        #expect(script.heartbeat("x", generation: 1) == .unknownMemberID)
    }

    @Test func syncChecksProtocolAndGeneration() {
        var (script, one, _, generation) = GroupScript.stablePair()
        #expect(script.synced(one, generation: generation + 1)?.errorCode == .illegalGeneration)
        var request = SyncGroupRequest()
        request.groupID = "g"
        request.memberID = one
        request.generationID = generation
        request.protocolType = "connect"
        request.protocolName = "range"
        script.coordinator.sync(request, ticket: RequestTicket(number: 999), now: script.now)
        var answer = SyncGroupResponse()
        answer.errorCode = .inconsistentGroupProtocol
        #expect(script.coordinator.takeReplies() == [.sync(RequestTicket(number: 999), answer)])
    }

    @Test func aMovedCoordinatorInterruptsWaitingMembers() {
        var (script, one, two, generation) = GroupScript.stablePair()
        let waiting = script.join(one)
        script.coordinator.interrupt("g", with: .notCoordinator)
        script.pass(0)
        #expect(script.joins[waiting]?.errorCode == .notCoordinator)
        let first = script.join(one)
        let second = script.join(two)
        #expect(script.joins[first]?.generationID == generation + 1)
        #expect(script.joins[second]?.generationID == generation + 1)
    }
}
