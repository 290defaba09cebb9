import KafkaClient
import KafkaProtocol
import LocalKafka
import MirrorModel
import NIOCore
import Testing

@testable import Mirror

/// Stopped partitions: shown to others, released by them, and no trouble to their neighbours.
@Suite struct QuarantineTests {
    private let partition = TopicPartition(topic: "t", partition: 0)

    private func withDesk<Value: Sendable>(
        _ scene: FailureScene,
        _ body: (ControlDesk) async throws -> Value
    ) async throws -> Value {
        let flow = try #require(try scene.clusters.configuration().flows.first { $0.isEnabled })
        return try await scene.clusters.withClient(of: scene.b) { try await body(ControlDesk(flow, client: $0)) }
    }

    private func shown(_ scene: FailureScene) async throws -> QuarantineEntry {
        try await withDesk(scene) { desk in
            var entry: QuarantineEntry?
            try await eventually("the partition is shown as stopped") {
                entry = try await desk.read(deadline: .after(.seconds(5))).stopped[partition]
                return entry != nil
            }
            return try #require(entry)
        }
    }

    private func release(_ scene: FailureScene, _ action: ReleaseOrder.Action, _ id: String) async throws -> String? {
        try await withDesk(scene) { desk in
            try await desk.release([partition], action, id: id, deadline: .after(.seconds(15)))[partition]
        }
    }

    @Test func aBatchInTheWayIsLeftOutOnDemand() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.createTopic("other", partitions: 1)
                try await clusters.a.put(["0"], in: "t")
                _ = try await clusters.a.append([try TwoClusters.brokenBatch(at: 1)], to: "t", 0)
                try await clusters.a.put(["2"], in: "t")
            },
            test: { scene in
                let entry = try await shown(scene)
                #expect(entry.code == "damagedData" && entry.cluster == "A")
                #expect(entry.offset == 1 && entry.batchEnd == 1 && entry.isRetried)
                // A neighbour is not held up.
                let begin = ContinuousClock.now
                for count in 0..<20 {
                    try await scene.a.put(["\(count)"], in: "other")
                    try await scene.mirrored((0...count).map { "\($0)" }, to: "A.other")
                }
                #expect(begin.duration(to: .now) < .seconds(10))
                #expect(try await scene.clusters.mirror("A.t") == ["0"])
                #expect(try await release(scene, .skipTo(1), "a")?.contains("nothing to skip") == true)
                #expect(try await release(scene, .skipBatch, "b") == "done")
                try await scene.mirrored(["0", "2"], to: "A.t")
                #expect(
                    try await scene.clusters.gaps() == ["undecodable A t-0 1-1 pause", "skipped A t-0 1-1 continue"]
                )
                try await withDesk(scene) { desk in
                    try await eventually("the partition is no longer shown") {
                        try await desk.read(deadline: .after(.seconds(5))).stopped.isEmpty
                    }
                }
                try await scene.told("the partition is mirrored again", "t-0")
            }
        )
    }

    @Test func whatAPolicyStoppedGoesOnWhenReleased() async throws {
        try await FailureScene.run(
            lines: { _, _ in "kafka.mirror.on.truncation = pause\n" },
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.putEach(["0", "1", "2"], in: "t")
            },
            test: { scene in
                try await scene.mirrored(["0", "1", "2"], to: "A.t")
                try await scene.a.truncate("t", 0, to: 1)
                try await scene.a.putEach(["x", "y", "z"], in: "t")
                let entry = try await shown(scene)
                #expect(entry.code == "policy" && !entry.isRetried)
                #expect(entry.message.contains("kafka.mirror.on.truncation = pause"))
                #expect(try await scene.clusters.gaps() == ["truncation A t-0 1-2 pause"])
                #expect(try await scene.clusters.mirror("A.t") == ["0", "1", "2"])
                #expect(try await release(scene, .goOn, "a") == "done")
                let shown = try await withDesk(scene) { try await $0.read(deadline: .after(.seconds(5))).stopped }
                #expect(shown.isEmpty)
                try await scene.mirrored(["0", "1", "2", "x", "y", "z"], to: "A.t")
                #expect(await scene.service.status().first?.quarantinedCount == 0)
            }
        )
    }

    @Test func whoeverReleasesMayNameThePlace() async throws {
        try await FailureScene.run(
            lines: { _, _ in "kafka.mirror.on.truncation = pause\n" },
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.putEach(["0", "1", "2"], in: "t")
            },
            test: { scene in
                try await scene.mirrored(["0", "1", "2"], to: "A.t")
                try await scene.a.truncate("t", 0, to: 1)
                try await scene.a.putEach(["x", "y", "z"], in: "t")
                _ = try await shown(scene)
                #expect(try await release(scene, .skipTo(3), "a") == "done")
                try await scene.mirrored(["0", "1", "2", "z"], to: "A.t")
                #expect(
                    try await scene.clusters.gaps() == ["truncation A t-0 1-2 pause", "skipped A t-0 1-2 continue"]
                )
            }
        )
    }

    @Test func anOrderForAPartitionThatRunsIsRefused() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.b.createTopic(ControlKey.topic(sourceAlias: "A"), partitions: 1)
                try await clusters.a.put(["0"], in: "t")
            },
            test: { scene in
                try await scene.mirrored(["0"], to: "A.t")
                let answer = try await withDesk(scene) { desk in
                    try await desk.release([partition], .skipTo(100), id: "a", deadline: .after(.seconds(40)))[
                        partition
                    ]
                }
                #expect(answer == "refused: the partition is not stopped")
                try await scene.a.put(["1"], in: "t")
                try await scene.mirrored(["0", "1"], to: "A.t")
            }
        )
    }
}
