import KafkaNetwork
import KafkaProtocol
import LocalKafka
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import KafkaClient

@Suite("A client and its cluster", .timeLimit(.minutes(1)))
struct ClientLifecycleTests {
    @Test("Metadata arrives, with brokers, controller, topics and leaders")
    func metadata() async throws {
        try await withCluster(brokers: 3) { cluster, client in
            let id = try await cluster.createTopic("t", partitions: 6)
            let metadata = try await client.refreshMetadata(.all)
            #expect(metadata.brokers.count == 3)
            #expect(metadata.controllerID != nil)
            #expect(metadata.topics["t"]?.topicID == id)
            #expect(metadata.topics["t"]?.partitions.count == 6)
            let leaders = Set((0..<6).compactMap { metadata.leader(of: TopicPartition("t", Int32($0)))?.nodeID })
            #expect(leaders.count == 3)
            // Asking for a topic that does not exist does not create it.
            try await client.refreshMetadata(.topics(["missing"]))
            #expect(try await cluster.topicNames() == ["t"])
        }
    }

    @Test("Listeners hear of new topics, moved leaders and topics created again")
    func changes() async throws {
        try await withCluster(brokers: 2) { cluster, client in
            let changes = AsyncStream.makeStream(of: MetadataChange.self)
            let subscription = client.onMetadataChange { _, change in changes.continuation.yield(change) }
            var iterator = changes.stream.makeAsyncIterator()
            try await client.refreshMetadata(.all)
            #expect(await iterator.next()?.changedBrokers == [1, 2])
            try await cluster.createTopic("t", partitions: 1, replicationFactor: 2)
            try await client.refreshMetadata(.all)
            #expect(await iterator.next()?.addedTopics == ["t"])
            let leader = try await client.leader(of: TopicPartition("t", 0))
            let other: Int32 = leader.nodeID == 1 ? 2 : 1
            try await cluster.moveLeader("t", 0, to: other)
            try await client.refreshMetadata(.topics(["t"]))
            #expect(await iterator.next()?.movedLeaders == [TopicPartition("t", 0)])
            #expect(client.metadata.leader(of: TopicPartition("t", 0))?.nodeID == other)
            try await cluster.recreateTopic("t")
            try await client.refreshMetadata(.topics(["t"]))
            #expect(await iterator.next()?.recreatedTopics == ["t"])
            subscription.cancel()
        }
    }

    @Test("A leader named by a broker counts without a refresh")
    func namedLeader() async throws {
        try await withCluster(brokers: 2) { cluster, client in
            try await cluster.createTopic("t", replicationFactor: 2)
            let id = TopicPartition("t", 0)
            let leader = try await client.leader(of: id)
            let other: Int32 = leader.nodeID == 1 ? 2 : 1
            let before = try await cluster.requestCount(.metadata)
            client.noteLeader(.init(nodeID: other, epoch: leader.epoch + 1), of: id)
            #expect(try await client.leader(of: id) == .init(nodeID: other, epoch: leader.epoch + 1))
            #expect(try await cluster.requestCount(.metadata) == before)
        }
    }

