import KafkaClient
import KafkaProtocol
import LocalKafka
import Synchronization
import Testing

@Suite("Groups of consumers", .timeLimit(.minutes(1)))
struct GroupMemberTests {
    /// What one member holds, as its callbacks tell.
    private final class Holder: Sendable {
        private let state = Mutex((held: Set<TopicPartition>(), revocations: [RevocationReason]()))

        var held: Set<TopicPartition> { state.withLock { $0.held } }
        var revocations: [RevocationReason] { state.withLock { $0.revocations } }

        var callbacks: ConsumerMembership.Callbacks {
            ConsumerMembership.Callbacks(
                onAssigned: { added in self.state.withLock { $0.held.formUnion(added) } },
                onRevoked: { removed, reason in
                    self.state.withLock {
                        $0.held.subtract(removed)
                        $0.revocations.append(reason)
                    }
                }
            )
        }
    }

    private func member(
        _ client: KafkaClient,
        _ holder: Holder,
        assignors: [any PartitionAssignor] = [RangeAssignor()],
        topics: [TopicName] = ["t"]
    ) -> GroupMember {
        GroupMember(
            client: client,
            configuration: GroupMemberConfiguration(
                group: "g",
                sessionTimeout: .seconds(10),
                rebalanceTimeout: .seconds(5),
                heartbeatInterval: .milliseconds(20)
            ),
            protocol: ConsumerMembership(
                client: client,
                topics: topics,
                assignors: assignors,
                callbacks: holder.callbacks
            )
        )
    }

    @Test(
        "Members share the partitions, and take over from one that leaves",
        arguments: [[RangeAssignor()], [CooperativeStickyAssignor()]] as [[any PartitionAssignor]]
    )
    func rebalance(assignors: [any PartitionAssignor]) async throws {
        try await withCluster(brokers: 2) { cluster, client in
            try await cluster.createTopic("t", partitions: 4)
            let (first, second) = (Holder(), Holder())
            let one = member(client, first, assignors: assignors)
            let two = member(client, second, assignors: assignors)
            let oneTask = Task { try await one.run() }
            try await eventually("the first member has everything") { first.held.count == 4 }
            let twoTask = Task { try await two.run() }
            try await eventually("both have half") { first.held.count == 2 && second.held.count == 2 }
            #expect(first.held.isDisjoint(with: second.held))
            twoTask.cancel()
            try await twoTask.value
            #expect(second.held.isEmpty)
            #expect(second.revocations.last == .leaving)
            try await eventually("the first member has everything again") { first.held.count == 4 }
            oneTask.cancel()
            try await oneTask.value
            let groups = await client.describeGroups(["g"])
            #expect(try groups["g"]?.get().isEmpty == true)
        }
    }

    @Test("Offsets are committed by members, read from outside, and changed when the group is empty")
    func offsets() async throws {
        try await withCluster(brokers: 2) { cluster, client in
            try await cluster.createTopic("t", partitions: 2)
            let holder = Holder()
            let member = member(client, holder)
            await #expect(throws: KafkaClientError.self) {
                try await member.commit([TopicPartition("t", 0): .init(offset: 1)])
            }
            let task = Task { try await member.run() }
            try await eventually("the member has everything") { holder.held.count == 2 }
            let committed = try await member.commit([TopicPartition("t", 0): .init(offset: 7, metadata: "note")])
            #expect(throws: Never.self) { try committed[TopicPartition("t", 0)]?.get() }
            let read = try await client.groupOffsets(of: "g")
            #expect(read.count == 1)
            #expect(try read[TopicPartition("t", 0)]?.get() == CommittedOffset(offset: 7, metadata: "note"))
            // From outside only an empty group's offsets can be changed.
            let refused = try await client.commitGroupOffsets([TopicPartition("t", 0): .init(offset: 1)], of: "g")
            #expect(throws: KafkaClientError.self) { try refused[TopicPartition("t", 0)]?.get() }
            let described = try await client.describeGroups(["g", "missing"])["g"]?.get()
            #expect(described?.members.first?.partitions.count == 2)
            #expect(described?.members.first?.subscribedTopics == ["t"])
            #expect(try await client.listGroups().map(\.id) == ["g"])
            let busy = await client.deleteGroups(["g"])
            #expect(throws: KafkaClientError.self) { try busy["g"]?.get() }
            task.cancel()
            try await task.value
            _ = try await client.commitGroupOffsets([TopicPartition("t", 1): .init(offset: 3)], of: "g")
            let both = try await client.groupOffsets(of: "g", partitions: [TopicPartition("t", 1)])
            #expect(try both[TopicPartition("t", 1)]?.get().offset == 3)
            _ = try await client.deleteGroupOffsets([TopicPartition("t", 0)], of: "g")
            #expect(try await client.groupOffsets(of: "g").keys.map(\.partition) == [1])
            let deleted = await client.deleteGroups(["g"])
            #expect(throws: Never.self) { try deleted["g"]?.get() }
            #expect(try await client.listGroups().isEmpty)
        }
    }

    @Test("A member comes back after its coordinator stopped, and after it was forgotten")
    func outages() async throws {
        try await withCluster(brokers: 2) { cluster, client in
            try await cluster.createTopic("t", partitions: 2, replicationFactor: 2)
            let holder = Holder()
            let member = member(client, holder)
            let task = Task { try await member.run() }
            try await eventually("the member has everything") { holder.held.count == 2 }
            try await cluster.faults.inject(.heartbeat, .error(.unknownMemberID))
            try await eventually("it was forgotten and came back") {
                holder.revocations.contains(.lost) && holder.held.count == 2
            }
            try await cluster.faults.inject(.heartbeat, count: 2, .error(.notCoordinator))
            try await cluster.faults.inject(.heartbeat, .close, skip: 2)
            try await eventually("the faults have happened") { try await cluster.faults.pending() == 0 }
            try await cluster.faults.inject(.joinGroup, .close)
            member.requestRejoin()
            try await eventually("it joined again") {
                try await cluster.faults.pending() == 0 && holder.held.count == 2
            }
            task.cancel()
            try await task.value
        }
    }

    @Test("A group that refuses the member for good ends it with the reason")
    func refused() async throws {
        try await withCluster { cluster, client in
            try await cluster.createTopic("t")
            try await cluster.faults.inject(.joinGroup, .error(.groupAuthorizationFailed))
            let member = member(client, Holder())
            let error = await #expect(throws: KafkaClientError.self) { try await member.run() }
            #expect(error?.kafkaError == .groupAuthorizationFailed)
            #expect(error?.group == "g")
        }
    }
}
