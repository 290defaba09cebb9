import KafkaNetwork
public import KafkaProtocol
import Logging
public import NIOCore
import Synchronization

/// What members of a group agree on and do; the consumers' protocol is one of them.
public protocol GroupProtocol: Sendable {
    /// The kind of group; all members have the same.
    var protocolType: KafkaString { get }
    /// Whether the work goes on during a rebalance and `assigned` stops only what moves elsewhere.
    var isCooperative: Bool { get }

    /// The ways of assignment this member understands, the preferred one first, each with the member's metadata.
    func offers() async throws -> [(name: KafkaString, metadata: ByteBuffer)]

    /// Computes everybody's part; called at the leader only.
    func assign(
        protocolName: KafkaString,
        members: [GroupMemberMetadata]
    ) async throws -> [KafkaString: ByteBuffer]

    /// Begins to work with the assignment.
    ///
    /// - Returns: Whether something was given up that others wait for, so that another round is needed.
    func assigned(_ assignment: GroupAssignment) async -> Bool

    /// Stops all work; when this returns, nothing more is done with the assignment.
    func revoked(_ reason: RevocationReason) async
}

/// How a member takes part in its group.
public struct GroupMemberConfiguration: Sendable, Hashable {
    public var group: GroupID
    /// Set for a static member, which comes back to its assignment after a restart.
    public var instanceID: KafkaString?
    public var sessionTimeout: Duration
    public var rebalanceTimeout: Duration
    public var heartbeatInterval: Duration

    public init(
        group: GroupID,
        instanceID: KafkaString? = nil,
        sessionTimeout: Duration = .seconds(45),
        rebalanceTimeout: Duration = .seconds(60),
        heartbeatInterval: Duration = .seconds(3)
    ) {
        self.group = group
        self.instanceID = instanceID
        self.sessionTimeout = sessionTimeout
        self.rebalanceTimeout = rebalanceTimeout
        self.heartbeatInterval = heartbeatInterval
    }
}

/// A member of a group under the classic protocol.
///
/// `run()` keeps it in the group until the task is cancelled, and then leaves. Heartbeats go on while the group
/// protocol starts or stops its work.
public final class GroupMember: Sendable {
    public let configuration: GroupMemberConfiguration
    private let client: KafkaClient
    private let groupProtocol: any GroupProtocol
    private let lane: Int
    private let machine: Mutex<GroupMembershipMachine>
    private let wakeup: Wakeup

    public init(client: KafkaClient, configuration: GroupMemberConfiguration, protocol groupProtocol: any GroupProtocol)
    {
        self.client = client
        self.configuration = configuration
        self.groupProtocol = groupProtocol
        self.lane = client.takeLane()
        self.machine = Mutex(GroupMembershipMachine(isCooperative: groupProtocol.isCooperative))
        self.wakeup = Wakeup(on: client.controlLoop)
    }

    /// As whom offsets are committed; nil while the member is in no generation.
    public var identity: GroupMemberIdentity? {
        var identity = machine.withLock { $0.identity }
        identity?.instanceID = configuration.instanceID
        return identity
    }

    /// Asks for a new assignment, for example because topics changed.
    public func requestRejoin() {
        machine.withLock { $0.requestRejoin() }
        wakeup.notify()
    }

