import KafkaProtocol
import Testing

@testable import LocalKafka

/// Plays heartbeats of KIP-848 members, which own what they are told to own.
struct HeartbeatScript {
    var coordinator = GroupCoordinator()
    var now: Int64 = 0
    var members: [KafkaString: (epoch: Int32, owned: [KafkaUUID: [Int32]])] = [:]

    let topic = KafkaUUID(high: 1, low: 1)

    init(partitions: Int32 = 6) {
        coordinator.catalog["t"] = TopicShape(id: topic, partitions: partitions)
    }

    func context(_ member: KafkaString) -> MemberContext {
        MemberContext(
            clientID: "c",
            clientHost: "/h",
            newMemberID: member,
            version: 0,
            ticket: RequestTicket(number: 0),
            now: now
        )
    }

    /// Sends one heartbeat; owned partitions are taken from the last assignment unless given.
    @discardableResult
    mutating func beat(
        _ member: KafkaString,
        epoch: Int32? = nil,
        topics: [TopicName]? = nil,
        instance: KafkaString? = nil,
        owned: [Int32]? = nil,
        assignor: KafkaString? = nil
    ) -> ConsumerGroupHeartbeatResponse {
        var request = ConsumerGroupHeartbeatRequest()
        request.groupID = "g"
        request.memberID = member
        request.memberEpoch = epoch ?? members[member]?.epoch ?? 0
        request.instanceID = instance
        request.rebalanceTimeoutMs = request.memberEpoch == 0 ? 60_000 : -1
        request.subscribedTopicNames = request.memberEpoch == 0 ? topics ?? ["t"] : topics
        request.serverAssignor = assignor
        if request.memberEpoch == 0 { request.topicPartitions = [] }
        if request.memberEpoch > 0 {
            request.topicPartitions = (owned.map { [topic: $0] } ?? members[member]?.owned ?? [:]).map {
                id,
                partitions in
                var entry = ConsumerGroupHeartbeatRequest.TopicPartitions()
                entry.topicID = id
                entry.partitions = partitions
                return entry
            }
        }
        let response = coordinator.heartbeat(request, context(member))
        guard response.errorCode == .none else { return response }
        var state = members[member] ?? (0, [:])
        state.epoch = response.memberEpoch
        if let assignment = response.assignment {
            state.owned = [:]
            for entry in assignment.topicPartitions { state.owned[entry.topicID] = entry.partitions }
        }
        members[member] = response.memberEpoch < 0 ? nil : state
        return response
    }

    func owned(_ member: KafkaString) -> [Int32] { members[member]?.owned[topic] ?? [] }
}

@Suite struct ConsumerGroupTests {
    @Test func aSingleMemberGetsEverything() {
        var script = HeartbeatScript()
        let response = script.beat("a")
        #expect(response.errorCode == ErrorCode.none)
        #expect(response.memberEpoch == 1)
        #expect(script.owned("a") == [0, 1, 2, 3, 4, 5])
        #expect(script.coordinator.consumer("g")?.state == .stable)
    }

    @Test func partitionsMoveOnlyOnceTheyAreReleased() {
        var script = HeartbeatScript()
        script.beat("a")
        script.beat("b")
        // Everything is still with a, so b waits.
        #expect(script.owned("b").isEmpty)
        #expect(script.coordinator.consumer("g")?.state == .reconciling)
        let kept = script.beat("a")
        #expect(kept.memberEpoch == 1)
        #expect(script.owned("a").count == 3)
        script.beat("b")
        #expect(script.owned("b").isEmpty)
        // Now a says that it holds only what it was left with.
        let released = script.beat("a")
        #expect(released.memberEpoch == 2)
        script.beat("b")
        #expect(script.owned("b").count == 3)
        #expect(Set(script.owned("a") + script.owned("b")) == Set(0..<6))
        #expect(script.coordinator.consumer("g")?.state == .stable)
    }

    @Test func aMemberThatLeavesFreesItsPartitions() {
        var script = HeartbeatScript()
        for _ in 0..<4 { for member in ["a", "b"] as [KafkaString] { script.beat(member) } }
        let response = script.beat("a", epoch: -1)
        #expect(response.memberEpoch == -1)
        script.beat("b")
        #expect(script.owned("b").count == 6)
        script.beat("b", epoch: -1)
        #expect(script.coordinator.consumer("g")?.state == .empty)
    }

