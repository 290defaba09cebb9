import KafkaProtocol
import NIOCore

@testable import LocalKafka

/// Plays events against a group coordinator on a clock that moves only when told to.
struct GroupScript {
    var coordinator: GroupCoordinator
    var now: Int64 = 1_000_000
    private var tickets: UInt64 = 0
    private var ids = 0
    private(set) var joins: [RequestTicket: JoinGroupResponse] = [:]
    private(set) var syncs: [RequestTicket: SyncGroupResponse] = [:]

    init(initialDelay: Int64 = 0) {
        var configuration = GroupConfiguration()
        configuration.initialRebalanceDelay = initialDelay
        coordinator = GroupCoordinator(configuration: configuration)
    }

    private mutating func ticket() -> RequestTicket {
        tickets += 1
        return RequestTicket(number: tickets)
    }

    private mutating func collect() {
        for reply in coordinator.takeReplies() {
            switch reply {
            case .join(let ticket, let response): joins[ticket] = response
            case .sync(let ticket, let response): syncs[ticket] = response
            }
        }
    }

    private mutating func context(version: Int16, prefix: String = "client") -> MemberContext {
        ids += 1
        return MemberContext(
            clientID: "client",
            clientHost: "/127.0.0.1",
            newMemberID: "\(prefix)-\(ids)",
            version: version,
            ticket: ticket(),
            now: now
        )
    }

    mutating func join(
        _ member: KafkaString = "",
        instance: KafkaString? = nil,
        protocols: [KafkaString] = ["range"],
        type: KafkaString = "consumer",
        topics: [String] = ["t"],
        session: Int32 = 10_000,
        rebalance: Int32 = 60_000,
        version: Int16 = 9,
        group: GroupID = "g"
    ) -> RequestTicket {
        var request = JoinGroupRequest()
        request.groupID = group
        request.memberID = member
        request.groupInstanceID = instance
        request.protocolType = type
        request.sessionTimeoutMs = session
        request.rebalanceTimeoutMs = rebalance
        request.protocols = protocols.map { name in
            var entry = JoinGroupRequest.JoinGroupRequestProtocol()
            entry.name = name
            entry.metadata = Self.subscription(topics)
            return entry
        }
        let context = context(version: version, prefix: instance?.string ?? "client")
        coordinator.join(request, context)
        collect()
        return context.ticket
    }

    /// Joins and returns the answer, if there is one already.
    mutating func joined(
        _ member: KafkaString = "",
        instance: KafkaString? = nil,
        protocols: [KafkaString] = ["range"],
        type: KafkaString = "consumer",
        session: Int32 = 10_000,
        version: Int16 = 9,
        group: GroupID = "g"
    ) -> JoinGroupResponse? {
        let ticket = join(
            member,
            instance: instance,
            protocols: protocols,
            type: type,
            session: session,
            version: version,
            group: group
        )
        return joins[ticket]
    }

    /// Asks for an assignment and returns the answer, if there is one already.
    mutating func synced(_ member: KafkaString, generation: Int32, group: GroupID = "g") -> SyncGroupResponse? {
        let ticket = sync(member, generation: generation, group: group)
        return syncs[ticket]
    }

    /// Joins as clients do from version 4 on: once for the id, once with it.
    mutating func enter(instance: KafkaString? = nil, protocols: [KafkaString] = ["range"]) -> (
        KafkaString, RequestTicket
    ) {
        guard instance == nil else {
            let ticket = join(instance: instance, protocols: protocols)
            let member = coordinator.classic("g")?.members.first { $0.instanceID == instance }?.id ?? ""
            return (member, ticket)
        }
        let first = join(protocols: protocols)
        let member = joins[first]?.memberID ?? ""
        return (member, join(member, protocols: protocols))
    }

    mutating func sync(
        _ member: KafkaString,
        generation: Int32,
        instance: KafkaString? = nil,
        assignments: [KafkaString: String] = [:],
        group: GroupID = "g"
    ) -> RequestTicket {
        var request = SyncGroupRequest()
        request.groupID = group
        request.memberID = member
        request.generationID = generation
        request.groupInstanceID = instance
        request.assignments = assignments.map { member, text in
            var entry = SyncGroupRequest.SyncGroupRequestAssignment()
            entry.memberID = member
            entry.assignment = ByteBuffer(string: text)
            return entry
        }
        let ticket = ticket()
        coordinator.sync(request, ticket: ticket, now: now)
        collect()
        return ticket
    }

    mutating func heartbeat(
        _ member: KafkaString,
        generation: Int32,
        instance: KafkaString? = nil,
        group: GroupID = "g"
    ) -> ErrorCode {
        var request = HeartbeatRequest()
        request.groupID = group
        request.memberID = member
        request.generationID = generation
        request.groupInstanceID = instance
        defer { collect() }
        return coordinator.heartbeat(request, now: now)
    }

    mutating func leave(_ member: KafkaString, instance: KafkaString? = nil, group: GroupID = "g") -> ErrorCode {
        var identity = LeaveGroupRequest.MemberIdentity()
        identity.memberID = member
        identity.groupInstanceID = instance
        let response = coordinator.leave(group, [identity], now: now)
        collect()
        return response.members.first?.errorCode ?? response.errorCode
    }

    mutating func commit(
        _ offset: Int64,
        member: KafkaString = "",
        generation: Int32 = -1,
        version: Int16 = 8,
        topic: TopicName = "t"
    ) -> ErrorCode {
        let committer = GroupCoordinator.Committer(memberID: member, generation: generation)
        let error = coordinator.checkCommit("g", committer, version: version, now: now)
        if error == .none {
            coordinator.store(CommittedOffset(offset: offset), "g", TopicPartition(topic: topic, partition: 0))
        }
        return error
    }

    mutating func pass(_ milliseconds: Int64) {
        now += milliseconds
        coordinator.tick(now: now)
        collect()
    }

    /// Two members in a stable group; the first leads.
    static func stablePair() -> (script: GroupScript, leader: KafkaString, follower: KafkaString, generation: Int32) {
        var script = GroupScript(initialDelay: 10)
        let (one, first) = script.enter()
        let (two, _) = script.enter()
        script.pass(10)
        script.pass(10)
        let generation = script.joins[first]?.generationID ?? -1
        _ = script.sync(two, generation: generation)
        _ = script.sync(one, generation: generation, assignments: [one: "A", two: "B"])
        return (script, one, two, generation)
    }

    static func subscription(_ topics: [String]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(Int16(0))
        buffer.writeInteger(Int32(topics.count))
        for topic in topics {
            buffer.writeInteger(Int16(topic.utf8.count))
            buffer.writeString(topic)
        }
        buffer.writeInteger(Int32(-1))
        return buffer
    }
}
