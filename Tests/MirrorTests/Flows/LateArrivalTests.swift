import KafkaClient
import KafkaProtocol
import KafkaRecords
import LocalKafka
import MirrorModel
import NIOCore
import Testing

@testable import Mirror

/// Batches of an earlier process that reach the target when its successor already runs.
@Suite struct LateArrivalTests {
    @Test("what an earlier process had on its way is written once, whichever comes first", arguments: [true, false])
    func lateBatch(arrivesFirst: Bool) async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t")
            try await clusters.a.append([try ShardHarness.batch(0..<10)], to: "t", 0)
            try await clusters.withService { _ in
                try await eventually("it is mirrored") { try await clusters.end() == 10 }
            }
            let producer = try #require(try await clusters.progress()?.producer)
            #expect(producer.nextSequence == 10)
            // The successor has one batch to send, of which the earlier process had sent the first three records.
            try await clusters.a.append([try ShardHarness.batch(10..<30)], to: "t", 0)
            if arrivesFirst {
                // Appended, but not yet replicated: nobody who asks for the end sees it.
                try await clusters.b.holdHighWatermark("A.t", 0, at: 10)
                #expect(try await clusters.writeLate(producer) == .none)
            }
            try await clusters.withService { service in
                if arrivesFirst {
                    try await eventually("the successor notices") {
                        try await clusters.b.requestCount(.produce) >= 3
                    }
                    try await clusters.b.holdHighWatermark("A.t", 0, at: nil)
                } else {
                    try await eventually("the successor has written") { try await clusters.end() == 30 }
                    #expect(try await clusters.writeLate(producer) == .outOfOrderSequenceNumber)
                }
                try await eventually("all is mirrored", within: .seconds(60)) {
                    let isCaughtUp = await service.status().first?.isCaughtUp ?? false
                    return try await clusters.end() >= 30 && isCaughtUp
                }
            }
            let times = try await clusters.b.records("A.t", 0).map { $0.timestamp - 1_700_000_000_000 }
            #expect(times == Array(0..<30))
            #expect(try await clusters.progress()?.producer?.id == producer.id)
        }
    }

    @Test("a batch that is refused, split or not, does not bring another producer")
    func refusedAndGoingOn() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t")
            try await clusters.b.createTopic("A.t", configs: ["max.message.bytes": "1000"])
            try await clusters.withService { _ in
                try await eventually("it begins") { try await clusters.progress()?.producer != nil }
                let producer = try #require(try await clusters.progress()?.producer)
                try await clusters.a.append([try ShardHarness.batch(0..<10)], to: "t", 0)
                // Refused as it is, and split.
                try await clusters.a.append([try ShardHarness.batch(10..<110)], to: "t", 0)
                try await eventually("it is mirrored") { try await clusters.end() == 110 }
                try await eventually("progress says so") { try await clusters.progress()?.offset == 109 }
                let after = try #require(try await clusters.progress()?.producer)
                #expect(after.id == producer.id && after.nextSequence == producer.nextSequence + 110)
            }
        }
    }

    @Test("what is written and not to be seen yet is not written again after a refusal")
    func hiddenAndRefused() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t")
            let lines = "B.producer.request.timeout.ms = 700\nB.request.timeout.ms = 700"
            try await clusters.withService(lines) { service in
                try await clusters.a.append([try ShardHarness.batch(0..<10)], to: "t", 0)
                try await eventually("the first is mirrored") { try await clusters.end() == 10 }
                // The next one is appended and not replicated, its answer is lost, and the repetition is refused.
                try await clusters.b.holdHighWatermark("A.t", 0, at: 10)
                try await clusters.b.faults.inject(.produce, .closeAfter, topic: "A.t")
                try await clusters.b.faults.inject(.produce, .error(.topicAuthorizationFailed), topic: "A.t", skip: 1)
                try await clusters.a.append([try ShardHarness.batch(10..<20)], to: "t", 0)
                try await eventually("it is stopped") { await service.status().first?.quarantinedCount == 1 }
                try await clusters.b.holdHighWatermark("A.t", 0, at: nil)
                try await clusters.a.append([try ShardHarness.batch(20..<30)], to: "t", 0)
                try await eventually("all is mirrored", within: .seconds(60)) {
                    let isCaughtUp = await service.status().first?.isCaughtUp ?? false
                    return try await clusters.end() >= 30 && isCaughtUp
                }
            }
            let times = try await clusters.b.records("A.t", 0).map { $0.timestamp - 1_700_000_000_000 }
            #expect(times == Array(0..<30))
        }
    }

    @Test("the record that tells the producer keeps what is known of the offsets")
    func startKeepsOffsets() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t")
            try await clusters.a.append([try ShardHarness.batch(0..<10)], to: "t", 0)
            // Transactions leave no producer to go on with.
            try await clusters.withService(TwoClusters.exactlyOnce) { _ in
                try await eventually("it is mirrored") { try await clusters.committed("A.t").count == 10 }
            }
            let before = try await clusters.allProgress().count
            try await clusters.withService { _ in
                try await eventually("it goes on") { try await clusters.allProgress().count > before }
            }
            let since = try await clusters.allProgress().dropFirst(before)
            #expect(since.first?.producer?.nextSequence == 0)
            for record in since {
                let map = try OffsetMap(encoded: try #require(record.offsetMap))
                #expect(map.translate(source: 5) == .exact(5))
            }
        }
    }

    @Test("the producer of a partition is known before its first record is sent")
    func writtenFirst() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t")
            try await clusters.withService { _ in
                try await eventually("it begins") { try await clusters.progress() != nil }
            }
            let start = try #require(try await clusters.progress())
            #expect(start.isStart && start.offset == -1 && start.producer?.nextSequence == 0)
            try await clusters.a.append([try ShardHarness.batch(0..<10)], to: "t", 0)
            try await clusters.withService { _ in
                try await eventually("it is mirrored") { try await clusters.end() == 10 }
            }
            let progress = try #require(try await clusters.progress())
            #expect(progress.producer?.id == start.producer?.id && progress.producer?.nextSequence == 10)
        }
    }
}

