import KafkaClient
import KafkaProtocol
import KafkaRecords
import Logging
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

/// A broker that answers with well-formed nonsense: every call ends in time, and nothing traps.
@Suite("Calls to a hostile broker", .serialized, .timeLimit(.minutes(3)))
struct HostileBrokerTests {
    private static let partitions = (0..<Int32(4)).map { TopicPartition(HostileBroker.topic, $0) }
    private static let patience = Duration.milliseconds(500)

    @Test("every call of the client ends by its deadline")
    func everyCallEnds() async throws {
        var asked = Set<ApiKey>()
        for seed in 1...12 as ClosedRange<UInt64> {
            let broker = try await HostileBroker.start(seed: seed)
            asked.formUnion(
                try await Self.withClient(of: broker) { client in
                    let begin = ContinuousClock.now
                    await withTaskGroup(of: Void.self) { group in
                        for call in Self.calls(client) { group.addTask { await call() } }
                    }
                    // A call may need a moment beyond its deadline on a busy machine, but never a multiple of it.
                    #expect(ContinuousClock.now - begin < .seconds(20), "seed \(seed)")
                    return broker.requests.keys
                }
            )
            await broker.stop()
        }
        print("hostile broker: asked for \(asked.count) of \(ApiKey.requests.count) APIs")
        #expect(asked.count >= 28, "only \(asked.map { "\($0)" }.sorted())")
    }

    @Test("reading, writing and membership go on until they are stopped", arguments: 21...26 as ClosedRange<UInt64>)
    func dataPath(seed: UInt64) async throws {
        let broker = try await HostileBroker.start(seed: seed)
        let asked = try await Self.withClient(of: broker) { client in
            let loop = MultiThreadedEventLoopGroup.singleton.any()
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            var fetching = FetchSettings()
            fetching.blockedBackoffMaximum = .milliseconds(200)
            let fetcher = PartitionFetcher(client: client, eventLoop: loop, settings: fetching, logger: logger)
            var producing = ProduceSettings()
            producing.requestTimeout = .milliseconds(200)
            let producer = PartitionProducer(client: client, eventLoop: loop, settings: producing, logger: logger)
            let partitions = Self.partitions
            let events = Mutex<[String]>([])
            try await loop.submit {
                fetcher.start(
                    .init(
                        records: { fetcher.release($0.lease) },
                        event: { event in
                            events.withLock { $0.append("\(event)") }
                            switch event {
                            case .offsetOutOfRange(let slot, _, _, _), .diverged(let slot, _, _, _),
                                .topicRecreated(let slot, _, _):
                                loop.execute { fetcher.seek(slot, to: .earliest) }
                            default: break
                            }
                        }
                    )
                )
                producer.start(
                    .init(
                        pull: { request in .batch(Self.batch(request.stamp)) },
                        event: { event in
                            events.withLock { $0.append("\(event)") }
                            if case .refused(let slot, _) = event {
                                loop.execute {
                                    producer.resume(slot)
                                    producer.ready(slot, bytes: 100)
                                }
                            }
                        }
                    )
                )
                for partition in partitions {
                    _ = fetcher.add(partition, start: .earliest)
                    producer.ready(producer.add(partition), bytes: 100)
                }
            }.get()
            let member = GroupMember(
                client: client,
                configuration: GroupMemberConfiguration(
                    group: "group",
                    sessionTimeout: .seconds(1),
                    rebalanceTimeout: .milliseconds(200),
                    heartbeatInterval: .milliseconds(20)
                ),
                protocol: ConsumerMembership(
                    client: client,
                    topics: [HostileBroker.topic],
                    callbacks: .init(onAssigned: { _ in }, onRevoked: { _, _ in })
                )
            )
            let membership = Task { try? await member.run() }
            // Random answers slow the client down, as they should: what counts is that it goes on asking.
            do {
                try await eventually("asked for records and written some, again and again") {
                    let requests = broker.requests
                    return requests[.fetch, default: 0] > 10 && requests[.produce, default: 0] > 10
                        && requests[.findCoordinator, default: 0] > 0
                }
            } catch {
                Issue.record("seed \(seed): \(broker.requests), \(events.withLock { $0.suffix(20) })")
            }
            membership.cancel()
            await membership.value
            try await loop.submit {
                fetcher.close()
                producer.close()
            }.get()
            return broker.requests
        }
        #expect(asked[.fetch, default: 0] > 10)
        await broker.stop()
    }

    private static func batch(_ stamp: ProducerStamp) -> ProduceBatch {
        var builder = RecordBatchBuilder()
        builder.producerID = stamp.identity.producerID
        builder.producerEpoch = stamp.identity.epoch
        builder.baseSequence = stamp.sequence
        builder.append(timestamp: 1, key: nil, value: ByteBuffer(string: "value"))
        return ProduceBatch(
            header: (try? builder.build()) ?? ByteBuffer(),
            body: ByteBuffer(),
            recordCount: 1,
            token: UInt64(max(stamp.sequence, 0))
        )
    }

