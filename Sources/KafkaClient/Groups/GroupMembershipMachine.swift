public import KafkaProtocol
public import NIOCore

/// A member as the group's leader sees it.
public struct GroupMemberMetadata: Sendable, Hashable {
    public var memberID: KafkaString
    public var instanceID: KafkaString?
    public var metadata: ByteBuffer

    public init(memberID: KafkaString, instanceID: KafkaString? = nil, metadata: ByteBuffer) {
        self.memberID = memberID
        self.instanceID = instanceID
        self.metadata = metadata
    }
}

/// What a member got in one generation of its group.
public struct GroupAssignment: Sendable, Hashable {
    public var memberID: KafkaString
    public var generationID: Int32
    public var protocolName: KafkaString
    /// Whether this member made the assignment.
    public var isLeader: Bool
    public var data: ByteBuffer

    public init(
        memberID: KafkaString,
        generationID: Int32,
        protocolName: KafkaString,
        isLeader: Bool,
        data: ByteBuffer
    ) {
        self.memberID = memberID
        self.generationID = generationID
        self.protocolName = protocolName
        self.isLeader = isLeader
        self.data = data
    }
}

/// Why a member has to let go of what it was assigned.
public enum RevocationReason: Sendable, Hashable {
    /// The group rebalances; offsets can still be committed.
    case rebalance
    /// The group has gone on without this member; somebody else may own everything already.
    case lost
    /// The member leaves.
    case leaving
}

/// The life of one member of a group under the classic protocol: join, sync, heartbeat, and again.
///
/// Overview: one method per event, each returns the next thing to do. Errors that pass by themselves never come here:
/// the caller repeats such requests.
///
/// States: `unjoined` waits for the first join; `joining` for its answer; `assigning` for the leader's assignment;
/// `syncing` for this member's part of it; `stable` heartbeats until the group changes; `revoking` until the member
/// has let go; `left` is the end.
struct GroupMembershipMachine: Sendable {
    enum Action: Sendable, Equatable {
        /// Send JoinGroup, after a pause where the group is in disorder.
        case join(memberID: KafkaString, pauses: Bool)
        /// Compute everybody's assignment and report `assigned`.
        case assign(protocolName: KafkaString, members: [GroupMemberMetadata])
        /// Send SyncGroup.
        case sync(generationID: Int32, protocolName: KafkaString, assignments: [KafkaString: ByteBuffer])
        /// Begin to work, then report `settled`.
        case start(GroupAssignment)
        /// Wait for the interval, then send a heartbeat.
        case heartbeat
        /// Stop the work, then report `revoked`.
        case revoke(RevocationReason)
        /// Send LeaveGroup if there is a member id, and end.
        case leave(memberID: KafkaString?)
        case fail(ErrorCode)
    }

    struct Round: Sendable, Equatable {
        var generationID: Int32
        var protocolName: KafkaString
        var isLeader: Bool
    }

    enum State: Sendable, Equatable {
        case unjoined
        case joining
        case assigning(Round)
        case syncing(Round)
        case stable(Round)
        /// With the round the member may still commit in, unless it was lost.
        case revoking(Round?)
        case left
    }

    private(set) var state = State.unjoined
    private(set) var memberID: KafkaString = ""
    /// Whether the work goes on during a rebalance, so that only what moves is stopped (KIP-429).
    let isCooperative: Bool
    /// Whether the member holds an assignment that has not been revoked.
    private var isWorking = false
    private var wantsRejoin = false

    init(isCooperative: Bool) {
        self.isCooperative = isCooperative
    }

    /// The generation the member is in, while it may commit.
    var identity: GroupMemberIdentity? {
        switch state {
        case .stable(let round), .syncing(let round), .assigning(let round):
            GroupMemberIdentity(memberID: memberID, generationID: round.generationID)
        case .revoking(let round):
            round.map { GroupMemberIdentity(memberID: memberID, generationID: $0.generationID) }
        case .unjoined, .joining, .left: nil
        }
    }

    mutating func begin() -> Action {
        state = .joining
        return .join(memberID: memberID, pauses: false)
    }

