import KafkaProtocol
import KafkaRecords
import LocalKafka
import MirrorModel
import Testing

@testable import Mirror

/// A mirror is killed with records at the target that its progress does not tell of, and the next one goes on.
@Suite struct KilledMirrorTests {
    /// Mirrors twice ten records with progress that is written once, kills the mirror, and lets the next one go on.
    private func run(_ configs: [String: String], _ change: (TwoClusters) async throws -> Void = { _ in }) async throws
    {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t")
            try await clusters.b.createTopic("A.t", configs: configs)
            try await clusters.withKilledService("B.offset.flush.interval.ms = 60000") { _ in
                for part in 0..<2 {
                    try await clusters.a.append([try ShardHarness.batch(part * 10..<part * 10 + 10)], to: "t", 0)
                    try await eventually("part \(part) is mirrored") {
                        try await clusters.b.records("A.t", 0).count == part * 10 + 10
                    }
                }
            }
            try await change(clusters)
            try await clusters.a.append([try ShardHarness.batch(20..<30)], to: "t", 0)
            try await clusters.withService { service in
                try await eventually("the next one is through") {
                    let isCaughtUp = await service.status().first?.isCaughtUp ?? false
                    return try await clusters.b.records("A.t", 0).count >= 30 && isCaughtUp
                }
            }
            let values = try await clusters.b.records("A.t", 0).map(\.value)
            let originals = try await clusters.a.records("t", 0).map(\.value)
            #expect(values == originals)
            #expect(values.count == 30)
            #expect(try await clusters.gaps().isEmpty)
        }
    }

    @Test func nothingComesTwice() async throws {
        try await run([:])
    }

    @Test func norAtATargetThatSetsTimesOfItsOwn() async throws {
        try await run(["message.timestamp.type": "LogAppendTime"])
    }
}