    private static func withClient<Value: Sendable>(
        of broker: HostileBroker,
        _ body: @Sendable @escaping (KafkaClient) async throws -> Value
    ) async throws -> Value {
        let client = try KafkaClient(
            name: "A",
            properties: [
                "bootstrap.servers": broker.bootstrapServers, "retry.backoff.ms": "5", "reconnect.backoff.ms": "5",
                "reconnect.backoff.max.ms": "20", "request.timeout.ms": "100",
            ],
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await client.run() }
            defer { client.close() }
            return try await body(client)
        }
    }

    /// Everything a client can ask for, each with a deadline of its own.
    private static func calls(_ client: KafkaClient) -> [@Sendable () async -> Void] {
        let topic = HostileBroker.topic
        var deadline: Deadline { .after(patience) }
        let offsets = Dictionary(partitions.map { ($0, CommittedOffset(offset: 3)) }) { first, _ in first }
        let rule = AccessRule(
            resource: .topic,
            name: topic,
            pattern: .literal,
            principal: "User:a",
            host: "*",
            operation: .read,
            permission: .allow
        )
        let identity = ProducerIdentity(producerID: 3, epoch: 0)
        return [
            { _ = try? await client.refreshMetadata(.all, deadline: deadline) },
            { _ = try? await client.describeCluster(deadline: deadline) },
            { _ = await client.createTopics([NewTopic(name: topic, partitionCount: 2)], deadline: deadline) },
            { _ = await client.deleteTopics([topic], deadline: deadline) },
            { _ = await client.createPartitions([topic: 9], deadline: deadline) },
            {
                _ = await client.deleteRecords(
                    before: Dictionary(partitions.map { ($0, 5) }) { first, _ in first },
                    deadline: deadline
                )
            },
            {
                _ = await client.listOffsets(
                    Dictionary(partitions.map { ($0, .latest) }) { first, _ in first },
                    deadline: deadline
                )
            },
            {
                _ = await client.offsetsForLeaderEpochs(
                    Dictionary(partitions.map { ($0, 2) }) { first, _ in first },
                    deadline: deadline
                )
            },
            { _ = await client.describeConfigs([.topic(topic)], deadline: deadline) },
            {
                _ = await client.incrementalAlterConfigs(
                    [.topic(topic): [ConfigChange(.set, "a", "b")]],
                    deadline: deadline
                )
            },
            { _ = await client.alterConfigs([.topic(topic): ["a": "b"]], deadline: deadline) },
            { _ = try? await client.describeAccess(deadline: deadline) },
            { _ = await client.createAccess([rule], deadline: deadline) },
            { _ = await client.deleteAccess([AccessRuleFilter()], deadline: deadline) },
            { _ = try? await client.listGroups(deadline: deadline) },
            { _ = await client.describeGroups(["a", "group"], deadline: deadline) },
            { _ = await client.deleteGroups(["a"], deadline: deadline) },
            { _ = try? await client.groupOffsets(of: "a", deadline: deadline) },
            { _ = await client.groupOffsets(ofAll: ["a", "b"], deadline: deadline) },
            { _ = try? await client.commitGroupOffsets(offsets, of: "a", deadline: deadline) },
            { _ = try? await client.deleteGroupOffsets(partitions, of: "a", deadline: deadline) },
            { _ = try? await client.initProducerID(deadline: deadline) },
            {
                _ = try? await client.addToTransaction(
                    Set(partitions),
                    transactionalID: "x",
                    identity: identity,
                    deadline: deadline
                )
            },
            {
                _ = try? await client.endTransaction(
                    transactionalID: "x",
                    identity: identity,
                    commits: true,
                    deadline: deadline
                )
            },
            { _ = await client.describeProducers(of: partitions, deadline: deadline) },
            { _ = try? await client.listTransactions(deadline: deadline) },
            { _ = await client.describeTransactions(["a"], deadline: deadline) },
            { _ = try? await client.describeLogDirectories(deadline: deadline) },
            { _ = try? await client.describeClientQuotas([], deadline: deadline) },
            {
                let transactions = TransactionManager(client: client, transactionalID: "t")
                guard (try? await transactions.initialize(deadline: deadline)) != nil else { return }
                guard (try? transactions.begin()) != nil else { return }
                try? await transactions.add(partitions, deadline: deadline)
                _ = try? await transactions.commitOffsets(offsets, of: "a", deadline: deadline)
                try? await transactions.commit(deadline: deadline)
                try? await transactions.abort(deadline: deadline)
            },
            {
                let records = (0..<9).map { number in
                    AppendedRecord(
                        key: ByteBuffer(integer: number),
                        value: ByteBuffer(string: "v"),
                        timestamp: Int64.max - Int64(number)
                    )
                }
                _ = try? await RecordAppender(client: client, topic: topic).append(records, deadline: deadline)
            },
            { try? await CompactedTopicReader(client: client, topic: topic).readToEnd(deadline: deadline) { _ in } },
        ]
    }
}
