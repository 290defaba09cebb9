import KafkaProtocol
import NIOCore

extension ClassicGroup {
    /// Calls the members together for a new generation.
    mutating func prepareRebalance(now: Int64) {
        if state == .completingRebalance {
            for index in members.indices {
                members[index].assignment = ByteBuffer()
                guard let ticket = members[index].syncTicket else { continue }
                members[index].syncTicket = nil
                touch(index, now: now)
                outbox.append(.sync(ticket, Self.syncError(.rebalanceInProgress)))
            }
        }
        syncDeadline = nil
        let isFirst = state == .empty
        state = .preparingRebalance
        guard isFirst else {
            joinDeadline = now + rebalanceTimeout
            return completeJoinIfReady(now: now)
        }
        // An empty group waits a little, so that members started together do not cost a rebalance each.
        let delay = configuration.initialRebalanceDelay
        sawNewcomer = false
        initialDelayLeft = max(rebalanceTimeout - delay, 0)
        joinDeadline = now + delay
        if delay <= 0 { joinTimeIsUp(now: now) }
    }

    /// Completes the joining phase once nobody is missing.
    mutating func completeJoinIfReady(now: Int64) {
        guard state == .preparingRebalance, initialDelayLeft == nil, pendingJoins.isEmpty else { return }
        guard members.allSatisfy(\.isAwaitingJoin) else { return }
        completeJoin(now: now)
    }

    mutating func joinTimeIsUp(now: Int64) {
        if sawNewcomer, let left = initialDelayLeft, left > 0 {
            let delay = min(configuration.initialRebalanceDelay, left)
            sawNewcomer = false
            initialDelayLeft = max(left - delay, 0)
            joinDeadline = now + delay
            return
        }
        completeJoin(now: now)
    }

    private mutating func completeJoin(now: Int64) {
        joinDeadline = nil
        initialDelayLeft = nil
        // Whoever is not back is out; static members keep their place until their session ends.
        members.removeAll { !$0.isAwaitingJoin && $0.instanceID == nil }
        guard members.isEmpty || electJoinedLeader() else {
            joinDeadline = now + rebalanceTimeout
            return
        }
        generation += 1
        guard !members.isEmpty else {
            state = .empty
            protocolName = nil
            leader = nil
            return
        }
        protocolName = selectProtocol()
        state = .completingRebalance
        syncDeadline = now + rebalanceTimeout
        for index in members.indices {
            members[index].hasSynced = false
            members[index].isNew = false
            guard let ticket = members[index].joinTicket else { continue }
            members[index].joinTicket = nil
            touch(index, now: now)
            outbox.append(.join(ticket, joinAnswer(for: members[index], withMembers: true)))
        }
    }

    /// Makes sure that the leader is one of those who joined this time.
    private mutating func electJoinedLeader() -> Bool {
        if let leader, let index = index(of: leader), members[index].isAwaitingJoin { return true }
        guard let joined = members.first(where: \.isAwaitingJoin) else { return false }
        leader = joined.id
        return true
    }

    /// Takes a member out and lets the others divide its share.
    mutating func remove(_ memberID: KafkaString, now: Int64) {
        guard let index = index(of: memberID) else { return }
        let member = members.remove(at: index)
        if let ticket = member.joinTicket {
            outbox.append(.join(ticket, Self.joinError(.unknownMemberID, memberID)))
        }
        if let ticket = member.syncTicket {
            outbox.append(.sync(ticket, Self.syncError(.unknownMemberID)))
        }
        if leader == memberID { leader = members.first?.id }
        switch state {
        case .stable, .completingRebalance: prepareRebalance(now: now)
        case .preparingRebalance: completeJoinIfReady(now: now)
        case .empty, .dead: break
        }
    }

    /// Answers every waiting member with `error` without changing who is a member.
    mutating func interrupt(_ error: ErrorCode) {
        for index in members.indices {
            if let ticket = members[index].joinTicket {
                outbox.append(.join(ticket, Self.joinError(error, members[index].id)))
                members[index].joinTicket = nil
            }
            if let ticket = members[index].syncTicket {
                outbox.append(.sync(ticket, Self.syncError(error)))
                members[index].syncTicket = nil
                members[index].hasSynced = false
            }
        }
    }

    /// Ends the group for good.
    mutating func die(_ error: ErrorCode) {
        interrupt(error)
        state = .dead
        members = []
        pendingJoins = [:]
        joinDeadline = nil
        initialDelayLeft = nil
        syncDeadline = nil
    }
}
