import KafkaClient
import KafkaProtocol
import KafkaRecords
import LocalKafka
import Mirror
import MirrorModel
import NIOCore
import Testing

@Suite("Exactly-once mode, end to end", .serialized, .timeLimit(.minutes(3)))
struct ExactlyOnceTests {
    private let mode = TwoClusters.exactlyOnce

    @Test("Records and progress are committed together, and a restart goes on behind them")
    func committedTogether() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.append(["one", "two"], to: "t", of: clusters.a)
            try await clusters.withService(mode) { service in
                try await eventually("two records") { try await clusters.committed("A.t") == ["one", "two"] }
                try await eventually("the status counts them") {
                    await service.status().first?.counters.records == 2
                }
                try await clusters.append(["three"], to: "t", of: clusters.a)
                try await eventually("three records") { try await clusters.committed("A.t").count == 3 }
            }
            let progress = try await clusters.progress()[TopicPartition(topic: "t", partition: 0)]
            #expect(progress?.offset == 2)
            #expect(progress?.isTransactional == true)
            // Two transactions: the marker of the first stands before the third record.
            #expect(progress?.targetOffset == 3)
            let batches = try await clusters.b.batches("A.t", 0)
            #expect(batches.filter(\.isTransactional).count == batches.count)
            #expect(batches.filter(\.isControl).count == 2)

            try await clusters.append(["four"], to: "t", of: clusters.a)
            try await clusters.withService(mode) { _ in
                try await eventually("the fourth") { try await clusters.committed("A.t").count >= 4 }
            }
            #expect(try await clusters.committed("A.t") == ["one", "two", "three", "four"])
        }
    }

    @Test("A kill in any place loses and repeats nothing")
    func killed() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 2)
            var expected: [String] = []
            for round in 0..<6 {
                let values = (0..<20).map { "\(round)-\($0)" }
                expected += values
                try await clusters.append(values, to: "t", of: clusters.a)
                // Each time at another point between the first record written and the commit.
                try await clusters.withKilledService(mode) { _ in
                    let produced = try await clusters.b.requestCount(.produce)
                    try await eventually("some requests") {
                        try await clusters.b.requestCount(.produce) >= produced + 1 + round % 3
                    }
                }
            }
            try await clusters.append(["last"], to: "t", of: clusters.a)
            expected.append("last")
            try await clusters.withService(mode) { _ in
                try await eventually("all of it", within: .seconds(60)) {
                    try await clusters.committed("A.t").last == "last"
                }
            }
            #expect(try await clusters.committed("A.t") == expected)
        }
    }
}