    mutating func joined(_ response: JoinGroupResponse) -> Action {
        guard state == .joining else { return .fail(.unknownServerError) }
        switch response.errorCode {
        case .none:
            memberID = response.memberID
            let round = Round(
                generationID: response.generationID,
                protocolName: response.protocolName ?? "",
                isLeader: response.leader == response.memberID
            )
            wantsRejoin = false
            if round.isLeader, !response.skipAssignment {
                state = .assigning(round)
                return .assign(
                    protocolName: round.protocolName,
                    members: response.members.map {
                        GroupMemberMetadata(
                            memberID: $0.memberID,
                            instanceID: $0.groupInstanceID,
                            metadata: $0.metadata
                        )
                    }
                )
            }
            state = .syncing(round)
            return .sync(generationID: round.generationID, protocolName: round.protocolName, assignments: [:])
        case .memberIDRequired:
            memberID = response.memberID
            return .join(memberID: memberID, pauses: false)
        default:
            return rejoin(after: response.errorCode)
        }
    }

    /// The leader has computed the assignment.
    mutating func assigned(_ assignments: [KafkaString: ByteBuffer]) -> Action {
        guard case .assigning(let round) = state else { return .fail(.unknownServerError) }
        state = .syncing(round)
        return .sync(
            generationID: round.generationID,
            protocolName: round.protocolName,
            assignments: assignments
        )
    }

    mutating func synced(_ response: SyncGroupResponse) -> Action {
        guard case .syncing(let round) = state else { return .fail(.unknownServerError) }
        guard response.errorCode == .none else { return rejoin(after: response.errorCode) }
        state = .stable(round)
        isWorking = true
        return .start(
            GroupAssignment(
                memberID: memberID,
                generationID: round.generationID,
                protocolName: round.protocolName,
                isLeader: round.isLeader,
                data: response.assignment
            )
        )
    }

    /// The member works with its assignment.
    ///
    /// - Parameter rejoins: Whether it gave something up for others to take, which needs another round.
    mutating func settled(rejoins: Bool) -> Action {
        guard case .stable = state else { return .fail(.unknownServerError) }
        if rejoins || wantsRejoin { return leaveRound(.rebalance) }
        return .heartbeat
    }

    mutating func heartbeatAnswered(_ code: ErrorCode) -> Action {
        guard case .stable = state else { return .fail(.unknownServerError) }
        switch code {
        case .none:
            return wantsRejoin ? leaveRound(.rebalance) : .heartbeat
        case .rebalanceInProgress:
            return leaveRound(.rebalance)
        case .illegalGeneration, .unknownMemberID:
            return rejoin(after: code)
        default:
            return rejoin(after: code)
        }
    }

    /// The coordinator could not be reached for as long as a session lasts.
    mutating func sessionExpired() -> Action {
        memberID = ""
        return leaveRound(.lost)
    }

    /// The member wants another assignment, for example because topics changed.
    mutating func requestRejoin() {
        wantsRejoin = true
    }

    mutating func revoked() -> Action {
        guard case .revoking = state else { return .fail(.unknownServerError) }
        state = .joining
        return .join(memberID: memberID, pauses: false)
    }

    mutating func leave() -> Action {
        defer { state = .left }
        return .leave(memberID: memberID.isEmpty ? nil : memberID)
    }

    private mutating func rejoin(after code: ErrorCode) -> Action {
        switch code {
        case .unknownMemberID:
            memberID = ""
            return leaveRound(.lost)
        case .illegalGeneration:
            return leaveRound(.lost)
        case .rebalanceInProgress, .memberIDRequired:
            state = .joining
            return .join(memberID: memberID, pauses: true)
        default:
            state = .left
            return .fail(code)
        }
    }

    private var round: Round? {
        switch state {
        case .assigning(let round), .syncing(let round), .stable(let round): round
        case .revoking(let round): round
        case .unjoined, .joining, .left: nil
        }
    }

    private mutating func leaveRound(_ reason: RevocationReason) -> Action {
        if isWorking, reason == .lost || !isCooperative {
            isWorking = false
            state = .revoking(reason == .lost ? nil : round)
            return .revoke(reason)
        }
        state = .joining
        return .join(memberID: memberID, pauses: reason == .lost)
    }
}
