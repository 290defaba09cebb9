import KafkaClient
import KafkaProtocol
import LocalKafka
import Mirror
import MirrorModel
import NIOCore
import Testing

@Suite("What is mirrored of transactions at the source", .serialized, .timeLimit(.minutes(2)))
struct IsolationTests {
    private static let modes = ["", TwoClusters.exactlyOnce]

    /// A transaction of the source with one record, left open.
    private func open(
        _ id: KafkaString,
        _ value: String,
        _ client: KafkaClient
    ) async throws -> TransactionManager {
        let manager = TransactionManager(client: client, transactionalID: id)
        try await manager.initialize()
        try manager.begin()
        try await RecordAppender(client: client, topic: "t", transaction: manager)
            .append([AppendedRecord(partition: 0, key: nil, value: ByteBuffer(string: value), timestamp: 1)])
        return manager
    }

    @Test("read_committed: the default, as a consumer would see it", arguments: modes)
    func committed(mode: String) async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.withClient(of: clusters.a) { client in
                try await self.open("one", "committed", client).commit()
                try await self.open("two", "aborted", client).abort()
                let later = try await self.open("three", "committed later", client)
                try await clusters.append(["plain"], to: "t", of: clusters.a)
                let never = try await self.open("four", "aborted later", client)
                try await clusters.append(["plain 2"], to: "t", of: clusters.a)
                try await clusters.withService(mode) { service in
                    try await eventually("what is stable") { try await clusters.committed("A.t") == ["committed"] }
                    try await later.commit()
                    try await eventually("what was open") {
                        try await clusters.committed("A.t") == ["committed", "committed later", "plain"]
                    }
                    try await never.abort()
                    try await eventually("the rest") {
                        try await clusters.committed("A.t") == ["committed", "committed later", "plain", "plain 2"]
                    }
                    let counters = await service.status().first?.counters
                    #expect(counters?.abortedBatches == 2)
                    #expect(counters?.controlBatches == 4)
                }
            }
            // As a consumer of the source.
            #expect(try await clusters.committed("A.t").count == 4)
        }
    }

    @Test(
        "read_uncommitted: everything but control batches, at once; the key of the flow goes before the cluster's",
        arguments: modes
    )
    func uncommitted(mode: String) async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.withClient(of: clusters.a) { client in
                try await self.open("one", "committed", client).commit()
                try await self.open("two", "aborted", client).abort()
                let never = try await self.open("three", "open", client)
                try await clusters.append(["plain"], to: "t", of: clusters.a)
                let lines = """
                    \(mode)
                    A.consumer.isolation.level = read_committed
                    A->B.source.consumer.isolation.level = read_uncommitted
                    """
                let expected = ["committed", "aborted", "open", "plain"]
                try await clusters.withService(lines) { service in
                    try await eventually("everything") { try await clusters.committed("A.t") == expected }
                    try await never.abort()
                    try await clusters.append(["end"], to: "t", of: clusters.a)
                    try await eventually("the end") { try await clusters.committed("A.t") == expected + ["end"] }
                    #expect(await service.status().first?.counters.controlBatches == 3)
                }
            }
        }
    }

    @Test("A transaction that nobody ends is told, and that it is over")
    func hanging() async throws {
        try await TwoClusters.run { clusters in
            let log = LogLines()
            let logged = TwoClusters(a: clusters.a, b: clusters.b, group: clusters.group, logger: log.logger)
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.withClient(of: clusters.a) { client in
                let hanging = try await self.open("hanging", "open", client)
                try await clusters.append(["behind"], to: "t", of: clusters.a)
                try await logged.withService("kafka.mirror.open.transaction.warning.ms = 200") { service in
                    try await eventually("the status shows it") {
                        guard case .backingOff(let reason)? = await service.status().first?.partitions.first?.state
                        else { return false }
                        return reason.contains("open transaction") && reason.contains("offset 0")
                    }
                    #expect(log.matching("warning", "t-0", "open transaction").count == 1)
                    #expect(try await clusters.committed("A.t").isEmpty)
                    try await hanging.abort()
                    try await eventually("what was behind it") { try await clusters.committed("A.t") == ["behind"] }
                    try await eventually("it is over") {
                        await service.status().first?.partitions.first?.state == .running
                    }
                }
            }
        }
    }
}
