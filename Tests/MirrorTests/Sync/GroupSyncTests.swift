import KafkaClient
import KafkaProtocol
import KafkaRecords
import LocalKafka
import Mirror
import MirrorModel
import NIOCore
import Testing

import struct KafkaClient.CommittedOffset

/// Offsets of groups, from cluster A to cluster B.
@Suite struct GroupSyncTests {
    private static let on = """
        emit.checkpoints.enabled = true
        emit.checkpoints.interval.seconds = 1
        """
    private static let syncing = on + "\nsync.group.offsets.enabled = true\nsync.group.offsets.interval.seconds = 1"
    private static let t = TopicPartition(topic: "t", partition: 0)
    private static let mirror = TopicPartition(topic: "A.t", partition: 0)

    /// Topics that a real broker has written, with transactions, aborted records, holes of compaction and several
    /// segments: for every offset that a group can have committed, the checkpoint is the next record.
    @Test("every offset of recorded topics is translated exactly", arguments: ["disabled", "enabled"])
    func everyOffset(exactlyOnce: String) async throws {
        let recordings = try SlowPathTests.Recording.all()
        try await TwoClusters.run { clusters in
            var offsets: [GroupID: [TopicPartition: Int64]] = [:]
            var ends: [TopicName: Int64] = [:]
            for recording in recordings {
                try await clusters.a.createTopic(recording.topic)
                for segment in recording.segments { try await clusters.a.restore(segment, to: recording.topic, 0) }
                let end = try await clusters.a.partition(recording.topic, 0).lastStableOffset
                ends[recording.topic] = end
                for offset in 0...end {
                    offsets["g\(offset)", default: [:]][TopicPartition(topic: recording.topic, partition: 0)] = offset
                }
            }
            try await clusters.commit(offsets, at: clusters.a)
            let lines = Self.on + "\nB.exactly.once.source.support = \(exactlyOnce)"
            try await clusters.withService(lines) { service in
                try await eventually("everything is translated", within: .seconds(60)) {
                    let status = try #require(await service.status().first)
                    return status.isCaughtUp && status.groups.groups.count == offsets.count
                        && status.groups.groups.values.allSatisfy { group in
                            group.partitions.allSatisfy { $0.outcome.position != nil }
                        }
                }
            }
            let checkpoints = try await clusters.checkpoints()
            var compared = 0
            for recording in recordings {
                let source = TopicPartition(topic: recording.topic, partition: 0)
                let target = TopicPartition(topic: "A.\(recording.topic)", partition: 0)
                let visible = recording.records.map(\.offset).filter { recording.committed.contains($0) }.sorted()
                // With transactions there are markers between the records at the target too.
                let places = try await clusters.b.records("A.\(recording.topic)", 0).map(\.offset)
                #expect(places.count == visible.count)
                var index = 0
                for offset in 0...(ends[recording.topic] ?? 0) {
                    while index < visible.count, visible[index] < offset { index += 1 }
                    let checkpoint = try #require(checkpoints["g\(offset)"]?[target])
                    #expect(checkpoint.upstreamOffset == offset)
                    let position = checkpoint.downstreamOffset
                    #expect(places.count { $0 < position } == index, "\(source) at \(offset) -> \(position)")
                    compared += 1
                }
            }
            print("offsets of recorded topics translated, transactions \(exactlyOnce): \(compared)")
            #expect(compared > 800)
        }
    }