extension TwoClusters {
    fileprivate func end() async throws -> Int64 { try await b.topic("A.t")?.partitions.first?.endOffset ?? 0 }

    /// The newest progress of the only partition.
    fileprivate func progress() async throws -> ProgressRecord? { try await allProgress().last }

    /// All progress of the only partition that was ever written.
    fileprivate func allProgress() async throws -> [ProgressRecord] {
        var found: [ProgressRecord] = []
        let count = try await b.topic("mm2-offsets.A.internal")?.partitions.count ?? 0
        for partition in 0..<Int32(count) {
            for record in try await b.records("mm2-offsets.A.internal", partition) {
                guard let key = record.key.flatMap({ ConnectOffsetKey(bytes: $0.readableBytesView) }),
                    case .source = key.subject, let value = record.value?.readableBytesView,
                    let progress = ProgressRecord(bytes: value)
                else { continue }
                found.append(progress)
            }
        }
        return found
    }

    /// Sends the records 10, 11 and 12 as an earlier process with this producer would have.
    fileprivate func writeLate(_ producer: ProgressRecord.Producer) async throws -> ErrorCode {
        let batch = try RecordBatchView(try ShardHarness.batch(10..<13))
        let patched = BatchHeaderPatch.forwarding(
            producer: .init(id: producer.id, epoch: producer.epoch, baseSequence: producer.nextSequence)
        ).apply(to: batch)
        var data = ProduceRequest.PartitionProduceData()
        data.records = RecordData(parts: [patched.header, patched.body])
        var topic = ProduceRequest.TopicProduceData()
        topic.name = "A.t"
        topic.partitionData = [data]
        var request = ProduceRequest()
        request.acks = -1
        request.timeoutMs = 5_000
        request.topicData = [topic]
        let ready = request
        return try await withClient(of: b) { client in
            let response = try await client.call(
                ProduceRequest.self,
                .broker(1),
                maximumVersion: 12,
                deadline: .after(.seconds(5)),
                errorCode: { _ in .none },
                build: { _ in ready }
            )
            return response.responses.first?.partitionResponses.first?.errorCode ?? .unknownServerError
        }
    }
}
