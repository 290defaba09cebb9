import KafkaClient
import KafkaProtocol
import KafkaRecords
import MirrorModel
import NIOCore
import Testing

@testable import Mirror

/// Scripts of events for one partition; the fetcher machine only makes the leases.
@Suite("Partition flow")
struct PartitionFlowTests {
    final class Script {
        var flow: PartitionFlow
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var fetcher = FetcherMachine(settings: FetchSettings())
        var seeks: [StartPosition] = []
        var released = 0
        var events: [PartitionEvent.Kind] = []
        var queries: [UInt64] = []
        var resumes: [ProducerStamp?] = []
        var isFetching = true
        var isDrained = false
        private var sequence: Int32 = 0

        init(_ resumed: PartitionPosition? = nil, _ change: (inout PartitionFlow.Settings) -> Void = { _ in }) throws {
            var settings = PartitionFlow.Settings()
            settings.coalesceBelow = 0
            change(&settings)
            let partition = TopicPartition(topic: "t", partition: 0)
            let assignment = PartitionAssignment(
                source: partition,
                target: partition,
                start: .offset((resumed?.sourceOffset ?? -1) + 1),
                resumed: resumed
            )
            self.flow = PartitionFlow(assignment: assignment, settings: settings)
            _ = self.fetcher.add(partition, topicID: .zero, start: assignment.start, now: self.now)
            for case .locate(let questions) in self.fetcher.takeActions() {
                self.fetcher.located(
                    questions[0].slot,
                    generation: questions[0].generation,
                    leader: PartitionLeader(node: 1, epoch: 0),
                    now: self.now
                )
            }
            self.fetcher.connected(1, version: 12, now: self.now)
            _ = self.fetcher.takeActions()
            self.drain()
        }

        func drain() {
            while true {
                self.flow.conclude(now: self.now)
                let actions = self.flow.takeActions()
                if actions.isEmpty { return }
                for action in actions {
                    switch action {
                    case .ready, .rebuild: break
                    case .release: self.released += 1
                    case .seek(let start, _, _): self.seeks.append(start)
                    case .setFetching(let isOn): self.isFetching = isOn
                    case .resumeProducing(let stamp): self.resumes.append(stamp)
                    case .queryTarget(let generation): self.queries.append(generation)
                    case .drained: self.isDrained = true
                    case .report(let event): self.events.append(event.kind)
                    }
                }
            }
        }

        /// Batches of ten records arrive in one answer.
        func fetch(_ bases: [Int64]) throws {
            var bytes = ByteBuffer()
            for base in bases {
                var builder = RecordBatchBuilder(baseOffset: base)
                builder.partitionLeaderEpoch = 3
                for _ in 0..<10 { builder.append(timestamp: 1, key: nil, value: ByteBuffer(integer: base)) }
                bytes.writeImmutableBuffer(try builder.build())
            }
            self.fetcher.answered(1, self.response(bytes), now: self.now)
            for case .deliver(let records) in self.fetcher.takeActions() { self.flow.fetched(records) }
            self.drain()
        }

        private func response(_ bytes: ByteBuffer) -> FetchResponse {
            var response = FetchResponse()
            var topic = FetchResponse.FetchableTopicResponse()
            topic.topic = "t"
            var partition = FetchResponse.PartitionData()
            partition.records = RecordData(bytes)
            topic.partitions = [partition]
            response.responses = [topic]
            return response
        }

        /// Sends up to so many batches; returns their tokens.
        func send(_ count: Int) -> [UInt64] {
            (0..<count).compactMap { _ in
                let stamp = ProducerStamp(identity: ProducerIdentity(producerID: 1, epoch: 0), sequence: self.sequence)
                let request = ProducePullRequest(slot: 0, room: 1 << 20, isEmpty: true, stamp: stamp)
                guard case .batch(let batch) = self.flow.pull(request) else { return nil }
                self.sequence += batch.recordCount
                return batch.token
            }
        }

        func acknowledge(_ token: UInt64, at offset: Int64?) {
            self.flow.acknowledged(token: token, baseOffset: offset)
            self.drain()
        }

