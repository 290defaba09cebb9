import KafkaClient
import KafkaNetwork
import KafkaProtocol
import LocalKafka
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A broker answers the requests of one connection in order, so whatever waits has a connection of its own.
@Suite("Long polls hold up nothing", .timeLimit(.minutes(1)))
struct LongPollTests {
    @Test("a poll of half a minute, and everything else meanwhile")
    func everythingElse() async throws {
        try await withCluster { cluster, client in
            for topic in ["quiet", "busy"] as [TopicName] { try await cluster.createTopic(topic) }
            let isOver = Mutex(false)
            let poll = Task {
                let reader = CompactedTopicReader(client: client, topic: "quiet")
                try? await reader.poll(maximumWait: .seconds(25), deadline: .after(.seconds(28))) { _ in }
                isOver.withLock { $0 = true }
            }
            try await eventually("the poll waits at the broker") { try await cluster.requestCount(.fetch) == 1 }

            let loop = client.controlLoop
            let fetcher = PartitionFetcher(
                client: client,
                eventLoop: loop,
                settings: FetchSettings(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let delivered = Mutex(0)
            try await loop.submit {
                fetcher.start(
                    .init(
                        records: { records in
                            delivered.withLock { $0 += 1 }
                            fetcher.release(records.lease)
                        },
                        event: { _ in }
                    )
                )
                _ = fetcher.add(TopicPartition("busy", 0), start: .earliest)
            }.get()
            let record = AppendedRecord(key: nil, value: ByteBuffer(string: "x"), timestamp: 1_700_000_000_000)
            try await RecordAppender(client: client, topic: "busy").append([record])
            try await eventually("the record is fetched") { delivered.withLock { $0 > 0 } }
            var read = 0
            try await CompactedTopicReader(client: client, topic: "busy").readToEnd { _ in read += 1 }
            #expect(read == 1)
            let partition = TopicPartition("busy", 0)
            #expect(try await client.listOffset(.latest, of: partition).offset == 1)
            _ = try await client.commitGroupOffsets([partition: CommittedOffset(offset: 1)], of: "group")
            #expect(try await client.groupOffsets(of: "group").count == 1)
            try await client.refreshMetadata(.all)
            #expect(!isOver.withLock { $0 }, "the poll ended, so nothing was shown")
            try await loop.submit { fetcher.close() }.get()
            poll.cancel()
            await poll.value
        }
    }

    @Test("readers that are gone leave their connections to the next")
    func lanes() async throws {
        try await withCluster { cluster, client in
            try await cluster.createTopic("t")
            for _ in 0..<20 { try await CompactedTopicReader(client: client, topic: "t").readToEnd { _ in } }
            // One for control, one for fetching.
            #expect(try await cluster.connectionCount() <= 3)
        }
    }

    @Test("bootstrap names are replaced by canonical ones where client.dns.lookup says so")
    func canonicalNames() async throws {
        struct Resolver: HostResolver {
            func resolve(_ address: BrokerAddress) async throws -> [SocketAddress] {
                guard address.host != "alias" else { throw HostNotFound(host: "alias", reason: "only an alias") }
                return [try SocketAddress(ipAddress: "127.0.0.1", port: address.port)]
            }
            func canonicalNames(of host: String) async throws -> [String] { ["canonical.example"] }
        }
        try await withCluster { cluster, _ in
            let port = cluster.bootstrapServers.split(separator: ":").last ?? ""
            for (lookup, isFound) in [("resolve_canonical_bootstrap_servers_only", true), ("use_all_dns_ips", false)] {
                var configuration = try ClientConfiguration(
                    properties: ["bootstrap.servers": "alias:\(port)", "client.dns.lookup": lookup],
                    clusterName: "A"
                )
                configuration.resolver = Resolver()
                let result = try await KafkaClient.withClient(
                    name: "A",
                    configuration: configuration,
                    eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                ) { client in
                    try? await client.waitUntilConnected(deadline: .after(.seconds(isFound ? 20 : 1)))
                }
                #expect((result != nil) == isFound, "\(lookup)")
            }
        }
    }
}
