import KafkaProtocol
import NIOCore
import TestSupport
import Testing

@testable import LocalKafka

/// Random comings and goings, each seed one history, with what must hold after every step.
@Suite struct GroupChurnTests {
    /// A client of the classic protocol that does what real ones do, but may fall silent at any time.
    private struct Client {
        var id: KafkaString = ""
        var generation: Int32 = -1
        var join: RequestTicket?
        var sync: RequestTicket?
        var leader = false
        var others: [KafkaString] = []
        var assignment: ByteBuffer?
        var isSilent = false
    }

    @Test(arguments: UInt64(1)...40)
    func classicMembersAlwaysSettle(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var script = GroupScript(initialDelay: Int64.random(in: 0...50, using: &random))
        var clients: [Client] = []
        for step in 0..<150 {
            if step < 100 {
                switch Int.random(in: 0..<12, using: &random) {
                case 0 where clients.count < 6:
                    clients.append(Client())
                case 1 where !clients.isEmpty:
                    clients[Int.random(in: clients.indices, using: &random)].isSilent = true
                case 2 where !clients.isEmpty:
                    let client = clients.remove(at: Int.random(in: clients.indices, using: &random))
                    if !client.id.isEmpty { _ = script.leave(client.id) }
                case 3:
                    script.coordinator.interrupt("g", with: .notCoordinator)
                default: break
                }
            }
            script.pass(Int64.random(in: 0...1000, using: &random))
            for index in clients.indices where !clients[index].isSilent { Self.act(&clients[index], &script) }
            check(script)
        }
        // Everybody who is still there ends up in one generation, with an assignment from its leader.
        for _ in 0..<400 {
            script.pass(500)
            for index in clients.indices where !clients[index].isSilent { Self.act(&clients[index], &script) }
        }
        let alive = clients.filter { !$0.isSilent }
        #expect(script.coordinator.classic("g")?.members.count ?? 0 == alive.count)
        #expect(Set(alive.map(\.generation)).count <= 1)
        #expect(alive.filter(\.leader).count == (alive.isEmpty ? 0 : 1))
        for client in alive { #expect(client.assignment == ByteBuffer(string: "\(client.id)@\(client.generation)")) }
    }

    private func check(_ script: GroupScript) {
        guard let group = script.coordinator.classic("g") else { return }
        #expect(Set(group.members.map(\.id)).count == group.members.count)
        #expect(group.state != .empty || group.members.isEmpty)
        if group.state == .stable || group.state == .completingRebalance {
            #expect(group.leader.map { group.index(of: $0) != nil } == true)
            #expect(group.members.allSatisfy { $0.joinTicket == nil })
        }
        // Whoever waits is waited for: there is always a moment at which something happens.
        if !group.members.isEmpty { #expect(group.nextDeadline != nil) }
    }

    private static func act(_ client: inout Client, _ script: inout GroupScript) {
        if let ticket = client.join {
            guard let answer = script.joins[ticket] else { return }
            client.join = nil
            joined(&client, answer, &script)
        } else if let ticket = client.sync {
            guard let answer = script.syncs[ticket] else { return }
            client.sync = nil
            if answer.errorCode == .none {
                client.assignment = answer.assignment
            } else {
                fail(&client, answer.errorCode)
            }
        } else if client.assignment != nil {
            let error = script.heartbeat(client.id, generation: client.generation)
            if error != .none { fail(&client, error) }
        } else {
            client.join = script.join(client.id)
        }
    }

    private static func joined(_ client: inout Client, _ answer: JoinGroupResponse, _ script: inout GroupScript) {
        guard answer.errorCode == .none else {
            if answer.errorCode == .memberIDRequired {
                client.id = answer.memberID
            } else {
                fail(&client, answer.errorCode)
            }
            return
        }
        client.generation = answer.generationID
        client.leader = answer.leader == client.id
        var assignments: [KafkaString: String] = [:]
        for member in answer.members { assignments[member.memberID] = "\(member.memberID)@\(answer.generationID)" }
        client.sync = script.sync(client.id, generation: client.generation, assignments: assignments)
    }

    private static func fail(_ client: inout Client, _ error: ErrorCode) {
        client.assignment = nil
        client.leader = false
        if error == .unknownMemberID { client.id = "" }
    }

    @Test(arguments: UInt64(1)...40)
    func noPartitionEverHasTwoOwners(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var script = HeartbeatScript(partitions: Int32.random(in: 1...12, using: &random))
        var members: [KafkaString] = []
        var owned: [KafkaString: [Int32]] = [:]
        var next = 0
        for step in 0..<300 {
            if step < 200 {
                switch Int.random(in: 0..<10, using: &random) {
                case 0 where members.count < 5:
                    next += 1
                    members.append("m\(next)")
                case 1 where members.count > 1:
                    let member = members.remove(at: Int.random(in: members.indices, using: &random))
                    script.beat(member, epoch: -1)
                    owned[member] = nil
                case 2:
                    script.coordinator.catalog["t"]?.partitions += 1
                default: break
                }
            }
            guard let member = members.randomElement(using: &random) else { continue }
            script.now += 10
            owned[member] = script.owned(member)
            let all = owned.values.flatMap { $0 }
            #expect(Set(all).count == all.count, "step \(step)")
        }
        for _ in 0..<10 {
            for member in members {
                script.beat(member, owned: owned[member] ?? [])
                owned[member] = script.owned(member)
            }
        }
        guard !members.isEmpty, let count = script.coordinator.catalog["t"]?.partitions else { return }
        #expect(script.coordinator.consumer("g")?.state == .stable)
        let shares = members.map { script.owned($0).count }
        #expect(shares.reduce(0, +) == Int(count))
        #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1)
    }
}
