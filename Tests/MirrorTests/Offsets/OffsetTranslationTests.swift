import Foundation
import KafkaProtocol
import KafkaRecords
import LocalKafka
import MirrorModel
import NIOCore
import TestSupport
import Testing

@testable import Mirror

/// Offsets of whole flows: translated while they run, after a restart, and after a crash.
@Suite struct OffsetTranslationTests {
    /// Every source offset translates to the place of the next record that is mirrored, and back.
    private func expectExact(
        _ offsets: FlowOffsets,
        _ topic: TopicName,
        visible: [Int64],
        end: Int64,
        _ when: String,
        from first: Int64 = 0
    ) -> Int {
        let partition = TopicPartition(topic: topic, partition: 0)
        let mirror = TopicPartition(topic: "A.\(topic)", partition: 0)
        guard !visible.isEmpty else {
            #expect(offsets.translate(source: partition, offset: first) == .unknown(.nothingMirrored))
            return 1
        }
        var next = 0
        var cases = 0
        for source in first...end {
            while next < visible.count, visible[next] < source { next += 1 }
            let answer = offsets.translate(source: partition, offset: source)
            let isBegin = answer == .beforeHistory(earliest: Int64(next)) && next == 0
            #expect(answer == .exact(Int64(next)) || isBegin, "\(when): \(topic) \(source)")
            cases += 1
        }
        for (target, source) in visible.enumerated() where source >= first {
            #expect(offsets.translateBack(target: mirror, offset: Int64(target)) == .exact(source), "\(when): \(topic)")
        }
        return cases
    }

    @Test("transactions, aborted ones and compaction of a real broker: exact, also after restart and crash")
    func recordings() async throws {
        let recordings = try SlowPathTests.Recording.all()
        try await TwoClusters.run { clusters in
            /// Topics that end with an open transaction are mirrored up to its first record.
            var ends: [TopicName: Int64] = [:]
            var open: Set<TopicName> = []
            for recording in recordings {
                try await clusters.a.createTopic(recording.topic)
                for segment in recording.segments { try await clusters.a.restore(segment, to: recording.topic, 0) }
                let partition = try await clusters.a.partition(recording.topic, 0)
                ends[recording.topic] = partition.lastStableOffset
                if partition.lastStableOffset < partition.endOffset { open.insert(recording.topic) }
            }
            var cases = 0
            func check(_ service: MirrorService, _ when: String, more: Int = 0) async throws {
                try await eventually("all topics are mirrored", within: .seconds(60)) {
                    let status = try #require(await service.status().first)
                    return status.partitions.count == recordings.count && status.isCaughtUp
                }
                let offsets = try #require(service.flows.first).offsets
                for recording in recordings {
                    let end = ends[recording.topic] ?? 0
                    let more = open.contains(recording.topic) ? 0 : more
                    let visible = recording.records.map(\.offset).filter(recording.committed.contains)
                    cases += expectExact(
                        offsets,
                        recording.topic,
                        visible: visible + (end..<end + Int64(more)),
                        end: end + Int64(more),
                        when
                    )
                }
                #expect(offsets.totals().lostRuns == 0)
            }
            try await clusters.withService { try await check($0, "first run") }
            try await clusters.withService { try await check($0, "after a restart") }
            // As after a crash: copies are at the target that progress does not tell of.
            for recording in recordings where !open.contains(recording.topic) {
                let batch = try ShardHarness.batch(0..<5)
                try await clusters.a.append([batch], to: recording.topic, 0)
                try await clusters.b.append([batch], to: "A.\(recording.topic)", 0)
            }
            try await clusters.withService { try await check($0, "after a crash", more: 5) }
            print("offsets of \(recordings.count) topics of a real broker: \(cases) translations")
            #expect(cases > 1_000)
        }
    }