    @Test("Connections are shared by purpose, lane and loop, and made again after they broke")
    func connections() async throws {
        try await withCluster { cluster, client in
            try await client.waitUntilConnected()
            let one = try await client.connection(to: 1, purpose: .fetch)
            let same = try await client.connection(to: 1, purpose: .fetch)
            let other = try await client.connection(to: 1, purpose: .fetch, lane: 1)
            let produce = try await client.connection(to: 1, purpose: .produce)
            #expect(one === same)
            #expect(one !== other)
            #expect(one !== produce)
            let loop = client.eventLoopGroup.next()
            let onLoop = try await client.connectionFuture(to: 1, purpose: .fetch, on: loop).get()
            #expect(onLoop.eventLoop === loop)
            try await cluster.closeConnections()
            try await one.closeFuture.get()
            try await eventually("the broken connection is replaced") {
                try await client.connection(to: 1, purpose: .fetch) !== one
            }
            let fresh = try await client.connection(to: 1, purpose: .fetch)
            #expect(fresh.isActive)
            await #expect(throws: KafkaClientError.self) {
                try await client.connection(to: 99, purpose: .fetch, deadline: .after(.seconds(1)))
            }
        }
    }

    @Test("The first address that works is enough")
    func bootstrap() async throws {
        let cluster = LocalCluster(configuration: .init(brokers: 1))
        try await cluster.start()
        let nobody = "127.0.0.1:1"
        let properties = [
            "bootstrap.servers": "\(nobody),\(cluster.bootstrapServers)", "reconnect.backoff.ms": "5",
            "retry.backoff.ms": "5",
        ]
        try await withCluster(properties: properties) { _, client in
            let metadata = try await client.waitUntilConnected()
            #expect(metadata.brokers.count == 1)
        }
        await cluster.stop()
    }

    @Test("Nobody there: the call ends at its deadline and names the address")
    func unreachable() async throws {
        try await withCluster(properties: ["bootstrap.servers": "127.0.0.1:1"]) { _, client in
            try await eventually("the address refuses") { client.state.withLock { $0.lastRefreshError != nil } }
            let start = ContinuousClock.now
            let error = await #expect(throws: KafkaClientError.self) {
                try await client.waitUntilConnected(deadline: .after(.milliseconds(200)))
            }
            #expect(error?.code == .unreachable)
            #expect(error?.cluster == "A")
            #expect(error?.description.contains("127.0.0.1:1") ?? false)
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }

    @Test("A closed client fails at once, and its connections are gone when it has run")
    func close() async throws {
        let cluster = LocalCluster(configuration: .init(brokers: 1))
        try await cluster.start()
        let client = try KafkaClient(
            name: "A",
            properties: ["bootstrap.servers": cluster.bootstrapServers],
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: .init(label: "test")
        )
        async let running: Void = client.run()
        try await client.waitUntilConnected()
        let connection = try await client.connection(to: 1, purpose: .control)
        client.close()
        client.close()
        await running
        #expect(!connection.isActive)
        await #expect(throws: KafkaClientError.self) { try await client.refreshMetadata() }
        await #expect(throws: KafkaClientError.self) { try await client.connection(to: 1, purpose: .control) }
        try await eventually("the broker sees them gone") { try await cluster.connectionCount() == 0 }
        await cluster.stop()
    }

    @Test("Brokers that stop and start again are found again")
    func restart() async throws {
        try await withCluster(brokers: 2) { cluster, client in
            try await cluster.createTopic("t", partitions: 4, replicationFactor: 2)
            try await client.refreshMetadata(.all)
            try await cluster.setBroker(1, isUp: false)
            let queries = Dictionary(
                uniqueKeysWithValues: (0..<4).map { (TopicPartition("t", $0), OffsetQuery.latest) }
            )
            for (_, result) in await client.listOffsets(queries) { #expect(try result.get().offset == 0) }
            for index in Int32(0)..<4 {
                #expect(try await client.leader(of: TopicPartition("t", index)).nodeID == 2)
            }
            try await cluster.setBroker(1, isUp: true)
            try await cluster.moveLeader("t", 0, to: 1)
            try await eventually("the new leader is known") {
                try await client.refreshMetadata(.topics(["t"])).leader(of: TopicPartition("t", 0))?.nodeID == 1
            }
            let offset = try await client.listOffset(.latest, of: TopicPartition("t", 0))
            #expect(offset.offset == 0)
        }
    }

    @Test("A broker that hangs does not keep the others' news from us")
    func hanging() async throws {
        try await withCluster(brokers: 2) { cluster, client in
            try await cluster.createTopic("t", replicationFactor: 2)
            try await client.refreshMetadata(.all)
            for node in [Int32(1), 2] { _ = try await client.connection(to: node, purpose: .control) }
            try await cluster.faults.inject(.metadata, count: 100, .drop, broker: 1)
            let start = ContinuousClock.now
            for _ in 0..<3 { try await client.refreshMetadata(.topics(["t"])) }
            #expect(ContinuousClock.now - start < .seconds(8))
            try await cluster.faults.clear()
        }
    }

    @Test("Wrong credentials fail at once and name the user")
    func wrongPassword() async throws {
        let sasl = LocalCluster.Listener.sasl([.plain])
        try await withCluster(
            properties: [
                "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
                "sasl.jaas.config":
                    "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\" password=\"x\";",
            ],
            configure: { configuration in
                configuration.listeners = [sasl]
                configuration.plainUsers = ["u": "right"]
            },
            { _, client in
                let start = ContinuousClock.now
                let error = await #expect(throws: KafkaClientError.self) { try await client.waitUntilConnected() }
                #expect(error?.code == .authenticationFailed)
                #expect(error?.principal == "u")
                #expect(error?.description.contains("user u") == true)
                #expect(ContinuousClock.now - start < .seconds(5))
            }
        )
    }
}
