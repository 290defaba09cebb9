import KafkaProtocol
import NIOCore

extension ClassicGroup {
    /// A member asks for its assignment; the leader brings everybody's.
    mutating func sync(_ request: SyncGroupRequest, ticket: RequestTicket, now: Int64) {
        let error = checkSync(request)
        guard error == .none, let index = index(of: request.memberID) else {
            outbox.append(.sync(ticket, Self.syncError(error == .none ? .unknownMemberID : error)))
            return
        }
        touch(index, now: now)
        if let earlier = members[index].syncTicket {
            // The same member asks again, so nobody waits for the first answer.
            outbox.append(.sync(earlier, Self.syncError(.rebalanceInProgress)))
            members[index].syncTicket = nil
        }
        members[index].hasSynced = true
        if state == .stable {
            outbox.append(.sync(ticket, syncAnswer(members[index].assignment)))
        } else {
            members[index].syncTicket = ticket
            if leader == request.memberID { install(request.assignments, now: now) }
        }
        if members.allSatisfy(\.hasSynced) { syncDeadline = nil }
    }

    private func checkSync(_ request: SyncGroupRequest) -> ErrorCode {
        guard state != .dead else { return .coordinatorNotAvailable }
        let error = check(member: request.memberID, instance: request.groupInstanceID)
        guard error == .none else { return error }
        guard request.generationID == generation else { return .illegalGeneration }
        if let type = request.protocolType, type != protocolType { return .inconsistentGroupProtocol }
        if let name = request.protocolName, name != protocolName { return .inconsistentGroupProtocol }
        switch state {
        case .empty, .dead: return .unknownMemberID
        case .preparingRebalance: return .rebalanceInProgress
        case .completingRebalance, .stable: return .none
        }
    }

    private mutating func install(_ assignments: [SyncGroupRequest.SyncGroupRequestAssignment], now: Int64) {
        state = .stable
        for index in members.indices {
            members[index].assignment =
                assignments.first { $0.memberID == members[index].id }?.assignment ?? ByteBuffer()
            guard let ticket = members[index].syncTicket else { continue }
            members[index].syncTicket = nil
            touch(index, now: now)
            outbox.append(.sync(ticket, syncAnswer(members[index].assignment)))
        }
    }

    mutating func syncTimeIsUp(now: Int64) {
        syncDeadline = nil
        let silent = members.filter { !$0.hasSynced }.map(\.id)
        guard !silent.isEmpty, state == .completingRebalance || state == .stable else { return }
        members.removeAll { silent.contains($0.id) }
        if let current = leader, silent.contains(current) { leader = members.first?.id }
        prepareRebalance(now: now)
    }

    static func syncError(_ error: ErrorCode) -> SyncGroupResponse {
        var response = SyncGroupResponse()
        response.errorCode = error
        return response
    }

    private func syncAnswer(_ assignment: ByteBuffer) -> SyncGroupResponse {
        var response = SyncGroupResponse()
        response.protocolType = protocolType
        response.protocolName = protocolName
        response.assignment = assignment
        return response
    }
}