        func refuse(
            _ kind: ProduceRefusal.Kind,
            _ token: UInt64,
            isUnknown: Bool = false,
            _ code: ErrorCode = .messageTooLarge
        ) {
            self.flow.refused(
                ProduceRefusal(
                    kind: kind,
                    code: code,
                    message: nil,
                    token: token,
                    isOutcomeUnknown: isUnknown
                ),
                now: self.now
            )
            self.drain()
        }

        func prove(logEnd: Int64) {
            guard let generation = self.queries.last else { return }
            self.flow.proven(generation: generation, logEnd: logEnd, now: self.now)
            self.drain()
        }

        var position: PartitionPosition? { self.flow.position }
    }

    @Test("the position is the end of the contiguous acknowledged prefix, and frees what it has passed")
    func prefix() throws {
        let script = try Script()
        try script.fetch([0, 10, 20])
        let tokens = script.send(5)
        #expect(tokens.count == 3)
        script.acknowledge(tokens[1], at: 110)
        #expect(script.position?.sourceOffset == -1 && script.released == 0)
        script.acknowledge(tokens[0], at: 100)
        #expect(script.position?.sourceOffset == 19 && script.position?.targetOffset == 119)
        script.acknowledge(tokens[2], at: 120)
        #expect(
            script.position
                == PartitionPosition(sourceOffset: 29, targetOffset: 129, leaderEpoch: 3, producer: .after(30))
        )
        #expect(script.released == 1)
        #expect(script.flow.offsets.map.runs == [OffsetMap.Run(source: 0, target: 100, count: 30)])
    }

    @Test("small batches are joined without becoming entries first, up to one of another kind")
    func joinsLazily() throws {
        let script = try Script { $0.coalesceBelow = 8 << 10 }
        try script.fetch((0..<300).map { $0 * 10 } + [3_005] + (0..<40).map { 3_015 + $0 * 10 })
        #expect(script.flow.status.pendingBatches == 2)
        #expect(script.flow.waitingBytes > 341 * 100)
        let tokens = script.send(1)
        #expect(script.flow.queue.entries.first?.recordCount == 3_410)
        #expect(script.flow.counters.batches == 0 && tokens.count == 1)
        script.acknowledge(tokens[0], at: 0)
        // The offsets that the gap in the middle leaves out are no records of the target.
        #expect(script.flow.position?.sourceOffset == 3_414 && script.flow.position?.targetOffset == 3_409)
        #expect(script.flow.counters.coalescedBatches == 341 && script.released == 1)
        #expect(script.flow.status.pendingBatches == 0 && script.flow.waitingBytes == 1)
    }

    @Test("what cannot be joined ends the row and goes on behind it")
    func rowsEnd() throws {
        let script = try Script {
            $0.coalesceBelow = 8 << 10
            $0.coalesceNearUpTo = 2_000
        }
        try script.fetch((0..<100).map { $0 * 10 })
        var next: Int64 = 0
        var sent = 0
        while script.flow.position?.sourceOffset != 999, sent < 1_000 {
            let tokens = script.send(3)
            try #require(!tokens.isEmpty)
            for token in tokens {
                let entry = try #require(script.flow.queue.entries.first { $0.token == token })
                #expect(entry.byteCount <= 2_000 && entry.recordCount > 10)
                script.acknowledge(token, at: next)
                next += Int64(entry.recordCount)
            }
            sent += tokens.count
        }
        #expect(next == 1_000 && sent >= 8 && script.flow.counters.coalescedBatches == 100)
    }

    @Test("a recreated source topic: its id and its beginning come together, after what was sent of the old one")
    func recreatedSource() throws {
        let old = KafkaUUID(high: 0, low: 1)
        let new = KafkaUUID(high: 0, low: 2)
        let script = try Script(PartitionPosition(sourceOffset: -1, targetOffset: 99, sourceTopicID: old))
        try script.fetch([0, 10])
        let tokens = script.send(2)
        script.acknowledge(tokens[0], at: 100)
        script.flow.source(.topicRecreated(slot: 0, old: old, new: new))
        script.drain()
        #expect(script.seeks.isEmpty && script.position?.sourceTopicID != new)
        script.acknowledge(tokens[1], at: 110)
        #expect(script.seeks == [.offset(0)])
        // Offset 19 under the new id would say that its first 20 records are mirrored.
        var expected = PartitionPosition(sourceOffset: -1, targetOffset: 119, sourceTopicID: new, producer: .after(20))
        expected.isApart = true
        #expect(script.position == expected)
        #expect(script.flow.offsets.map.isEmpty)
    }

    @Test("an acknowledgement without an offset leaves a hole in the map, not in the data")
    func unknownPlace() throws {
        let script = try Script()
        try script.fetch([0, 10])
        let tokens = script.send(2)
        script.acknowledge(tokens[1], at: 10)
        script.acknowledge(tokens[0], at: nil)
        #expect(script.position?.sourceOffset == 19 && script.position?.targetOffset == 19)
        #expect(script.flow.offsets.map.runs == [OffsetMap.Run(source: 10, target: 10, count: 10)])
    }

    @Test("batches without a place wait for one behind them that tells it, and no longer")
    func placesOfSeveral() throws {
        let script = try Script(PartitionPosition(sourceOffset: -1, targetOffset: 99))
        try script.fetch((0..<12).map { $0 * 10 })
        var tokens = script.send(4)
        for index in 0..<3 { script.acknowledge(tokens[index], at: nil) }
        #expect(script.position?.sourceOffset == -1)
        script.acknowledge(tokens[3], at: 130)
        #expect(script.position?.sourceOffset == 39 && script.position?.targetOffset == 139)
        #expect(script.flow.offsets.map.runs == [OffsetMap.Run(source: 0, target: 100, count: 40)])
        // Nothing is out that could tell.
        tokens = script.send(1)
        script.acknowledge(tokens[0], at: nil)
        #expect(script.position?.sourceOffset == 49 && script.position?.targetOffset == nil)
        // A target that never tells does not hold up everything.
        tokens = script.send(7)
        for index in 0..<6 { script.acknowledge(tokens[index], at: nil) }
        #expect(script.position?.sourceOffset == 59)
    }

    @Test("a target that lost records is noticed also behind a batch whose place is not known")
    func lossBehindAnUnknownPlace() throws {
        let script = try Script(PartitionPosition(sourceOffset: -1, targetOffset: 99))
        try script.fetch([0, 10, 20])
        let tokens = script.send(3)
        script.acknowledge(tokens[1], at: nil)
        script.acknowledge(tokens[2], at: 0)
        script.acknowledge(tokens[0], at: nil)
        #expect(script.events.contains { if case .targetTruncated(at: 0, _) = $0 { true } else { false } })
    }

    @Test("a proof that is due wakes a partition that is drained once")
    func dueProof() throws {
        let script = try Script()
        try script.fetch([0, 10])
        let token = script.send(1)[0]
        script.refuse(.other, token, isUnknown: true, .requestTimedOut)
        let generation = try #require(script.queries.last)
        script.flow.notProven(generation: generation, reason: "no answer", now: script.now)
        let due = try #require(script.flow.nextWake)
        script.flow.drain()
        script.flow.tick(now: due)
        script.drain()
        #expect(script.flow.nextWake == nil)
    }

    @Test("a batch that is too large is split: read again with a smaller limit")
    func split() throws {
        let script = try Script()
        try script.fetch([0, 10])
        let tokens = script.send(2)
        script.refuse(.tooLarge, tokens[0])
        #expect(script.seeks == [.offset(0)] && script.resumes.count == 1 && script.released == 1)
        #expect(script.events.contains { if case .splitting = $0 { true } else { false } })
        #expect(script.flow.state == .running)
    }

    @Test("a refusal quarantines with reason and time, and goes on where it stopped")
    func quarantine() throws {
        let script = try Script()
        try script.fetch([0, 10])
        let tokens = script.send(2)
        script.acknowledge(tokens[0], at: 0)
        script.refuse(.denied, tokens[1])
        guard case .quarantined(let reason, let retryAt) = script.flow.state else {
            Issue.record("\(script.flow.state)")
            return
        }
        #expect(reason.code == .notAuthorized && reason.sourceOffset == 10 && reason.cluster == "target")
        #expect(!script.isFetching && script.released == 1)
        script.now = retryAt
        script.flow.tick(now: script.now)
        script.drain()
        #expect(script.isFetching && script.seeks == [.offset(10)] && script.resumes.count == 1)
    }

    @Test("pauses between attempts grow and end")
    func pauses() throws {
        let script = try Script()
        var pauses: [Int64] = []
        for attempt in 0..<10 {
            try script.fetch([0])
            script.flow.refused(
                ProduceRefusal(kind: .invalid, code: .invalidRecord, message: nil, token: 0, isOutcomeUnknown: false),
                now: script.now
            )
            guard case .quarantined(_, let retryAt) = script.flow.state else {
                Issue.record("attempt \(attempt): \(script.flow.state)")
                return
            }
            pauses.append((retryAt - script.now).nanoseconds / 1_000_000_000)
            script.now = retryAt
            script.flow.tick(now: script.now)
            script.drain()
        }
        #expect(pauses == [5, 10, 20, 40, 60, 60, 60, 60, 60, 60])
    }

    @Test("an unknown outcome is proven from the target's end before anything is sent again", arguments: 0...2)
    func proof(written: Int) throws {
        let script = try Script(PartitionPosition(sourceOffset: -1, targetOffset: 99))
        try script.fetch([0, 10])
        let tokens = script.send(2)
        script.refuse(.sequenceLost, tokens[0], isUnknown: true)
        #expect(script.seeks.isEmpty && script.queries.count == 1 && script.send(1).isEmpty)
        script.prove(logEnd: 100 + Int64(written) * 10)
        #expect(script.position?.sourceOffset == Int64(written) * 10 - 1)
        #expect(script.position?.targetOffset == 99 + Int64(written) * 10)
        #expect(script.seeks == [.offset(Int64(written) * 10)] && script.resumes.count == 1)
    }

    @Test("what was refused goes on with the sequence number that comes next")
    func sameProducer() throws {
        let script = try Script()
        try script.fetch([0, 10, 20])
        let tokens = script.send(3)
        script.acknowledge(tokens[0], at: 0)
        script.refuse(.tooLarge, tokens[1])
        #expect(script.resumes == [.after(10)])
    }

    @Test("what may be written without being seen yet is not written a second time by another producer")
    func sameProducerAfterDoubt() throws {
        let script = try Script()
        try script.fetch([0, 10])
        let tokens = script.send(2)
        script.acknowledge(tokens[0], at: 0)
        script.refuse(.denied, tokens[1], isUnknown: true)
        script.prove(logEnd: 10)
        guard case .quarantined(_, let retryAt) = script.flow.state else {
            Issue.record("\(script.flow.state)")
            return
        }
        script.now = retryAt
        script.flow.tick(now: script.now)
        script.drain()
        #expect(script.resumes == [.after(10)])
    }

    @Test(
        "a producer that the broker does not go on with is looked for again by whoever assigned the partition",
        arguments: [ErrorCode.outOfOrderSequenceNumber, .unknownProducerID]
    )
    func yields(code: ErrorCode) throws {
        let script = try Script { $0.yieldsWhenOvertaken = true }
        try script.fetch([0])
        script.refuse(.sequenceLost, script.send(1)[0], isUnknown: true, code)
        script.prove(logEnd: 0)
        let told = PartitionEvent.Kind.overtaken(isForgotten: code == .unknownProducerID)
        #expect(script.events.last == told && script.resumes.isEmpty && script.released == 1 && !script.isFetching)
        // Who should have heard of it may have missed it; meanwhile nothing is written.
        for round in 1...3 {
            script.now = try #require(script.flow.nextWake)
            script.flow.tick(now: script.now)
            script.drain()
            #expect(script.events.count { $0 == told } == round + 1 && script.resumes.isEmpty)
        }
        script.flow.drain()
        script.drain()
        #expect(script.isDrained && script.position?.sourceOffset == -1)
    }

    @Test("a target that lost its tail is given back once the ledger has it")
    func targetLostYields() throws {
        let script = try Script {
            $0.yieldsWhenOvertaken = true
            $0.keepsLedger = true
        }
        try script.fetch([0, 10, 20])
        let tokens = script.send(3)
        script.acknowledge(tokens[0], at: 50)
        script.acknowledge(tokens[1], at: 60)
        script.refuse(.denied, tokens[2], isUnknown: true)
        script.prove(logEnd: 65)
        guard case .gap(let gap)? = script.events.last else {
            Issue.record("\(script.events)")
            return
        }
        script.flow.recorded(gapKey: gap.key)
        script.drain()
        #expect(script.events.last == .placeLost && script.resumes.isEmpty)
        let position = try #require(script.position)
        #expect(position.sourceOffset == 14 && position.targetOffset == 64 && position.isDoubtful)
    }

    @Test("a shared producer whose sequence is lost gives the partition back, and its last record is in doubt")
    func sharedSequenceLost() throws {
        let script = try Script { $0.yieldsWhenOvertaken = true }
        try script.fetch([0, 10])
        let tokens = script.send(2)
        script.acknowledge(tokens[0], at: 50)
        script.refuse(.sequenceLost, tokens[1], isUnknown: true, .outOfOrderSequenceNumber)
        script.drain()
        #expect(script.events.last == .overtaken(isForgotten: false) && script.resumes.isEmpty)
        let position = try #require(script.position)
        #expect(position.sourceOffset == 9 && position.targetOffset == 59 && position.isDoubtful)
    }

    @Test("records that are not ours are reported, and ours are not lost")
    func foreign() throws {
        let script = try Script(PartitionPosition(sourceOffset: -1, targetOffset: 99))
        try script.fetch([0])
        script.refuse(.sequenceLost, script.send(1)[0], isUnknown: true)
        script.prove(logEnd: 103)
        #expect(script.events.contains(.foreignRecords(count: 3)) && script.seeks == [.offset(0)])
    }

    @Test("a target that lost its tail gets it again, from where it came")
    func targetLost() throws {
        let script = try Script()
        try script.fetch([0, 10, 20])
        let tokens = script.send(3)
        script.acknowledge(tokens[0], at: 50)
        script.acknowledge(tokens[1], at: 60)
        script.refuse(.sequenceLost, tokens[2], isUnknown: true)
        script.prove(logEnd: 65)
        #expect(script.events.contains(.targetTruncated(at: 65, writtenTo: 69)))
        #expect(script.position?.sourceOffset == 14 && script.seeks == [.offset(15)])
        #expect(script.flow.offsets.map.runs == [OffsetMap.Run(source: 0, target: 50, count: 15)])
    }

    @Test("what the target lost before this process started stops the partition until someone decides")
    func targetLostBefore() throws {
        let script = try Script(PartitionPosition(sourceOffset: 9, targetOffset: 99))
        try script.fetch([10])
        script.refuse(.sequenceLost, script.send(1)[0], isUnknown: true)
        script.prove(logEnd: 7)
        guard case .quarantined(let reason, let retryAt) = script.flow.state else {
            Issue.record("\(script.flow.state)")
            return
        }
        #expect(reason.code == .targetLost && script.seeks.isEmpty)
        script.now = retryAt
        script.flow.tick(now: script.now)
        script.drain()
        #expect(script.queries.count == 2, "it asks again instead of going on")
    }

    @Test("retention that was faster is a gap, truncation goes back, both behind what is queued")
    func sourceChanges() throws {
        let script = try Script()
        try script.fetch([0])
        let token = script.send(1)[0]
        script.flow.source(.offsetOutOfRange(slot: 0, offset: 10, logStart: 40, logEnd: 90))
        script.drain()
        #expect(script.seeks.isEmpty)
        script.acknowledge(token, at: 0)
        #expect(script.events.contains(.sourceGap(10..<40)))
        #expect(script.seeks == [.offset(40)] && script.position?.sourceOffset == 39)
        script.flow.source(.diverged(slot: 0, offset: 40, epoch: 2, endOffset: 20))
        script.drain()
        #expect(script.events.contains(.sourceTruncated(at: 20, mirroredTo: 40)))
        #expect(script.seeks == [.offset(40), .offset(20)] && script.position?.sourceOffset == 19)
    }

    @Test("draining drops what was not sent and waits for what was")
    func drain() throws {
        let script = try Script()
        try script.fetch([0, 10, 20])
        let token = script.send(1)[0]
        script.flow.drain()
        script.drain()
        #expect(!script.isDrained && !script.isFetching && script.send(1).isEmpty)
        script.acknowledge(token, at: 0)
        #expect(script.isDrained && script.position?.sourceOffset == 9 && script.released == 1)
        #expect(script.flow.state == .stopped)
    }
}

extension ProducerStamp {
    /// What the script's producer gives to the record after so many.
    fileprivate static func after(_ count: Int32) -> ProducerStamp {
        ProducerStamp(identity: ProducerIdentity(producerID: 1, epoch: 0), sequence: count)
    }
}