    @Test func aGroupThatMovesReadsEveryRecordOnce() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", configs: ["cleanup.policy": "compact"])
            for round in 0..<10 {
                try await clusters.append((0..<20).map { "\(round)-\($0)" }, to: "t", of: clusters.a)
                if round % 3 == 2 { try await clusters.a.compact("t", 0) }
            }
            let all = try await clusters.a.records("t", 0)
            #expect(all.count < 200)
            let half = all.count / 2
            try await clusters.a.createTopic("empty", partitions: 1)
            let empty = TopicPartition(topic: "empty", partition: 0)
            try await clusters.commit(["g": [Self.t: all[half].offset, empty: 0]], at: clusters.a, metadata: "mine")
            try await clusters.withService(Self.syncing) { service in
                try await eventually("the group has its offset") {
                    try await clusters.offset(of: "g", Self.mirror, at: clusters.b) != nil
                }
                let offset = try #require(try await clusters.offset(of: "g", Self.mirror, at: clusters.b))
                #expect(offset.metadata == "mine")
                let read = try await clusters.b.records("A.t", 0).filter { $0.offset >= offset.offset }
                #expect(read.map(\.value) == all[half...].map(\.value))
                // It reads on at A, and follows at B.
                try await clusters.commit(["g": [Self.t: all[half + 3].offset]], at: clusters.a)
                try await eventually("the group follows") {
                    try await clusters.offset(of: "g", Self.mirror, at: clusters.b)?.offset == offset.offset + 3
                }
                let status = try #require(await service.status().first)
                let group = try #require(status.groups.groups["g"])
                #expect(group.summary == "exact: 1, nothing mirrored yet: 1")
                // A partition without records gets an offset, and no checkpoint, as with MirrorMaker 2.
                let mirrored = TopicPartition(topic: "A.empty", partition: 0)
                try await eventually("the group stands in the empty partition") {
                    try await clusters.offset(of: "g", mirrored, at: clusters.b)?.offset == 0
                }
                #expect(try await clusters.checkpoints()["g"]?[mirrored] == nil)
            }
        }
    }

    @Test func groupsThatAreInUseOrAheadAreLeftAlone() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.append((0..<20).map { "\($0)" }, to: "t", of: clusters.a)
            try await clusters.commit(
                [
                    "busy": [Self.t: 10], "ahead": [Self.t: 10], "behind": [Self.t: 10],
                    "console-consumer-1": [Self.t: 1],
                ],
                at: clusters.a
            )
            try await clusters.b.createTopic("A.t", partitions: 1)
            try await clusters.commit(["ahead": [Self.mirror: 15], "behind": [Self.mirror: 5]], at: clusters.b)
            try await clusters.withMember(of: "busy", reading: "A.t", at: clusters.b) {
                try await clusters.withService(Self.syncing) { service in
                    try await eventually("everything has been looked at") {
                        let groups = try #require(await service.status().first).groups.groups
                        return ["busy", "ahead", "behind"].allSatisfy { groups[$0]?.partitions.first?.atTarget != nil }
                    }
                    let groups = try #require(await service.status().first).groups.groups
                    #expect(groups["busy"]?.partitions.first?.atTarget == .groupActive)
                    #expect(groups["ahead"]?.partitions.first?.atTarget == .upToDate(15))
                    #expect(groups["console-consumer-1"]?.skipped == .notSelected)
                    try await eventually("the one behind is moved") {
                        try await clusters.offset(of: "behind", Self.mirror, at: clusters.b)?.offset == 10
                    }
                    #expect(try await clusters.offset(of: "ahead", Self.mirror, at: clusters.b)?.offset == 15)
                    #expect(try await clusters.offset(of: "busy", Self.mirror, at: clusters.b) == nil)
                    // Nobody tried: the coordinator would have refused.
                    #expect(try await clusters.checkpoints()["busy"]?[Self.mirror]?.downstreamOffset == 10)
                    // The target's group went on and its member left: it is not taken back.
                    try await clusters.commit(["behind": [Self.mirror: 18]], at: clusters.b)
                    try await clusters.commit(["behind": [Self.t: 12]], at: clusters.a)
                    try await eventually("the group is ahead") {
                        let groups = try #require(await service.status().first).groups.groups
                        return groups["behind"]?.partitions.first?.atTarget == .upToDate(18)
                    }
                    #expect(try await clusters.offset(of: "behind", Self.mirror, at: clusters.b)?.offset == 18)
                }
            }
        }
    }

    @Test func aRestartTakesNoGroupBack() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.append((0..<20).map { "\($0)" }, to: "t", of: clusters.a)
            try await clusters.commit(["g": [Self.t: 10]], at: clusters.a)
            try await clusters.withService(Self.on) { _ in
                try await eventually("a checkpoint is there") {
                    try await clusters.checkpoints()["g"]?[Self.mirror]?.downstreamOffset == 10
                }
            }
            // As it stays behind when the target has been filled anew: past records that the group has not read.
            try await clusters.write(
                Checkpoint(group: "g", partition: Self.mirror, upstreamOffset: 10, downstreamOffset: 12, metadata: "")
            )
            try await clusters.append(["more"], to: "t", of: clusters.a)
            try await clusters.commit(["other": [Self.t: 3]], at: clusters.a)
            try await clusters.withService(Self.on) { _ in
                try await eventually("the other group's checkpoint is there") {
                    try await clusters.checkpoints()["other"] != nil
                }
                // Exact, although it is about records of the first run.
                #expect(try await clusters.checkpoints()["other"]?[Self.mirror]?.downstreamOffset == 3)
                #expect(try await clusters.checkpoints()["g"]?[Self.mirror]?.downstreamOffset == 10)
                // The group itself goes back, and takes its checkpoint along.
                try await clusters.commit(["g": [Self.t: 4]], at: clusters.a)
                try await eventually("the checkpoint goes back") {
                    try await clusters.checkpoints()["g"]?[Self.mirror]?.downstreamOffset == 4
                }
            }
            let topic = try #require(try await clusters.b.topic("A.checkpoints.internal"))
            #expect(topic.partitions.count == 1 && topic.configs["cleanup.policy"] == "compact")
        }
    }

    @Test func oldBrokersAreAskedGroupByGroup() async throws {
        let old: [ApiKey: ClosedRange<Int16>?] = [
            .offsetFetch: 0...5, .describeGroups: 0...1, .consumerGroupDescribe: nil,
        ]
        try await TwoClusters.run(targetVersions: old) { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.append((0..<20).map { "\($0)" }, to: "t", of: clusters.a)
            var committed: [GroupID: [TopicPartition: Int64]] = [:]
            for index in 0..<20 { committed["g\(index)"] = [Self.t: Int64(index)] }
            try await clusters.commit(committed, at: clusters.a)
            try await clusters.b.createTopic("A.t", partitions: 1)
            try await clusters.commit(["g3": [Self.mirror: 19]], at: clusters.b)
            try await clusters.withService(Self.syncing) { service in
                try await eventually("all groups have been looked at") {
                    let groups = try #require(await service.status().first).groups.groups
                    return groups.count == 20 && groups.values.allSatisfy { $0.partitions.first?.atTarget != nil }
                }
                let groups = try #require(await service.status().first).groups.groups
                #expect(groups["g3"]?.partitions.first?.atTarget == .upToDate(19))
                for index in 0..<20 where index != 3 {
                    // Seen at the target and written there are two looks.
                    try await eventually("the offset of g\(index)") {
                        try await clusters.offset(of: "g\(index)", Self.mirror, at: clusters.b)?.offset == Int64(index)
                    }
                }
            }
        }
    }

    @Test func whatWasReadAfterAFailoverCountsWhereItCameFrom() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.append((0..<20).map { "\($0)" }, to: "t", of: clusters.a)
            try await clusters.commit(["g": [Self.t: 5]], at: clusters.a)
            let lines =
                Self.syncing + "\nB->A.enabled = true\nB->A.kafka.mirror.reverse.checkpoints.enabled = true"
            try await clusters.withService(lines) { _ in
                try await eventually("the group can go on at B") {
                    try await clusters.offset(of: "g", Self.mirror, at: clusters.b)?.offset == 5
                }
                try await clusters.commit(["g": [Self.mirror: 14]], at: clusters.b)
                try await eventually("what it has read there counts at A") {
                    try await clusters.offset(of: "g", Self.t, at: clusters.a)?.offset == 14
                }
            }
        }
    }

    @Test func checkpointsThatCannotBeWrittenHoldUpNothing() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.commit(["g": [Self.t: 0]], at: clusters.a)
            try await clusters.a.faults.inject(.listGroups, count: 3, .error(.unknownServerError))
            try await clusters.withService(Self.on) { service in
                try await clusters.append(["1"], to: "t", of: clusters.a)
                try await eventually("records are mirrored") { try await clusters.mirror("A.t") == ["1"] }
                try await eventually("the trouble shows") {
                    try #require(await service.status().first).impediments.contains { $0.contains("groups") }
                }
                try await eventually("it passes", within: .seconds(60)) {
                    try await clusters.checkpoints()["g"]?[Self.mirror] != nil
                }
                #expect(try #require(await service.status().first).impediments.isEmpty)
                // The topic of the checkpoints is lost, and made again with everything in it.
                try await clusters.b.deleteTopic("A.checkpoints.internal")
                try await clusters.commit(["g": [Self.t: 1]], at: clusters.a)
                try await eventually("checkpoints are there again", within: .seconds(40)) {
                    try await clusters.checkpoints()["g"]?[Self.mirror]?.downstreamOffset == 1
                }
            }
        }
    }
}

