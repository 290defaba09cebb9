import KafkaProtocol
import NIOCore
import Testing

@testable import KafkaClient

@Suite("The life of a group member")
struct GroupMembershipMachineTests {
    private func joinAnswer(
        _ error: ErrorCode = .none,
        member: KafkaString = "m1",
        leader: KafkaString = "m1",
        generation: Int32 = 1,
        members: [KafkaString] = []
    ) -> JoinGroupResponse {
        var response = JoinGroupResponse()
        response.errorCode = error
        response.memberID = member
        response.leader = leader
        response.generationID = generation
        response.protocolName = "range"
        response.members = members.map { id in
            var entry = JoinGroupResponse.JoinGroupResponseMember()
            entry.memberID = id
            entry.metadata = ByteBuffer(string: id.string)
            return entry
        }
        return response
    }

    private func syncAnswer(_ error: ErrorCode = .none, _ data: String = "mine") -> SyncGroupResponse {
        var response = SyncGroupResponse()
        response.errorCode = error
        response.assignment = ByteBuffer(string: data)
        return response
    }

    private func assignment(generation: Int32 = 1, leader: Bool, _ data: String = "mine") -> GroupAssignment {
        GroupAssignment(
            memberID: "m1",
            generationID: generation,
            protocolName: "range",
            isLeader: leader,
            data: ByteBuffer(string: data)
        )
    }

    /// A machine that works in generation 1 as a follower.
    private func working(isCooperative: Bool = false) -> GroupMembershipMachine {
        var machine = GroupMembershipMachine(isCooperative: isCooperative)
        _ = machine.begin()
        _ = machine.joined(joinAnswer(leader: "m0"))
        _ = machine.synced(syncAnswer())
        _ = machine.settled(rejoins: false)
        return machine
    }

