import KafkaProtocol
import NIOCore
import Testing

@testable import KafkaClient

@Suite("Assignment of partitions to consumers")
struct PartitionAssignorTests {
    private func member(
        _ id: KafkaString,
        _ topics: [TopicName],
        instance: KafkaString? = nil,
        owned: [TopicPartition] = [],
        generation: Int32 = -1
    ) -> AssignorMember {
        AssignorMember(
            id: id,
            instanceID: instance,
            subscription: .init(topics: topics, ownedPartitions: owned, generationID: generation)
        )
    }

    private func partitions(_ topic: TopicName, _ indices: Int32...) -> [TopicPartition] {
        indices.map { TopicPartition(topic: topic, partition: $0) }
    }

    @Test("Ranges: neighbours stay together, the first members get the rest")
    func range() {
        let result = RangeAssignor().assign(
            [member("b", ["t", "u"]), member("a", ["t", "u"]), member("c", ["u"])],
            partitionCounts: ["t": 3, "u": 2]
        )
        #expect(result["a"] == partitions("t", 0, 1) + partitions("u", 0))
        #expect(result["b"] == partitions("t", 2) + partitions("u", 1))
        #expect(result["c"] == [])
    }

    @Test("Static members come first, in the order of their instance ids")
    func staticMembers() {
        let result = RangeAssignor().assign(
            [member("a", ["t"]), member("y", ["t"], instance: "2"), member("z", ["t"], instance: "1")],
            partitionCounts: ["t": 3]
        )
        #expect(result == ["z": partitions("t", 0), "y": partitions("t", 1), "a": partitions("t", 2)])
    }

    @Test("Round robin deals all topics out in turn")
    func roundRobin() {
        let result = RoundRobinAssignor().assign(
            [member("a", ["t", "u"]), member("b", ["t", "u"]), member("c", ["u"])],
            partitionCounts: ["t": 3, "u": 3]
        )
        // c is passed over for topic t, so b is the next after the last partition of t.
        #expect(result["a"] == partitions("t", 0, 2) + partitions("u", 2))
        #expect(result["b"] == partitions("t", 1) + partitions("u", 0))
        #expect(result["c"] == partitions("u", 1))
    }

    @Test("Topics that do not exist are assigned to nobody")
    func missingTopics() {
        for assignor in [RangeAssignor(), RoundRobinAssignor(), CooperativeStickyAssignor()] as [any PartitionAssignor]
        {
            let result = assignor.assign([member("a", ["missing"])], partitionCounts: [:])
            #expect(result == ["a": []])
        }
    }

    @Test("Sticky: a new member gets its share in two rounds, the others keep theirs")
    func cooperativeJoin() {
        let assignor = CooperativeStickyAssignor()
        let first = assignor.assign([member("a", ["t"]), member("b", ["t"])], partitionCounts: ["t": 6])
        #expect(first.values.allSatisfy { $0.count == 3 })
        let again = [
            member("a", ["t"], owned: first["a"] ?? [], generation: 1),
            member("b", ["t"], owned: first["b"] ?? [], generation: 1),
            member("c", ["t"]),
        ]
        let giving = assignor.assign(again, partitionCounts: ["t": 6])
        #expect(giving["a"]?.count == 2)
        #expect(giving["b"]?.count == 2)
        // What a and b still own is not given to c yet.
        #expect(giving["c"] == [])
        for id in [KafkaString("a"), "b"] {
            #expect(Set(giving[id] ?? []).isSubset(of: Set(first[id] ?? [])))
        }
        let settled = assignor.assign(
            [
                member("a", ["t"], owned: giving["a"] ?? [], generation: 2),
                member("b", ["t"], owned: giving["b"] ?? [], generation: 2),
                member("c", ["t"], generation: 2),
            ],
            partitionCounts: ["t": 6]
        )
        #expect(settled["a"] == giving["a"])
        #expect(settled["b"] == giving["b"])
        #expect(settled["c"]?.count == 2)
        #expect(Set(settled.values.joined()).count == 6)
    }

    @Test("Sticky: the rest of a member that left goes to the others at once")
    func cooperativeLeave() {
        let result = CooperativeStickyAssignor().assign(
            [
                member("a", ["t"], owned: partitions("t", 0, 1), generation: 4),
                member("b", ["t"], owned: partitions("t", 2, 3), generation: 4),
            ],
            partitionCounts: ["t": 6]
        )
        #expect(Set(result["a"] ?? []).isSuperset(of: partitions("t", 0, 1)))
        #expect(Set(result["b"] ?? []).isSuperset(of: partitions("t", 2, 3)))
        #expect(result.values.allSatisfy { $0.count == 3 })
    }

    @Test("Sticky: the newest generation's claim counts, and a shared claim counts for nobody")
    func claims() {
        let result = CooperativeStickyAssignor().assign(
            [
                member("a", ["t"], owned: partitions("t", 0, 1), generation: 3),
                member("b", ["t"], owned: partitions("t", 0, 1), generation: 2),
            ],
            partitionCounts: ["t": 2]
        )
        // One of a's moves to b in the next round.
        #expect(result["a"]?.count == 1)
        #expect(result["b"] == [])
        let shared = CooperativeStickyAssignor().assign(
            [
                member("a", ["t"], owned: partitions("t", 0), generation: 3),
                member("b", ["t"], owned: partitions("t", 0), generation: 3),
            ],
            partitionCounts: ["t": 2]
        )
        #expect(shared.values.allSatisfy { $0.count == 1 })
    }

    @Test("Sticky: every partition has exactly one reader that subscribes to it, and loads are level")
    func properties() {
        for seed in 0..<30 {
            let topics = (0..<4).map { TopicName("t\($0)") }
            let counts = Dictionary(uniqueKeysWithValues: topics.enumerated().map { ($1, Int32(($0 * 7 + seed) % 9)) })
            let members = (0..<(1 + seed % 5)).map { member(KafkaString("m\($0)"), topics) }
            let result = CooperativeStickyAssignor().assign(members, partitionCounts: counts)
            let all = result.values.joined()
            #expect(all.count == counts.values.reduce(0) { $0 + Int($1) })
            #expect(Set(all).count == all.count)
            let loads = result.values.map(\.count)
            #expect((loads.max() ?? 0) - (loads.min() ?? 0) <= 1)
        }
    }

    @Test("Subscriptions and assignments survive the wire, and newer or foreign bytes do no harm")
    func wire() throws {
        let subscription = ConsumerProtocol.Subscription(
            topics: ["a", "b"],
            userData: .init(string: "user"),
            ownedPartitions: partitions("a", 0, 3),
            generationID: 7,
            rack: "r1"
        )
        #expect(ConsumerProtocol.subscription(try ConsumerProtocol.encode(subscription)) == subscription)
        let assignment = ConsumerProtocol.Assignment(partitions: partitions("a", 1) + partitions("b", 0, 2))
        #expect(ConsumerProtocol.assignment(try ConsumerProtocol.encode(assignment)) == assignment)
        #expect(ConsumerProtocol.assignment(.init())?.partitions == [])
        #expect(ConsumerProtocol.subscription(.init(string: "garbage")) == nil)
        var newer = try ConsumerProtocol.encode(assignment)
        newer.setInteger(Int16(9), at: 0)
        newer.writeString("more fields")
        #expect(ConsumerProtocol.assignment(newer) == assignment)
    }
}
