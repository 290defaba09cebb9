import KafkaClient
import KafkaProtocol
import KafkaRecords
import LocalKafka
import Mirror
import MirrorModel
import NIOPosix
import Testing

/// What Kafka holds of a flow tells where groups go on, both ways, while the mirror runs and after it has stopped.
@Suite struct OffsetInquiryTests {
    private static let t = TopicPartition(topic: "t", partition: 0)
    private static let mirror = TopicPartition(topic: "A.t", partition: 0)

    @Test func everyOffsetBothWaysWhetherTheMirrorRunsOrNot() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", configs: ["cleanup.policy": "compact"])
            for round in 0..<6 {
                try await clusters.append((0..<10).map { "\(round)-\($0)" }, to: "t", of: clusters.a)
                if round % 2 == 1 { try await clusters.a.compact("t", 0) }
            }
            let offsets = try await clusters.a.records("t", 0).map(\.offset)
            let end = try await clusters.a.partition("t", 0).endOffset
            #expect(offsets.count < 60)
            var committed: [GroupID: [TopicPartition: Int64]] = [:]
            for offset in 0...end { committed["g\(offset)"] = [Self.t: offset] }
            try await clusters.commit(committed, at: clusters.a)
            var back: [GroupID: [TopicPartition: Int64]] = [:]
            for index in 0...offsets.count { back["b\(index)"] = [Self.mirror: Int64(index)] }

            func check(_ sourceLocation: SourceLocation = #_sourceLocation) async throws {
                let there = try await clusters.answer(from: "A", to: "B")
                #expect(there.groups.count == committed.count, sourceLocation: sourceLocation)
                for group in there.groups {
                    let line = try #require(group.lines.first, sourceLocation: sourceLocation)
                    let expected = Int64(offsets.count { $0 < line.offset })
                    #expect(line.target == Self.mirror && line.position == expected, sourceLocation: sourceLocation)
                    let isBefore = line.offset < offsets.first ?? 0
                    #expect(line.precision == .exact || (isBefore && line.precision == .earliest), "\(line)")
                }
                let home = try await clusters.answer(from: "B", to: "A")
                let lines = home.groups.filter { $0.id.string.hasPrefix("b") }.flatMap(\.lines)
                #expect(lines.count == back.count, sourceLocation: sourceLocation)
                for line in lines {
                    #expect(line.target == Self.t && line.precision == .exact, sourceLocation: sourceLocation)
                    let position = try #require(line.position, sourceLocation: sourceLocation)
                    // The records that are still to be read there are the ones that are still to be read here.
                    #expect(offsets.count { $0 < position } == Int(line.offset), sourceLocation: sourceLocation)
                }
            }
            try await clusters.withService { service in
                try await eventually("everything is mirrored") {
                    let status = try #require(await service.status().first)
                    return status.isCaughtUp && status.partitions.count == 1
                }
                try await clusters.commit(back, at: clusters.b)
                try await check()
            }
            try await check()
        }
    }

    @Test func oneGroupAndWhatIsKnownOfItThere() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 2)
            try await clusters.a.createTopic("other", partitions: 1)
            try await clusters.append((0..<10).map { "\($0)" }, to: "t", of: clusters.a)
            let here: [TopicPartition: Int64] = [
                Self.t: 7, TopicPartition(topic: "t", partition: 1): 0, TopicPartition(topic: "other", partition: 0): 0,
            ]
            try await clusters.commit(["g": here, "h": [Self.t: 1]], at: clusters.a, metadata: "note")
            let lines = "A->B.topics = t"
            try await clusters.withService(lines) { service in
                try await eventually("everything is mirrored") {
                    let status = try #require(await service.status().first)
                    return status.isCaughtUp && status.partitions.count == 2
                }
            }
            try await clusters.commit(["g": [Self.mirror: 3]], at: clusters.b)
            let answer = try await clusters.answer(from: "A", to: "B", groups: ["g"], lines)
            let group = try #require(answer.groups.first)
            #expect(answer.groups.count == 1 && group.id == "g" && group.stateAtTarget == .empty)
            #expect(group.lines.map(\.source.topic) == ["other", "t", "t"])
            #expect(group.lines.map(\.position) == [nil, 7, 0], "\(group.lines)")
            #expect(group.lines.map(\.precision) == [.none, .exact, .exact])
            #expect(group.lines.map(\.committed) == [nil, 3, nil])
            #expect(group.lines.first?.remark == "topic not mirrored")
            #expect(group.lines.allSatisfy { $0.metadata == "note" })

            // What the target has deleted meanwhile is not there to be read.
            try await clusters.b.deleteRecords("A.t", 0, before: 9)
            let later = try await clusters.answer(from: "A", to: "B", groups: ["g"], lines)
            #expect(later.groups.first?.lines.map(\.position) == [nil, 9, 0])
            // A topic that was made anew has nothing of what was mirrored; it comes again from the beginning.
            try await clusters.b.recreateTopic("A.t")
            let anew = try await clusters.answer(from: "A", to: "B", groups: ["g"], lines)
            #expect(anew.groups.first?.lines.map(\.position) == [nil, 0, 0])
            #expect(anew.groups.first?.lines[1].remark == "nothing is there yet")
        }
    }

    @Test func questionsWithoutAnAnswerSayWhy() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            func problem(_ from: String, _ to: String, groups: [GroupID]? = nil) async -> String {
                do {
                    _ = try await clusters.answer(from: from, to: to, groups: groups)
                    return ""
                } catch { return "\(error)" }
            }
            #expect(await problem("X", "B").contains("names no cluster X; name one of A, B"))
            #expect(await problem("A", "A").contains("two different clusters"))
            #expect(await problem("A", "B", groups: ["nobody"]).contains("group nobody has no committed offsets"))
            try await clusters.commit(["g": [Self.t: 0]], at: clusters.a)
            #expect(await problem("A", "B").contains("nothing has been mirrored yet"))
            #expect(try await clusters.b.topicNames() == [], "a question changes nothing")
        }
    }
}

extension TwoClusters {
    func answer(
        from: String,
        to: String,
        groups: [GroupID]? = nil,
        _ lines: String = ""
    ) async throws -> OffsetAnswer {
        try await OffsetInquiry(try configuration(lines), from: from, to: to).answer(
            groups: groups,
            patience: .seconds(3),
            eventLoopGroup: group,
            logger: logger,
            deadline: .after(.seconds(20))
        )
    }
}
