import KafkaProtocol
import NIOCore

/// A group whose members agree on an assignment among themselves (JoinGroup and SyncGroup).
///
/// The group is a state machine without clock, randomness or sockets: time comes in as milliseconds, new member
/// ids and request tickets come in with the request, and answers that become due collect in `outbox`.
///
/// ```
/// empty --join--> preparingRebalance --all joined or time up--> completingRebalance --leader syncs--> stable
///   ^                 |      ^                                        |                                 |
///   +--no one left----+      +------- a member joins, leaves, expires +---------------------------------+
/// ```
struct ClassicGroup: Sendable {
    enum State: String, Sendable {
        case empty = "Empty"
        case preparingRebalance = "PreparingRebalance"
        case completingRebalance = "CompletingRebalance"
        case stable = "Stable"
        case dead = "Dead"
    }

    let id: GroupID
    let configuration: GroupConfiguration
    var state = State.empty
    var generation: Int32 = 0
    var protocolType: KafkaString?
    var protocolName: KafkaString?
    var leader: KafkaString?
    /// In the order in which they joined.
    var members: [ClassicMember] = []
    /// Members that were told their id and have not come back with it, with the time at which that is forgotten.
    var pendingJoins: [KafkaString: Int64] = [:]
    /// Ends the joining phase.
    var joinDeadline: Int64?
    /// Set during the first rebalance of an empty group: how much longer it may be put off for newcomers.
    var initialDelayLeft: Int64?
    var sawNewcomer = false
    /// When members that have not asked for their assignment are thrown out.
    var syncDeadline: Int64?
    var outbox: [GroupReply] = []

    init(id: GroupID, configuration: GroupConfiguration) {
        self.id = id
        self.configuration = configuration
    }

    /// True for a group that only ever stored offsets: no member ever joined.
    var isSimple: Bool { state == .empty && protocolType == nil && pendingJoins.isEmpty }

    var rebalanceTimeout: Int64 { members.map(\.rebalanceTimeout).max() ?? 0 }

    func index(of memberID: KafkaString) -> Int? {
        members.firstIndex { $0.id == memberID }
    }

    func staticIndex(of instanceID: KafkaString) -> Int? {
        members.firstIndex { $0.instanceID == instanceID }
    }

    /// Finds the member a request speaks for.
    ///
    /// A known instance id with another member id is fenced: a newer process took over that instance.
    func check(member memberID: KafkaString, instance instanceID: KafkaString?) -> ErrorCode {
        if let instanceID {
            guard let index = staticIndex(of: instanceID) else { return .unknownMemberID }
            return members[index].id == memberID ? .none : .fencedInstanceID
        }
        return index(of: memberID) == nil ? .unknownMemberID : .none
    }

    mutating func touch(_ index: Int, now: Int64) {
        members[index].sessionDeadline = now + members[index].sessionTimeout
    }

    // MARK: Protocol selection

    /// The protocols that every member can speak.
    var commonProtocols: Set<KafkaString> {
        guard let first = members.first else { return [] }
        return Set(first.protocols.map(\.name).filter { name in members.allSatisfy { $0.supports(name) } })
    }

    func supports(type: KafkaString, protocols: [JoinGroupRequest.JoinGroupRequestProtocol]) -> Bool {
        if members.isEmpty { return type != "" && !protocols.isEmpty }
        let common = commonProtocols
        return type == protocolType && protocols.contains { common.contains($0.name) }
    }

    /// The protocol with the most first choices; a tie goes to the one named first by the earliest member.
    func selectProtocol() -> KafkaString? {
        let common = commonProtocols
        var votes: [KafkaString: Int] = [:]
        var order: [KafkaString] = []
        for member in members {
            guard let choice = member.vote(among: common) else { continue }
            if votes[choice] == nil { order.append(choice) }
            votes[choice, default: 0] += 1
        }
        return order.reduce(nil as KafkaString?) { best, name in
            guard let best else { return name }
            return (votes[name] ?? 0) > (votes[best] ?? 0) ? name : best
        }
    }

    // MARK: Time

    /// The next moment at which `tick` has something to do.
    var nextDeadline: Int64? {
        var deadlines = members.compactMap(\.expiry)
        deadlines.append(contentsOf: pendingJoins.values)
        deadlines.append(contentsOf: [joinDeadline, syncDeadline].compactMap { $0 })
        return deadlines.min()
    }

    /// Ends whatever has lasted too long at `now`.
    mutating func tick(now: Int64) {
        let forgotten = pendingJoins.filter { $0.value <= now }.map(\.key)
        for memberID in forgotten { pendingJoins[memberID] = nil }
        if !forgotten.isEmpty { completeJoinIfReady(now: now) }

        for memberID in members.filter({ ($0.expiry ?? .max) <= now }).map(\.id) {
            remove(memberID, now: now)
        }
        if let deadline = joinDeadline, deadline <= now { joinTimeIsUp(now: now) }
        if let deadline = syncDeadline, deadline <= now { syncTimeIsUp(now: now) }
    }
}
