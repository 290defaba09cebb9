import KafkaClient
import KafkaProtocol
import KafkaRecords
import LocalKafka
import Mirror
import MirrorModel
import NIOCore
import NIOPosix
import Testing

/// Whole flows between embedded clusters.
@Suite struct MirrorServiceTests {
    @Test func recordsArriveAndARestartContinues() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.append(["one", "two"], to: "t", of: clusters.a)
            try await clusters.withService { service in
                try await eventually("two records are mirrored") { try await clusters.mirror("A.t").count == 2 }
                try await clusters.append(["three"], to: "t", of: clusters.a)
                try await eventually("three records are mirrored") { try await clusters.mirror("A.t").count == 3 }
                // The mirror hears of it after the target shows it.
                try await eventually("three records are counted") {
                    try #require(await service.status().first).counters.records == 3
                }
                #expect(await service.status().first?.phase == .running)
            }
            try await clusters.append(["four"], to: "t", of: clusters.a)
            try await clusters.withService { _ in
                try await eventually("the fourth is mirrored") { try await clusters.mirror("A.t").count >= 4 }
                #expect(try await clusters.mirror("A.t") == ["one", "two", "three", "four"])
            }
            let source = try await clusters.a.records("t", 0)
            let copies = try await clusters.b.records("A.t", 0)
            #expect(source.map(\.key) == copies.map(\.key))
            #expect(source.map(\.timestamp) == copies.map(\.timestamp))
        }
    }

    @Test("what is written between a start at the end and the next start is mirrored", arguments: [0, 3])
    func latestKeepsItsPlace(before: Int) async throws {
        let latest = "A.consumer.auto.offset.reset = latest"
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            if before > 0 { try await clusters.append((0..<before).map { "old \($0)" }, to: "t", of: clusters.a) }
            try await clusters.withService(latest) { service in
                try await eventually("the partition is begun") {
                    await service.status().first?.partitions.first?.position != nil
                }
            }
            try await clusters.append(["new 1", "new 2"], to: "t", of: clusters.a)
            try await clusters.withService(latest) { _ in
                try await eventually("the new ones are mirrored") { try await clusters.mirror("A.t").count >= 2 }
            }
            #expect(try await clusters.mirror("A.t") == ["new 1", "new 2"])
        }
    }

    @Test func flowsBothWaysDoNotLoop() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.b.createTopic("t", partitions: 1)
            try await clusters.append(["from a"], to: "t", of: clusters.a)
            try await clusters.append(["from b"], to: "t", of: clusters.b)
            try await clusters.withService("B->A.enabled = true") { service in
                #expect(service.flows.count == 2)
                try await eventually("both ways are mirrored") {
                    let there = try await clusters.mirror("A.t")
                    let back = try await clusters.a.topic("B.t") == nil ? [] : clusters.a.records("B.t", 0)
                    return there == ["from a"] && back.count == 1
                }
            }
            #expect(
                try await Set(clusters.a.topicNames()) == [
                    "t", "B.t", "mm2-offsets.B.internal", "mm2-offset-syncs.B.internal",
                ]
            )
            #expect(
                try await Set(clusters.b.topicNames()) == [
                    "t", "A.t", "mm2-offsets.A.internal", "mm2-offset-syncs.A.internal",
                ]
            )
        }
    }

    @Test func progressThatWasNotWrittenIsFoundInTheTarget() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.append(["1", "2", "3"], to: "t", of: clusters.a)
            try await clusters.withService { _ in
                try await eventually("three records are mirrored") { try await clusters.mirror("A.t").count == 3 }
            }
            // As after a crash: the target has two records that progress does not tell of.
            try await clusters.append(["4", "5", "6"], to: "t", of: clusters.a)
            let batches = try await clusters.a.batches("t", 0, from: 3)
            let copy = try #require(batches.first?.buffer)
            try await clusters.b.append([copy], to: "A.t", 0)
            try await clusters.append(["7"], to: "t", of: clusters.a)
            try await clusters.withService { _ in
                try await eventually("everything is mirrored") { try await clusters.mirror("A.t").last == "7" }
            }
            #expect(try await clusters.mirror("A.t") == ["1", "2", "3", "4", "5", "6", "7"])
        }
    }

    @Test func aDeletedMirrorIsMadeAgainFromTheBeginning() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.append(["1", "2", "3"], to: "t", of: clusters.a)
            try await clusters.withService { _ in
                try await eventually("three records are mirrored") { try await clusters.mirror("A.t").count == 3 }
                try await clusters.b.deleteTopic("A.t")
                try await clusters.append(["4"], to: "t", of: clusters.a)
                try await eventually("everything is there again") { try await clusters.mirror("A.t").last == "4" }
                #expect(try await clusters.mirror("A.t") == ["1", "2", "3", "4"])
            }
        }
    }

    @Test func aRecreatedSourceTopicIsMirroredFromItsBeginning() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.append(["old 1", "old 2"], to: "t", of: clusters.a)
            try await clusters.withService { _ in
                try await eventually("the old topic is mirrored") { try await clusters.mirror("A.t").count == 2 }
                try await clusters.a.recreateTopic("t")
                try await clusters.append(["new 1", "new 2", "new 3"], to: "t", of: clusters.a)
                try await eventually("the new topic is mirrored") { try await clusters.mirror("A.t").last == "new 3" }
                #expect(try await clusters.mirror("A.t") == ["old 1", "old 2", "new 1", "new 2", "new 3"])
            }
        }
    }

    @Test func flowsWithAClusterThatIsDownDoNotHoldUpOthers() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.append(["1"], to: "t", of: clusters.a)
            // Nothing listens on port 1.
            let lines = """
                clusters = A, B, C
                C.bootstrap.servers = 127.0.0.1:1
                C->B.enabled = true
                A->C.enabled = true
                """
            try await clusters.withService(lines) { service in
                #expect(service.flows.count == 3)
                try await eventually("the others are mirrored") { try await clusters.mirror("A.t") == ["1"] }
                try await eventually("the two flows with C wait") {
                    await service.status().count {
                        if case .waiting(let reason) = $0.phase { reason.contains("cluster C") } else { false }
                    } == 2
                }
            }
        }
    }
}

extension TwoClusters {
    /// The values in partition 0 of a topic of B.
    func mirror(_ topic: TopicName) async throws -> [String] {
        guard try await b.topic(topic) != nil else { return [] }
        return try await b.records(topic, 0).map { $0.value.map { String(buffer: $0) } ?? "" }
    }
}
