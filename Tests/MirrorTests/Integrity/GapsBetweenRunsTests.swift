import KafkaProtocol
import LocalKafka
import MirrorModel
import Testing

@testable import Mirror

/// The copy comes to differ from its source while no mirror runs.
@Suite struct GapsBetweenRunsTests {
    /// Mirrors `first`, does something to the clusters, and mirrors until the target holds `expected`.
    private func run(
        lines: String = "",
        between change: (TwoClusters) async throws -> Void,
        expected: [String],
        gaps: [String]
    ) async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.withService(lines) { _ in
                // One after the other, or the target has them in one batch and loses all at once.
                for count in 0..<3 {
                    try await clusters.a.put(["\(count)"], in: "t")
                    try await eventually("record \(count) is mirrored") {
                        try await clusters.mirror("A.t").count == count + 1
                    }
                }
            }
            try await change(clusters)
            for _ in 0..<2 {
                try await clusters.withService(lines) { service in
                    try await eventually("\(expected) are mirrored") { try await clusters.mirror("A.t") == expected }
                    try await eventually("\(gaps) are in the ledger") { try await clusters.gaps() == gaps }
                    try await eventually("the partition runs") {
                        await service.status().first?.partitions.first?.state == .running
                    }
                }
            }
            #expect(try await clusters.mirror("A.t") == expected)
            #expect(try await clusters.gaps() == gaps)
        }
    }

    @Test func retention() async throws {
        try await run(
            between: { clusters in
                try await clusters.a.putEach(["3", "4", "5"], in: "t")
                try await clusters.a.deleteRecords("t", 0, before: 5)
            },
            expected: ["0", "1", "2", "5"],
            gaps: ["retention A t-0 3-4 continue"]
        )
    }

    @Test func truncation() async throws {
        try await run(
            between: { clusters in
                try await clusters.a.truncate("t", 0, to: 1)
                try await clusters.a.putEach(["x", "y", "z"], in: "t")
            },
            expected: ["0", "1", "2", "x", "y", "z"],
            gaps: ["truncation A t-0 1-2 continue"]
        )
    }

    @Test func anotherSourceTopic() async throws {
        try await run(
            between: { clusters in
                try await clusters.a.recreateTopic("t")
                try await clusters.a.putEach(["x", "y", "z", "u"], in: "t")
            },
            expected: ["0", "1", "2", "x", "y", "z", "u"],
            gaps: ["recreated A t-0 3- continue"]
        )
    }

    @Test func aSourceTopicThatLostRecordsAgain() async throws {
        try await run(
            between: { clusters in
                try await clusters.a.recreateTopic("t")
                try await clusters.a.putEach(["x", "y", "z", "u"], in: "t")
                try await clusters.a.deleteRecords("t", 0, before: 2)
            },
            expected: ["0", "1", "2", "z", "u"],
            gaps: ["recreated A t-0 3- continue", "retention A t-0 0-1 continue"]
        )
    }

    @Test func aTargetThatLostRecords() async throws {
        try await run(
            between: { clusters in try await clusters.b.truncate("A.t", 0, to: 1) },
            expected: ["0", "1", "2"],
            gaps: ["target-changed B A.t-0 1-2 continue"]
        )
    }

    @Test func anotherTargetTopic() async throws {
        try await run(
            between: { clusters in
                try await clusters.b.deleteTopic("A.t")
                try await clusters.b.createTopic("A.t", partitions: 1)
            },
            expected: ["0", "1", "2"],
            gaps: ["target-changed B A.t-0 0-2 continue"]
        )
    }

    @Test func aForeignWriter() async throws {
        try await run(
            between: { clusters in
                try await clusters.b.put(["foreign"], in: "A.t")
                try await clusters.a.put(["3"], in: "t")
            },
            expected: ["0", "1", "2", "foreign", "3"],
            gaps: ["foreign-writer B A.t-0 3-3 continue"]
        )
    }

    @Test func aPolicyThatStopsHoldsOverRestarts() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.a.putEach(["0", "1", "2"], in: "t")
            try await clusters.withService { _ in
                try await eventually("the first are mirrored") { try await clusters.mirror("A.t") == ["0", "1", "2"] }
            }
            try await clusters.a.recreateTopic("t")
            try await clusters.a.put(["x"], in: "t")
            for _ in 0..<2 {
                try await clusters.withService("kafka.mirror.on.recreated = pause") { service in
                    try await eventually("the partition is stopped") {
                        await service.status().first?.quarantinedCount == 1
                    }
                }
            }
            #expect(try await clusters.mirror("A.t") == ["0", "1", "2"])
            #expect(try await clusters.gaps() == ["recreated A t-0 3- pause"])
            try await clusters.withService { _ in
                try await eventually("it goes on") { try await clusters.mirror("A.t") == ["0", "1", "2", "x"] }
            }
            // The entry says what was done in the end.
            #expect(try await clusters.gaps() == ["recreated A t-0 3- pause", "recreated A t-0 3- continue"])
        }
    }
}
