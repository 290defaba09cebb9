import KafkaProtocol
import LocalKafka
import MirrorModel
import Testing

@testable import Mirror

/// The copy comes to differ from its source while the mirror runs: found, told once, kept, and handled as asked.
@Suite struct RunningGapTests {
    @Test func retentionThatIsFasterThanTheMirror() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.putEach(["0", "1"], in: "t")
            },
            test: { scene in
                try await scene.mirrored(["0", "1"], to: "A.t")
                try await scene.a.faults.inject(.fetch, count: 1_000_000, .error(.notLeaderOrFollower))
                // A request that waits for records would still get them.
                try await scene.a.closeConnections()
                try await scene.a.putEach(["2", "3", "4", "5"], in: "t")
                try await scene.a.deleteRecords("t", 0, before: 5)
                try await scene.a.faults.clear()
                try await scene.mirrored(["0", "1", "5"], to: "A.t")
                // In the ledger before the mirror went on.
                #expect(try await scene.clusters.gaps() == ["retention A t-0 2-4 continue"])
                let gap = try #require(try await scene.clusters.ledger().first)
                #expect(gap.flow == "A->B" && gap.targetOffset == 1 && gap.timestamp > 1_700_000_000_000)
                #expect(gap.topicID == (try await scene.a.topic("t")?.id))
                try await scene.told(
                    "removed before they were mirrored",
                    "cluster=A",
                    "partition=t-0",
                    "from=2",
                    "to=4"
                )
                #expect(scene.log.matching("removed before they were mirrored").count == 1)
                let status = try #require(await scene.service.status().first)
                #expect(status.gaps.byKind == [.retention: 1] && status.gaps.records == 3)
                #expect(status.quarantinedCount == 0)
            }
        )
    }

    @Test func aSourceThatLosesMirroredRecords() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.putEach(["0", "1", "2"], in: "t")
            },
            test: { scene in
                try await scene.mirrored(["0", "1", "2"], to: "A.t")
                try await scene.a.truncate("t", 0, to: 1)
                try await scene.a.putEach(["x", "y", "z"], in: "t")
                try await scene.mirrored(["0", "1", "2", "x", "y", "z"], to: "A.t")
                #expect(try await scene.clusters.gaps() == ["truncation A t-0 1-2 continue"])
                try await scene.told("the source lost records", "kind=truncation", "from=1", "to=2")
            }
        )
    }

    @Test func aSourceThatSaysNothingOfItsEpochsStopsThePartition() async throws {
        try await FailureScene.run(
            a: { $0.apiVersions[.fetch] = 4...11 },
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.putEach(["0", "1", "2"], in: "t")
            },
            test: { scene in
                try await scene.mirrored(["0", "1", "2"], to: "A.t")
                try await scene.a.truncate("t", 0, to: 1)
                try await scene.told("the partition is stopped", "kafka.mirror.on.out-of-range = pause", "release")
                #expect(try await scene.clusters.gaps() == ["out-of-range A t-0 1-2 pause"])
                #expect(await scene.service.status().first?.quarantinedCount == 1)
            }
        )
    }

    @Test func aRecreatedSourceTopicIsToldOnce() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.putEach(["0", "1"], in: "t")
            },
            test: { scene in
                try await scene.mirrored(["0", "1"], to: "A.t")
                let old = try await scene.a.topic("t")?.id
                try await scene.a.recreateTopic("t")
                try await scene.a.put(["x"], in: "t")
                try await scene.mirrored(["0", "1", "x"], to: "A.t")
                #expect(try await scene.clusters.gaps() == ["recreated A t-0 2- continue"])
                #expect(try await scene.clusters.ledger().first?.topicID == old)
                #expect(scene.log.matching("deleted and created again").count == 1)
            }
        )
    }

    @Test func aTargetThatLosesRecordsGetsThemAgain() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
            },
            test: { scene in
                // One after the other, or the target has them in one batch and loses all at once.
                for count in 0..<3 {
                    try await scene.a.put(["\(count)"], in: "t")
                    try await scene.mirrored((0...count).map { "\($0)" }, to: "A.t")
                }
                try await scene.b.truncate("A.t", 0, to: 1)
                try await scene.a.put(["3"], in: "t")
                try await scene.mirrored(["0", "1", "2", "3"], to: "A.t")
                #expect(try await scene.clusters.gaps() == ["target-changed B A.t-0 1-2 continue"])
                #expect(try await scene.clusters.ledger().first?.records == 2)
            }
        )
    }

    @Test func somebodyElseWhoWritesToTheMirror() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.put(["0"], in: "t")
            },
            test: { scene in
                try await scene.mirrored(["0"], to: "A.t")
                try await scene.b.putEach(["foreign", "foreign"], in: "A.t")
                try await scene.a.put(["1"], in: "t")
                try await scene.mirrored(["0", "foreign", "foreign", "1"], to: "A.t")
                try await eventually("the ledger has it") {
                    try await scene.clusters.gaps() == ["foreign-writer B A.t-0 1-2 continue"]
                }
                #expect(try await scene.clusters.ledger().first?.records == 2)
                try await scene.told("somebody else writes", "cluster=B", "partition=A.t-0", "records=2")
            }
        )
    }

    @Test func somebodyElseStopsThePartitionIfTheFileSaysSo() async throws {
        try await FailureScene.run(
            lines: { _, _ in "kafka.mirror.on.foreign-writer = continue; t = pause\n" },
            prepare: { clusters in
                for topic in ["t", "u"] as [TopicName] {
                    try await clusters.a.createTopic(topic, partitions: 1)
                    try await clusters.a.put(["0"], in: topic)
                }
            },
            test: { scene in
                for topic in ["A.t", "A.u"] as [TopicName] {
                    try await scene.mirrored(["0"], to: topic)
                    try await scene.b.put(["foreign"], in: topic)
                }
                for topic in ["t", "u"] as [TopicName] { try await scene.a.put(["1"], in: topic) }
                try await scene.told("the partition is stopped", "somebody else writes to A.t-0")
                for topic in ["t", "u"] as [TopicName] { try await scene.a.put(["2"], in: topic) }
                try await scene.mirrored(["0", "foreign", "1", "2"], to: "A.u")
                // What was on its way when it was found has arrived, nothing after it.
                #expect(try await scene.clusters.mirror("A.t") == ["0", "foreign", "1"])
                #expect(await scene.service.status().first?.quarantinedCount == 1)
            }
        )
    }

    @Test func aBatchThatCannotBeReadIsLeftOutIfTheFileSaysSo() async throws {
        try await FailureScene.run(
            lines: { _, _ in "kafka.mirror.on.undecodable = continue\n" },
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.put(["0"], in: "t")
                _ = try await clusters.a.append([try TwoClusters.brokenBatch(at: 1)], to: "t", 0)
                try await clusters.a.put(["2"], in: "t")
            },
            test: { scene in
                // After one more try.
                try await scene.mirrored(["0", "2"], to: "A.t", within: .seconds(60))
                #expect(try await scene.clusters.gaps() == ["undecodable A t-0 1-1 continue"])
                try await scene.told("the source data are damaged", "kind=undecodable", "from=1", "to=1")
            }
        )
    }

    @Test func aBatchThatCannotBeReadStopsItsPartition() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 2)
                try await clusters.a.put(["0"], in: "t")
                _ = try await clusters.a.append([try TwoClusters.brokenBatch(at: 1)], to: "t", 0)
            },
            test: { scene in
                try await scene.told("the partition is stopped", "the source data are damaged")
                try await eventually("the ledger has it") {
                    try await scene.clusters.gaps() == ["undecodable A t-0 1-1 pause"]
                }
                try await scene.mirrored(["0"], to: "A.t")
            }
        )
    }

    @Test func aFlowEndsIfTheFileSaysSo() async throws {
        try await FailureScene.run(
            lines: { _, _ in "kafka.mirror.on.truncation = fail\n" },
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.putEach(["0", "1", "2"], in: "t")
            },
            test: { scene in
                try await scene.mirrored(["0", "1", "2"], to: "A.t")
                try await scene.a.truncate("t", 0, to: 1)
                try await scene.a.putEach(["x", "y", "z"], in: "t")
                try await eventually("the flow has ended") {
                    if case .failed(let reason)? = await scene.service.status().first?.phase {
                        reason.contains("kafka.mirror.on.truncation = fail") && reason.contains("t-0")
                    } else {
                        false
                    }
                }
                #expect(try await scene.clusters.gaps() == ["truncation A t-0 1-2 fail"])
                #expect(try await scene.clusters.mirror("A.t") == ["0", "1", "2"])
            }
        )
    }

    @Test func aPartitionWaitsUntilTheLedgerHasTheGap() async throws {
        try await FailureScene.run(
            prepare: { clusters in
                try await clusters.a.createTopic("t", partitions: 1)
                try await clusters.a.createTopic("other", partitions: 1)
                try await clusters.a.putEach(["0", "1", "2"], in: "t")
            },
            test: { scene in
                try await scene.mirrored(["0", "1", "2"], to: "A.t")
                let topic = Gap.ledgerTopic(sourceAlias: "A")
                try await scene.b.createTopic(topic, partitions: 1)
                try await scene.b.faults.inject(
                    .produce,
                    count: 1_000_000,
                    .error(.clusterAuthorizationFailed),
                    topic: topic
                )
                try await scene.a.truncate("t", 0, to: 1)
                try await scene.a.putEach(["x", "y", "z"], in: "t")
                try await scene.told("gaps cannot be written", "kafka-mirror-gaps.A.internal")
                try await scene.a.put(["1"], in: "other")
                try await scene.mirrored(["1"], to: "A.other")
                #expect(try await scene.clusters.mirror("A.t") == ["0", "1", "2"])
                try await scene.b.faults.clear()
                try await scene.mirrored(["0", "1", "2", "x", "y", "z"], to: "A.t")
                #expect(try await scene.clusters.gaps() == ["truncation A t-0 1-2 continue"])
            }
        )
    }
}