    @Test func wrongEpochsAreFenced() {
        var script = HeartbeatScript()
        script.beat("a")
        #expect(script.beat("a", epoch: 9, owned: []).errorCode == .fencedMemberEpoch)
        #expect(script.beat("x", epoch: 1).errorCode == .unknownMemberID)
        script.coordinator.catalog["t"]?.partitions = 8
        script.beat("a")
        #expect(script.members["a"]?.epoch == 2)
        #expect(script.owned("a").count == 8)
        // A lost answer is repeated, as long as the member claims nothing it does not have.
        #expect(script.beat("a", epoch: 1, owned: [0]).errorCode == ErrorCode.none)
        #expect(script.beat("a", epoch: 1, owned: [77]).errorCode == .fencedMemberEpoch)
    }

    @Test func requestsAreValidated() {
        var script = HeartbeatScript()
        func code(_ change: (inout ConsumerGroupHeartbeatRequest) -> Void) -> ErrorCode {
            var request = ConsumerGroupHeartbeatRequest()
            request.groupID = "g"
            request.memberID = "a"
            request.rebalanceTimeoutMs = 1000
            request.subscribedTopicNames = ["t"]
            request.topicPartitions = []
            change(&request)
            return script.coordinator.heartbeat(request, script.context("a")).errorCode
        }
        #expect(code { $0.groupID = "" } == .invalidRequest)
        #expect(code { $0.instanceID = "" } == .invalidRequest)
        #expect(code { $0.rebalanceTimeoutMs = -1 } == .invalidRequest)
        #expect(code { $0.topicPartitions = nil } == .invalidRequest)
        #expect(code { $0.subscribedTopicNames = nil } == .invalidRequest)
        #expect(code { $0.memberEpoch = -3 } == .invalidRequest)
        #expect(code { $0.memberEpoch = -2 } == .invalidRequest)
        #expect(code { $0.serverAssignor = "magic" } == .unsupportedAssignor)
        #expect(code { $0.memberEpoch = 1 } == .groupIDNotFound)
        #expect(code { _ in } == ErrorCode.none)
    }

    @Test func aSilentMemberExpires() {
        var script = HeartbeatScript()
        for _ in 0..<4 { for member in ["a", "b"] as [KafkaString] { script.beat(member) } }
        script.now += 30_000
        script.beat("b")
        script.now += 20_000
        script.coordinator.tick(now: script.now)
        #expect(script.beat("a").errorCode == .unknownMemberID)
        script.beat("b")
        #expect(script.owned("b").count == 6)
    }

    @Test func aMemberThatKeepsItsPartitionsTooLongIsFenced() {
        var script = HeartbeatScript()
        script.beat("a")
        script.beat("b")
        script.beat("a")
        for _ in 0..<4 {
            script.now += 20_000
            script.beat("a", owned: [0, 1, 2, 3, 4, 5])
            script.beat("b")
            script.coordinator.tick(now: script.now)
        }
        #expect(script.coordinator.consumer("g")?.members.map(\.id) == ["b"])
    }

    @Test func aStaticMemberKeepsItsShareWhileAway() {
        var script = HeartbeatScript()
        for _ in 0..<4 {
            script.beat("a", instance: "i")
            script.beat("b")
        }
        let share = script.owned("a")
        #expect(script.beat("z", epoch: 0, instance: "i").errorCode == .unreleasedInstanceID)
        script.beat("a", epoch: -2, instance: "i")
        script.beat("b")
        #expect(script.owned("b").count == 3)
        script.beat("z", epoch: 0, instance: "i")
        #expect(script.owned("z") == share)
        #expect(script.beat("a", epoch: 3, instance: "i").errorCode == .fencedInstanceID)
    }

    @Test func theOldProtocolIsKeptOutWhileThereAreMembers() {
        var script = HeartbeatScript()
        script.beat("a")
        var old = GroupScript()
        old.coordinator = script.coordinator
        #expect(old.joined()?.errorCode == .inconsistentGroupProtocol)
        script.beat("a", epoch: -1)
        old.coordinator = script.coordinator
        #expect(old.joined()?.errorCode == .memberIDRequired)
        // And the other way round.
        _ = old.join(version: 3)
        script.coordinator = old.coordinator
        #expect(script.beat("a", epoch: 0).errorCode == .groupIDNotFound)
    }