    /// Commits offsets as this member; fails with `rebalanced` when it is in no generation.
    public func commit(
        _ offsets: [TopicPartition: CommittedOffset],
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> [TopicPartition: Result<Void, KafkaClientError>] {
        guard let identity else {
            throw KafkaClientError(
                .rebalanced,
                "The member is in no generation of its group",
                cluster: client.name,
                group: configuration.group
            )
        }
        return try await client.commitGroupOffsets(
            offsets,
            of: configuration.group,
            as: identity,
            purpose: .group,
            lane: lane,
            deadline: deadline
        )
    }

    /// Takes part in the group until the task is cancelled; throws when the group refuses the member for good.
    public func run() async throws {
        var action = machine.withLock { $0.begin() }
        do {
            while !Task.isCancelled {
                client.logger.trace(
                    "group member acts",
                    metadata: ["group": "\(configuration.group)", "action": "\(action.name)"]
                )
                if case .fail(let code) = action {
                    throw client.refused(
                        code,
                        "The group does not accept the member",
                        group: configuration.group
                    )
                }
                do {
                    action = try await perform(action)
                } catch let error as KafkaClientError where error.isTransient {
                    client.logger.debug(
                        "group cannot be reached",
                        metadata: ["group": "\(configuration.group)", "error": "\(error)"]
                    )
                    action = machine.withLock { $0.sessionExpired() }
                }
            }
        } catch {
            await finish()
            if error is CancellationError { return }
            if let error = error as? KafkaClientError, error.code == .cancelled { return }
            throw error
        }
        await finish()
    }

    /// Stops the work and leaves, although the task may be cancelled.
    private func finish() async {
        let isMember = machine.withLock { $0.identity } != nil
        // A task of its own, because what is cancelled cannot wait for answers.
        let task = Task {
            // Offsets may still be committed here, so the identity goes last.
            await groupProtocol.revoked(isMember ? .leaving : .lost)
            let action = machine.withLock { $0.leave() }
            // A static member keeps its place until its session ends.
            if case .leave(let memberID?) = action, configuration.instanceID == nil { await leaveGroup(memberID) }
        }
        await task.value
    }

    private func perform(_ action: GroupMembershipMachine.Action) async throws -> GroupMembershipMachine.Action {
        switch action {
        case .join(let memberID, let pauses):
            if pauses { try await Task.sleep(for: client.settings.retry.backoff.initial) }
            let response = try await join(memberID)
            return machine.withLock { $0.joined(response) }
        case .assign(let protocolName, let members):
            let assignments = try await groupProtocol.assign(protocolName: protocolName, members: members)
            return machine.withLock { $0.assigned(assignments) }
        case .sync(let generationID, let protocolName, let assignments):
            let response = try await sync(generationID, protocolName, assignments)
            return machine.withLock { $0.synced(response) }
        case .start(let assignment):
            let rejoins = await withHeartbeats(generationID: assignment.generationID, assignment.memberID) {
                await self.groupProtocol.assigned(assignment)
            }
            return machine.withLock { $0.settled(rejoins: rejoins) }
        case .heartbeat:
            return try await heartbeat()
        case .revoke(let reason):
            if reason == .rebalance, let identity {
                _ = await withHeartbeats(generationID: identity.generationID, identity.memberID) {
                    await self.groupProtocol.revoked(reason)
                    return false
                }
            } else {
                await groupProtocol.revoked(reason)
            }
            return machine.withLock { $0.revoked() }
        case .leave, .fail:
            throw CancellationError()
        }
    }

    // MARK: Requests

    private func join(_ memberID: KafkaString) async throws -> JoinGroupResponse {
        let offers = try await groupProtocol.offers()
        let configuration = configuration
        let type = groupProtocol.protocolType
        // The coordinator answers when all members have joined, or the rebalance timeout is over.
        let patience = configuration.rebalanceTimeout + .seconds(5)
        return try await client.call(
            JoinGroupRequest.self,
            .coordinator(.group(configuration.group)),
            purpose: .group,
            lane: lane,
            timeout: patience,
            deadline: .after(patience + client.settings.callTimeout),
            errorCode: { $0.errorCode },
            build: { version in
                var request = JoinGroupRequest()
                request.groupID = configuration.group
                request.sessionTimeoutMs = configuration.sessionTimeout.milliseconds32
                if version >= 1 { request.rebalanceTimeoutMs = configuration.rebalanceTimeout.milliseconds32 }
                request.memberID = memberID
                if version >= 5 { request.groupInstanceID = configuration.instanceID }
                request.protocolType = type
                request.protocols = offers.map { name, metadata in
                    var offer = JoinGroupRequest.JoinGroupRequestProtocol()
                    offer.name = name
                    offer.metadata = metadata
                    return offer
                }
                return request
            }
        )
    }

    private func sync(
        _ generationID: Int32,
        _ protocolName: KafkaString,
        _ assignments: [KafkaString: ByteBuffer]
    ) async throws(KafkaClientError) -> SyncGroupResponse {
        let configuration = configuration
        let type = groupProtocol.protocolType
        let memberID = machine.withLock { $0.memberID }
        let patience = configuration.rebalanceTimeout + .seconds(5)
        return try await client.call(
            SyncGroupRequest.self,
            .coordinator(.group(configuration.group)),
            purpose: .group,
            lane: lane,
            timeout: patience,
            deadline: .after(patience),
            errorCode: { $0.errorCode },
            build: { version in
                var request = SyncGroupRequest()
                request.groupID = configuration.group
                request.generationID = generationID
                request.memberID = memberID
                if version >= 3 { request.groupInstanceID = configuration.instanceID }
                if version >= 5 {
                    request.protocolType = type
                    request.protocolName = protocolName
                }
                request.assignments = assignments.sorted { $0.key < $1.key }.map { id, data in
                    var assignment = SyncGroupRequest.SyncGroupRequestAssignment()
                    assignment.memberID = id
                    assignment.assignment = data
                    return assignment
                }
                return request
            }
        )
    }

    /// Waits for the interval, sends a heartbeat and repeats it for as long as the session lasts.
    private func heartbeat() async throws -> GroupMembershipMachine.Action {
        let session = Deadline.after(configuration.sessionTimeout)
        await wakeup.wait(until: .after(configuration.heartbeatInterval))
        try Task.checkCancellation()
        guard let identity = machine.withLock({ $0.identity }) else { throw CancellationError() }
        do {
            let code = try await sendHeartbeat(identity.generationID, identity.memberID, deadline: session)
            return machine.withLock { $0.heartbeatAnswered(code) }
        } catch {
            if error.code == .cancelled || error.code == .closed { throw error }
            client.logger.debug(
                "group session lost",
                metadata: ["group": "\(configuration.group)", "error": "\(error)"]
            )
            return machine.withLock { $0.sessionExpired() }
        }
    }

    private func sendHeartbeat(
        _ generationID: Int32,
        _ memberID: KafkaString,
        deadline: Deadline
    ) async throws(KafkaClientError) -> ErrorCode {
        let configuration = configuration
        let response = try await client.call(
            HeartbeatRequest.self,
            .coordinator(.group(configuration.group)),
            purpose: .group,
            lane: lane,
            timeout: min(client.settings.requestTimeout, configuration.sessionTimeout / 3),
            deadline: deadline,
            errorCode: { $0.errorCode },
            build: { version in
                var request = HeartbeatRequest()
                request.groupID = configuration.group
                request.generationID = generationID
                request.memberID = memberID
                if version >= 3 { request.groupInstanceID = configuration.instanceID }
                return request
            }
        )
        return response.errorCode
    }

    /// Keeps the session alive while the work is being started.
    private func withHeartbeats(
        generationID: Int32,
        _ memberID: KafkaString,
        _ body: @escaping @Sendable () async -> Bool
    ) async -> Bool {
        await withTaskGroup(of: Bool?.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: self.configuration.heartbeatInterval)
                    if Task.isCancelled { break }
                    // A change of the group is seen by the first heartbeat after the start.
                    _ = try? await self.sendHeartbeat(
                        generationID,
                        memberID,
                        deadline: .after(self.configuration.sessionTimeout)
                    )
                }
                return nil
            }
            group.addTask { await body() }
            var outcome = false
            for await result in group {
                if let result {
                    outcome = result
                    group.cancelAll()
                }
            }
            return outcome
        }
    }

    private func leaveGroup(_ memberID: KafkaString) async {
        let group = configuration.group
        do {
            _ = try await client.call(
                LeaveGroupRequest.self,
                .coordinator(.group(group)),
                purpose: .group,
                lane: lane,
                deadline: .after(min(.seconds(5), client.settings.callTimeout)),
                errorCode: { $0.errorCode },
                build: { version in
                    var request = LeaveGroupRequest()
                    request.groupID = group
                    if version >= 3 {
                        var member = LeaveGroupRequest.MemberIdentity()
                        member.memberID = memberID
                        request.members = [member]
                    } else {
                        request.memberID = memberID
                    }
                    return request
                }
            )
        } catch {
            client.logger.debug("leaving the group failed", metadata: ["group": "\(group)", "error": "\(error)"])
        }
    }
}

extension GroupMembershipMachine.Action {
    /// For logs.
    var name: String {
        switch self {
        case .join: "join"
        case .assign: "assign"
        case .sync: "sync"
        case .start: "start"
        case .heartbeat: "heartbeat"
        case .revoke: "revoke"
        case .leave: "leave"
        case .fail: "fail"
        }
    }
}

extension KafkaClientError {
    /// Whether the cluster may be reachable again later.
    fileprivate var isTransient: Bool {
        switch code {
        case .unreachable, .timedOut, .noLeader, .tooManyConnections: true
        default: false
        }
    }
}