extension TwoClusters {
    /// Commits offsets from outside, as simple consumers and tools do.
    func commit(
        _ offsets: [GroupID: [TopicPartition: Int64]],
        at cluster: LocalCluster,
        metadata: KafkaString = ""
    ) async throws {
        try await withClient(of: cluster) { client in
            for (group, offsets) in offsets {
                let results = try await client.commitGroupOffsets(
                    offsets.mapValues { CommittedOffset(offset: $0, metadata: metadata) },
                    of: group
                )
                for result in results.values { try result.get() }
            }
        }
    }

    func offset(
        of group: GroupID,
        _ partition: TopicPartition,
        at cluster: LocalCluster
    ) async throws -> CommittedOffset? {
        try await withClient(of: cluster) { try await $0.groupOffsets(of: group)[partition]?.get() }
    }

    /// Runs `body` while a group has a member.
    func withMember(
        of group: GroupID,
        reading topic: TopicName,
        at cluster: LocalCluster,
        _ body: () async throws -> Void
    ) async throws {
        try await withClient(of: cluster) { client in
            let member = GroupMember(
                client: client,
                configuration: GroupMemberConfiguration(group: group, heartbeatInterval: .milliseconds(50)),
                protocol: ConsumerMembership(
                    client: client,
                    topics: [topic],
                    callbacks: .init(onAssigned: { _ in }, onRevoked: { _, _ in })
                )
            )
            let task = Task { try await member.run() }
            defer { task.cancel() }
            try await eventually("the member is in") { member.identity != nil }
            try await body()
        }
    }

    /// The checkpoints at B, read with the codec that the golden records test.
    func checkpoints() async throws -> [GroupID: [TopicPartition: Checkpoint]] {
        guard try await b.topic("A.checkpoints.internal") != nil else { return [:] }
        var last: [GroupID: [TopicPartition: Checkpoint]] = [:]
        for record in try await b.records("A.checkpoints.internal", 0) {
            let checkpoint = try Checkpoint(
                key: record.key?.readableBytesView ?? ByteBufferView(),
                value: record.value?.readableBytesView ?? ByteBufferView()
            )
            last[checkpoint.group, default: [:]][checkpoint.partition] = checkpoint
        }
        return last
    }

    func write(_ checkpoint: Checkpoint) async throws {
        let record = AppendedRecord(
            partition: 0,
            key: ByteBuffer(bytes: try checkpoint.key()),
            value: ByteBuffer(bytes: try checkpoint.value()),
            timestamp: 0
        )
        try await withClient(of: b) { client in
            _ = try await RecordAppender(client: client, topic: "A.checkpoints.internal").append([record])
        }
    }
}