    @Test func commitsNeedTheMembersEpoch() {
        var script = HeartbeatScript()
        script.beat("a")
        func check(_ epoch: Int32, _ member: KafkaString = "a", version: Int16 = 9) -> ErrorCode {
            script.coordinator.checkCommit("g", .init(memberID: member, generation: epoch), version: version, now: 0)
        }
        #expect(check(1) == ErrorCode.none)
        #expect(check(0) == .staleMemberEpoch)
        #expect(check(1, "b") == .unknownMemberID)
        #expect(check(1, version: 8) == .unsupportedVersion)
        #expect(script.coordinator.checkFetch("g", member: "a", epoch: 0) == .staleMemberEpoch)
        #expect(script.coordinator.checkFetch("g", member: nil, epoch: -1) == ErrorCode.none)
    }

    @Test func aPatternSubscribesToWhatItMatches() {
        var script = HeartbeatScript()
        script.coordinator.catalog["u"] = TopicShape(id: KafkaUUID(high: 2, low: 2), partitions: 2)
        var request = ConsumerGroupHeartbeatRequest()
        request.groupID = "g"
        request.memberID = "a"
        request.rebalanceTimeoutMs = 1000
        request.subscribedTopicNames = []
        request.topicPartitions = []
        request.subscribedTopicRegex = "[t-u]"
        let response = script.coordinator.heartbeat(request, script.context("a"))
        #expect(response.assignment?.topicPartitions.flatMap(\.partitions).count == 8)
        request.subscribedTopicRegex = "["
        let bad = script.coordinator.heartbeat(request, script.context("a"))
        #expect(bad.errorCode == ErrorCode(128))
    }

    @Test func theGroupIsDescribed() {
        var script = HeartbeatScript()
        script.beat("a")
        let group = script.coordinator.describeConsumer("g")
        #expect(group.groupState == "Stable")
        #expect(group.assignorName == "uniform")
        #expect(group.members.first?.assignment.topicPartitions.first?.topicName == "t")
        #expect(group.members.first?.targetAssignment.topicPartitions.first?.partitions.count == 6)
        #expect(script.coordinator.describeConsumer("x").errorCode == .groupIDNotFound)
        #expect(script.coordinator.describeClassic("g").groupState == "Dead")
    }
}

@Suite struct ServerAssignorTests {
    private let one = KafkaUUID(high: 0, low: 1)
    private let two = KafkaUUID(high: 0, low: 2)

    @Test func rangeLinesTopicsUp() {
        let result = ServerAssignor.range.assign(
            ["a": [one, two], "b": [one, two]],
            partitions: [one: 3, two: 3],
            current: [:]
        )
        #expect(
            result["a"]
                == Set([one, two].flatMap { id in (0..<2).map { TopicIDPartition(topicID: id, partition: $0) } })
        )
        #expect(result["b"]?.map(\.partition) == [2, 2])
    }

    @Test func uniformIsEvenAndMovesLittle() {
        let partitions = [one: Int32(7), two: Int32(4)]
        let both: Set<KafkaUUID> = [one, two]
        let first = ServerAssignor.uniform.assign(["a": both, "b": both], partitions: partitions, current: [:])
        #expect(Set([first["a"]?.count, first["b"]?.count]) == [5, 6])
        let second = ServerAssignor.uniform.assign(
            ["a": both, "b": both, "c": both],
            partitions: partitions,
            current: first
        )
        #expect(second.values.map(\.count).sorted() == [3, 4, 4])
        for member in ["a", "b"] as [KafkaString] {
            #expect(second[member]?.isSubset(of: first[member] ?? []) == true)
        }
    }

    @Test func membersGetOnlyWhatTheySubscribeTo() {
        let result = ServerAssignor.uniform.assign(
            ["a": [one], "b": [one, two]],
            partitions: [one: 4, two: 2],
            current: [:]
        )
        #expect(result["a"]?.allSatisfy { $0.topicID == one } == true)
        #expect(result["a"]?.count == 3)
        #expect(result["b"]?.count == 3)
    }
}