    @Test("The leader joins, assigns, syncs and works")
    func leader() {
        var machine = GroupMembershipMachine(isCooperative: false)
        #expect(machine.identity == nil)
        #expect(machine.begin() == .join(memberID: "", pauses: false))
        #expect(machine.joined(joinAnswer(.memberIDRequired)) == .join(memberID: "m1", pauses: false))
        let members = ["m1", "m2"].map {
            GroupMemberMetadata(memberID: KafkaString($0), metadata: ByteBuffer(string: $0))
        }
        #expect(
            machine.joined(joinAnswer(members: ["m1", "m2"])) == .assign(protocolName: "range", members: members)
        )
        let parts: [KafkaString: ByteBuffer] = ["m1": ByteBuffer(string: "a"), "m2": ByteBuffer(string: "b")]
        #expect(
            machine.assigned(parts) == .sync(generationID: 1, protocolName: "range", assignments: parts)
        )
        #expect(machine.synced(syncAnswer(.none, "a")) == .start(assignment(leader: true, "a")))
        #expect(machine.identity == GroupMemberIdentity(memberID: "m1", generationID: 1))
        #expect(machine.settled(rejoins: false) == .heartbeat)
        #expect(machine.heartbeatAnswered(.none) == .heartbeat)
        #expect(machine.leave() == .leave(memberID: "m1"))
        #expect(machine.identity == nil)
    }

    @Test("A follower syncs with nothing to say")
    func follower() {
        var machine = GroupMembershipMachine(isCooperative: false)
        _ = machine.begin()
        #expect(
            machine.joined(joinAnswer(leader: "m0"))
                == .sync(generationID: 1, protocolName: "range", assignments: [:])
        )
        #expect(machine.synced(syncAnswer()) == .start(assignment(leader: false)))
    }

    @Test("A leader that keeps its assignment does not assign again")
    func skippedAssignment() {
        var machine = GroupMembershipMachine(isCooperative: false)
        _ = machine.begin()
        var answer = joinAnswer(members: ["m1"])
        answer.skipAssignment = true
        #expect(machine.joined(answer) == .sync(generationID: 1, protocolName: "range", assignments: [:]))
    }

    @Test("A rebalance stops the work before the next join, and offsets can be committed until then")
    func rebalance() {
        var machine = working()
        #expect(machine.heartbeatAnswered(.rebalanceInProgress) == .revoke(.rebalance))
        #expect(machine.identity?.generationID == 1)
        #expect(machine.revoked() == .join(memberID: "m1", pauses: false))
        #expect(machine.identity == nil)
        _ = machine.joined(joinAnswer(leader: "m0", generation: 2))
        #expect(machine.synced(syncAnswer()) == .start(assignment(generation: 2, leader: false)))
    }

    @Test("A cooperative member works on during a rebalance")
    func cooperative() {
        var machine = working(isCooperative: true)
        #expect(machine.heartbeatAnswered(.rebalanceInProgress) == .join(memberID: "m1", pauses: false))
        _ = machine.joined(joinAnswer(leader: "m0", generation: 2))
        _ = machine.synced(syncAnswer())
        // It gave partitions up, so others wait for another round.
        #expect(machine.settled(rejoins: true) == .join(memberID: "m1", pauses: false))
        _ = machine.joined(joinAnswer(leader: "m0", generation: 3))
        _ = machine.synced(syncAnswer())
        #expect(machine.settled(rejoins: false) == .heartbeat)
        #expect(machine.heartbeatAnswered(.illegalGeneration) == .revoke(.lost))
    }

    @Test("A member the group has forgotten loses everything and joins as a new one")
    func forgotten() {
        var machine = working()
        #expect(machine.heartbeatAnswered(.unknownMemberID) == .revoke(.lost))
        #expect(machine.identity == nil)
        #expect(machine.revoked() == .join(memberID: "", pauses: false))
        #expect(machine.joined(joinAnswer(.unknownMemberID)) == .join(memberID: "", pauses: true))
    }

    @Test("An older generation keeps its member id")
    func oldGeneration() {
        var machine = working()
        #expect(machine.heartbeatAnswered(.illegalGeneration) == .revoke(.lost))
        #expect(machine.revoked() == .join(memberID: "m1", pauses: false))
    }

    @Test("A session without contact ends")
    func expired() {
        var machine = working()
        #expect(machine.sessionExpired() == .revoke(.lost))
        #expect(machine.revoked() == .join(memberID: "", pauses: false))
        // Nothing is held now, so nothing has to be revoked.
        #expect(machine.sessionExpired() == .join(memberID: "", pauses: true))
    }

    @Test("The group may move on between join and sync")
    func syncRefused() {
        var machine = GroupMembershipMachine(isCooperative: false)
        _ = machine.begin()
        _ = machine.joined(joinAnswer(leader: "m0"))
        #expect(machine.synced(syncAnswer(.rebalanceInProgress)) == .join(memberID: "m1", pauses: true))
        _ = machine.joined(joinAnswer(leader: "m0"))
        #expect(machine.synced(syncAnswer(.unknownMemberID)) == .join(memberID: "", pauses: true))
    }

    @Test("A member that wants another assignment asks for it after its heartbeat")
    func requested() {
        var machine = working()
        machine.requestRejoin()
        #expect(machine.heartbeatAnswered(.none) == .revoke(.rebalance))
        _ = machine.revoked()
        _ = machine.joined(joinAnswer(leader: "m0", generation: 2))
        _ = machine.synced(syncAnswer())
        #expect(machine.settled(rejoins: false) == .heartbeat)
    }

    @Test(
        "What cannot be mended ends the membership",
        arguments: [
            ErrorCode.groupAuthorizationFailed, .inconsistentGroupProtocol, .invalidSessionTimeout,
            .groupMaxSizeReached, .fencedInstanceID,
        ]
    )
    func fatal(code: ErrorCode) {
        var machine = GroupMembershipMachine(isCooperative: false)
        _ = machine.begin()
        #expect(machine.joined(joinAnswer(code)) == .fail(code))
        #expect(machine.state == .left)
    }

    @Test("Nothing is left when there was no member")
    func leaveEarly() {
        var machine = GroupMembershipMachine(isCooperative: false)
        _ = machine.begin()
        #expect(machine.leave() == .leave(memberID: nil))
    }
}
