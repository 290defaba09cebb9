import KafkaClient
import KafkaProtocol
import LocalKafka
import MirrorModel
import NIOCore
import Testing

@testable import Mirror

@Suite("Somebody else writes to a mirror in exactly-once mode", .serialized, .timeLimit(.minutes(2)))
struct ForeignWriterTests {
    private static let mode = TwoClusters.exactlyOnce + "\n"

    @Test("between two transactions, in a transaction of its own or not: named once, counted, and gone on")
    func named() async throws {
        try await FailureScene.run(
            lines: { _, _ in Self.mode },
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.put(["0"], in: "t")
            },
            test: { scene in
                try await scene.committed(["0"])
                try await scene.b.putEach(["foreign", "foreign"], in: "A.t")
                try await scene.a.put(["1"], in: "t")
                try await scene.committed(["0", "foreign", "foreign", "1"])
                // Before it was committed: offset 0 is ours, 1 its marker.
                #expect(try await scene.clusters.gaps() == ["foreign-writer B A.t-0 2-3 continue"])
                #expect(try await scene.clusters.ledger().first?.records == 2)
                try await scene.told("somebody else writes", "cluster=B", "partition=A.t-0", "records=2")
                #expect(await scene.service.status().first?.gaps.byKind == [.foreignWriter: 1])

                try await scene.transaction("committed") { try await $0.commit() }
                try await scene.a.put(["2"], in: "t")
                try await scene.committed(["0", "foreign", "foreign", "1", "committed", "2"])
            }
        )
    }

    @Test("markers, and what was aborted, are nobody's records")
    func markers() async throws {
        try await FailureScene.run(
            lines: { _, _ in Self.mode },
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.put(["0"], in: "t")
                // A life that leaves a transaction open, which its successor has aborted.
                try await clusters.withKilledService(Self.mode) { _ in
                    try await eventually("something is written") {
                        try await clusters.b.requestCount(.addPartitionsToTxn) > 1
                    }
                }
            },
            test: { scene in
                try await scene.committed(["0"])
                try await scene.transaction("aborted") { try await $0.abort() }
                for code in [ErrorCode.invalidTxnState, .transactionAbortable] {
                    try await scene.b.faults.inject(.endTxn, .error(code))
                    try await scene.a.put(["\(code)"], in: "t")
                    try await eventually("\(code)") {
                        try await scene.clusters.committed("A.t").last == "\(code)"
                    }
                }
                #expect(try await scene.clusters.committed("A.t").count == 3)
                #expect(try await scene.clusters.gaps() == [])
            }
        )
    }

    @Test("a policy stops the partition before anything is committed behind it, also after a restart")
    func stopped() async throws {
        let lines = Self.mode + "kafka.mirror.on.foreign-writer = continue; t = pause\n"
        try await FailureScene.run(
            lines: { _, _ in lines },
            prepare: { clusters in
                for topic in ["t", "u"] as [TopicName] {
                    try await clusters.a.createTopic(topic, partitions: 1)
                    try await clusters.a.put(["0"], in: topic)
                }
                try await clusters.withService(lines) { _ in
                    for topic in ["A.t", "A.u"] as [TopicName] {
                        try await eventually("\(topic)") { try await clusters.committed(topic) == ["0"] }
                        try await clusters.b.put(["foreign"], in: topic)
                    }
                    for topic in ["t", "u"] as [TopicName] { try await clusters.a.put(["1"], in: topic) }
                    try await eventually("the other topic goes on") {
                        try await clusters.committed("A.u") == ["0", "foreign", "1"]
                    }
                    try await eventually("both are known") { try await Set(clusters.gaps()).count == 2 }
                    #expect(try await clusters.committed("A.t") == ["0", "foreign"])
                }
            },
            test: { scene in
                try await eventually("the partition is stopped again") {
                    await scene.service.status().first?.quarantinedCount == 1
                }
                try await scene.a.put(["2"], in: "u")
                try await eventually("the other topic goes on") {
                    try await scene.clusters.committed("A.u") == ["0", "foreign", "1", "2"]
                }
                #expect(try await scene.clusters.committed("A.t") == ["0", "foreign"])
                let flow = try #require(try scene.clusters.configuration(lines).flows.first { $0.isEnabled })
                let t = TopicPartition(topic: "t", partition: 0)
                let answer = try await scene.clusters.withClient(of: scene.b) { client in
                    try await ControlDesk(flow, client: client)
                        .release([t], .goOn, id: "a", deadline: .after(.seconds(15)))[t]
                }
                #expect(answer == "done")
                try await scene.committed(["0", "foreign", "1"])
            }
        )
    }

    @Test("a principal that may not read the mirror still mirrors, and is told")
    func forbidden() async throws {
        try await FailureScene.run(
            lines: { _, _ in Self.mode },
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.put(["0"], in: "t")
            },
            test: { scene in
                try await scene.committed(["0"])
                try await scene.b.faults.inject(
                    .fetch,
                    count: 1_000_000,
                    .error(.topicAuthorizationFailed),
                    topic: "A.t"
                )
                try await scene.b.put(["foreign"], in: "A.t")
                try await scene.a.put(["1"], in: "t")
                try await scene.told("foreign records in mirrors would not be noticed", "READ on topic A.t")
                try await scene.b.faults.clear()
                try await scene.committed(["0", "foreign", "1"])
            }
        )
    }
}

extension FailureScene {
    fileprivate func committed(
        _ values: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await eventually("A.t holds \(values)", sourceLocation: sourceLocation) {
            try await clusters.committed("A.t") == values
        }
    }

    /// Writes one record to the mirror in a transaction of somebody else.
    fileprivate func transaction(_ value: String, _ end: (TransactionManager) async throws -> Void) async throws {
        try await clusters.withClient(of: b) { client in
            let manager = TransactionManager(client: client, transactionalID: "somebody-else")
            try await manager.initialize()
            try manager.begin()
            try await RecordAppender(client: client, topic: "A.t", transaction: manager)
                .append([AppendedRecord(partition: 0, key: nil, value: ByteBuffer(string: value), timestamp: 1)])
            try await end(manager)
        }
    }
}