    @Test("a history too long for a progress record survives stop and crash")
    func longHistory() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t")
            var visible: [Int64] = []
            var end: Int64 = 0
            /// Batches of one to four records with holes of one to three offsets between them.
            func grow(_ batches: Int) async throws {
                var segment = ByteBuffer()
                for index in 0..<batches {
                    var builder = RecordBatchBuilder(baseOffset: end)
                    for _ in 0...index % 4 {
                        visible.append(end)
                        builder.append(timestamp: 1_700_000_000_000 + end, key: nil, value: ByteBuffer(integer: end))
                        end += 1
                    }
                    var batch = try builder.build()
                    segment.writeBuffer(&batch)
                    if index < batches - 1 { end += Int64(1 + index % 3) }
                }
                try await clusters.a.restore(segment, to: "t", 0)
            }
            func check(_ service: MirrorService, _ when: String) async throws {
                let offsets = try #require(service.flows.first).offsets
                let partition = TopicPartition(topic: "t", partition: 0)
                try await eventually("it is mirrored, with its history: \(when)", within: .seconds(60)) {
                    let status = try #require(await service.status().first)
                    return status.isCaughtUp && status.partitions.count == 1
                        && offsets.translate(source: partition, offset: 1) == .exact(1)
                }
                _ = expectExact(offsets, "t", visible: visible, end: end, when)
                #expect(offsets.totals().lostRuns == 0)
            }
            try await grow(1_500)
            try await clusters.withService { try await check($0, "first run") }
            #expect(try await clusters.b.topicNames().contains("kafka-mirror-offsets.A.internal"))
            try await grow(20)
            try await clusters.withService { try await check($0, "after a restart") }
            try await grow(700)
            try await clusters.withService { try await check($0, "after another restart") }
            // As after a crash before anything of it was written.
            let last = visible.count
            try await grow(40)
            let copies = try await clusters.a.records("t", 0).suffix(visible.count - last)
            for record in copies {
                var builder = RecordBatchBuilder()
                builder.append(timestamp: record.timestamp, key: nil, value: record.value)
                try await clusters.b.append([try builder.build()], to: "A.t", 0)
            }
            try await clusters.withService { try await check($0, "after a crash") }
            #expect(try await clusters.mirror("A.t").count == visible.count)
        }
    }

    @Test("groups are not sent to where the target has deleted the records")
    func retention() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t")
            try await clusters.a.append([try ShardHarness.batch(0..<100)], to: "t", 0)
            let partition = TopicPartition(topic: "t", partition: 0)
            try await clusters.withService { service in
                try await eventually("it is mirrored") { try #require(await service.status().first).isCaughtUp }
                let offsets = try #require(service.flows.first).offsets
                try await eventually("all has a place") {
                    offsets.translate(source: partition, offset: 100) == .exact(100)
                }
                try await clusters.b.deleteRecords("A.t", 0, before: 40)
                try await eventually("what is deleted is forgotten") {
                    offsets.translate(source: partition, offset: 10) == .beforeHistory(earliest: 40)
                }
                #expect(offsets.translate(source: partition, offset: 70) == .exact(70))
                let status = try #require(await service.status().first)
                #expect(status.offsets.runs == 1 && status.offsets.partitions == 1 && status.offsets.lostRuns == 0)
                #expect(status.offsetSyncsWritten > 0)
            }
        }
    }

    @Test("a target that loses its tail is mirrored again from the right place, and the map follows")
    func truncatedTarget() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t")
            var segment = ByteBuffer()
            var visible: [Int64] = []
            for index in 0..<30 {
                let base = Int64(index * 5)
                var builder = RecordBatchBuilder(baseOffset: base)
                for offset in base..<base + 3 {
                    visible.append(offset)
                    builder.append(timestamp: 1_700_000_000_000 + offset, key: nil, value: ByteBuffer(integer: offset))
                }
                var batch = try builder.build()
                segment.writeBuffer(&batch)
            }
            try await clusters.a.restore(segment, to: "t", 0)
            try await clusters.withService { service in
                try await eventually("it is mirrored") { try await clusters.mirror("A.t").count == 90 }
            }
            try await clusters.b.truncate("A.t", 0, to: 50)
            try await clusters.withService { service in
                try await eventually("it is mirrored again") { try await clusters.mirror("A.t").count == 90 }
                let offsets = try #require(service.flows.first).offsets
                try await eventually("all is acknowledged") { try #require(await service.status().first).isCaughtUp }
                _ = expectExact(offsets, "t", visible: visible, end: 148, "after truncation")
            }
        }
    }
}
