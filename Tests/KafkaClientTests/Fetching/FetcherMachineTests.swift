import KafkaClient
import KafkaProtocol
import KafkaRecords
import NIOCore
import Testing

/// Scripts of events and expected actions.
@Suite("Fetcher machine")
struct FetcherMachineTests {
    static let id = KafkaUUID(high: 3, low: 4)
    static let topic: TopicName = "t"

    /// A machine, the clock, and what it decided last.
    final class Script {
        var machine: FetcherMachine
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var sent: [(node: Int32, request: FetchRequest, version: Int16)] = []
        var delivered: [FetchedRecords] = []
        var reported: [FetchEvent] = []
        var connects: [Int32] = []
        var questions: [FetcherMachine.LeaderQuestion] = []
        var resolves: [(slot: Int, generation: UInt64, start: StartPosition)] = []
        var bounds: [(slot: Int, generation: UInt64)] = []
        var ahead: [FetchRequest] = []

        init(_ settings: FetchSettings = FetchSettings()) {
            self.machine = FetcherMachine(settings: settings)
        }

        func drain() {
            for action in self.machine.takeActions() {
                switch action {
                case .connect(let node): self.connects.append(node)
                case .disconnect: break
                case .send(let node, let request, let version): self.sent.append((node, request, version))
                case .locate(let questions): self.questions += questions
                case .resolve(let slot, let generation, _, let start): self.resolves.append((slot, generation, start))
                case .findBounds(let slot, let generation, _): self.bounds.append((slot, generation))
                case .learned, .connectAhead: break
                case .sendAhead(_, let request, _): self.ahead.append(request)
                case .deliver(let records): self.delivered.append(records)
                case .report(let event): self.reported.append(event)
                }
            }
        }

        func add(_ partition: Int32, start: StartPosition = .offset(0), leader: Int32 = 1, epoch: Int32 = 5) -> Int {
            let partition = TopicPartition(topic: FetcherMachineTests.topic, partition: partition)
            let slot = self.machine.add(partition, topicID: FetcherMachineTests.id, start: start, now: self.now)
            self.drain()
            self.answerQuestions(leader: leader, epoch: epoch)
            return slot
        }

        func answerQuestions(leader: Int32, epoch: Int32, id: KafkaUUID = FetcherMachineTests.id) {
            let questions = self.questions
            self.questions = []
            for question in questions {
                self.machine.located(
                    question.slot,
                    generation: question.generation,
                    leader: PartitionLeader(node: leader, epoch: epoch, topicID: id),
                    now: self.now
                )
            }
            self.drain()
        }

        func connect(_ node: Int32 = 1, version: Int16 = 17) {
            self.machine.connected(node, version: version, now: self.now)
            self.drain()
        }

        func answer(
            _ node: Int32 = 1,
            session: Int32 = 9,
            error: ErrorCode = .none,
            after: TimeAmount = .milliseconds(500),
            _ partitions: [FetchResponse.PartitionData] = []
        ) {
            self.now = self.now + after
            var response = FetchResponse()
            response.errorCode = error
            response.sessionID = session
            var topic = FetchResponse.FetchableTopicResponse()
            topic.topicID = FetcherMachineTests.id
            topic.topic = FetcherMachineTests.topic
            topic.partitions = partitions
            if !partitions.isEmpty { response.responses = [topic] }
            self.machine.answered(node, response, now: self.now)
            self.drain()
        }

        /// Time passes; every timer on the way goes off.
        func wait(_ time: TimeAmount) {
            let end = self.now + time
            while let wake = self.machine.nextWake, wake <= end {
                self.now = max(self.now, wake)
                self.machine.tick(now: self.now)
                self.drain()
            }
            self.now = end
        }

        var last: FetchRequest { self.sent.last?.request ?? FetchRequest() }
        var lastPartitions: [Int32] { self.last.topics.flatMap { $0.partitions.map(\.partition) } }
    }

    private func data(
        _ partition: Int32,
        _ records: ByteBuffer? = nil,
        error: ErrorCode = .none,
        highWatermark: Int64 = 100
    ) -> FetchResponse.PartitionData {
        var answer = FetchResponse.PartitionData()
        answer.partitionIndex = partition
        answer.errorCode = error
        answer.highWatermark = highWatermark
        answer.records = records.map { RecordData($0) }
        return answer
    }

    private func batch(_ base: Int64, count: Int = 10, epoch: Int32 = 5, size: Int = 10) throws -> ByteBuffer {
        var builder = RecordBatchBuilder(baseOffset: base)
        builder.partitionLeaderEpoch = epoch
        for _ in 0..<count {
            builder.append(timestamp: 1, key: nil, value: ByteBuffer(repeating: 7, count: size))
        }
        return try builder.build()
    }

    @Test("a session begins full, follows the data, and delivers slices")
    func session() throws {
        let script = Script()
        let slot = script.add(0)
        _ = script.add(1)
        #expect(script.connects == [1])
        script.connect()
        #expect(script.sent.count == 1 && script.sent[0].version == 17)
        #expect(
            script.last.sessionID == 0 && script.last.sessionEpoch == 0 && script.lastPartitions.sorted() == [0, 1]
        )
        #expect(script.last.topics[0].partitions[0].currentLeaderEpoch == 5)
        script.answer(after: .milliseconds(2), [data(0, try batch(0)), data(1)])
        #expect(script.delivered.map(\.slot) == [slot] && script.delivered[0].nextOffset == 10)
        #expect(script.last.sessionID == 9 && script.last.sessionEpoch == 1 && script.lastPartitions == [0])
        #expect(script.last.topics[0].partitions[0].fetchOffset == 10)
        #expect(script.last.topics[0].partitions[0].lastFetchedEpoch == 5)
        script.answer()
        #expect(script.lastPartitions == [] && script.last.sessionEpoch == 2)
    }

    @Test("brokers before topic ids are asked by name and without epochs they do not know")
    func oldBroker() throws {
        let script = Script()
        _ = script.add(0)
        script.connect(version: 11)
        script.answer(session: 0, after: .milliseconds(1), [data(0, try batch(0))])
        #expect(script.sent.map(\.version) == [11, 11])
        #expect(script.last.topics[0].partitions[0].lastFetchedEpoch == -1)
        #expect(script.last.sessionEpoch == 0)
    }

    @Test("a broker that never waits is asked more and more slowly, and at once when data come")
    func noWait() throws {
        let script = Script()
        _ = script.add(0)
        script.connect(version: 12)
        var pauses: [Int64] = []
        for _ in 0..<10 {
            let count = script.sent.count
            script.answer(session: 0, after: .microseconds(200), [data(0)])
            let start = script.now
            while script.sent.count == count, let wake = script.machine.nextWake { script.wait(wake - script.now) }
            pauses.append((script.now - start).nanoseconds / 1_000_000)
        }
        #expect(pauses.first == 5 && pauses.last == 500 && pauses == pauses.sorted())
        let count = script.sent.count
        script.answer(session: 0, after: .microseconds(200), [data(0, try batch(0))])
        #expect(script.sent.count == count + 1)
    }

    @Test("an answer without any partition does not spin either")
    func noPartitions() {
        let script = Script()
        _ = script.add(0)
        script.connect(version: 12)
        for _ in 0..<3 { script.answer(session: 0, after: .zero) }
        #expect(script.sent.count == 1)
        script.wait(.milliseconds(20))
        #expect(script.sent.count == 2)
    }

    @Test("a failing partition pauses alone")
    func isolation() throws {
        let script = Script()
        let bad = script.add(0)
        let good = script.add(1)
        script.connect()
        script.answer(after: .milliseconds(1), [data(0, error: .topicAuthorizationFailed), data(1, try batch(0))])
        #expect(script.delivered.map(\.slot) == [good])
        #expect(script.last.forgottenTopicsData.map(\.partitions) == [[0]])
        guard
            case .failing(bad, .refused(.topicAuthorizationFailed))? = script.reported.last(where: { event in
                if case .failing = event { true } else { false }
            })
        else {
            Issue.record("not reported: \(script.reported)")
            return
        }
        script.answer(after: .milliseconds(200), [])
        script.wait(.milliseconds(100))
        #expect(script.questions.map(\.slot) == [bad] && script.questions.map(\.refresh) == [true])
        script.answerQuestions(leader: 1, epoch: 5)
        script.answer()
        #expect(script.lastPartitions.contains(0))
        script.answer(after: .milliseconds(1), [data(0, try batch(0))])
        #expect(script.delivered.last?.slot == bad)
        #expect(script.reported.contains { if case .recovered(bad) = $0 { true } else { false } })
    }

    @Test("a leader named in the answer is followed at once")
    func leaderNamed() {
        let script = Script()
        _ = script.add(0)
        script.connect()
        var moved = data(0, error: .notLeaderOrFollower)
        moved.currentLeader.leaderID = 2
        moved.currentLeader.leaderEpoch = 6
        script.answer(after: .milliseconds(1), [moved])
        #expect(script.connects == [1, 2])
        script.connect(2)
        #expect(script.sent.last?.node == 2 && script.last.topics[0].partitions[0].currentLeaderEpoch == 6)
    }

    @Test("without a name the metadata are refreshed, and old metadata do not undo a newer epoch")
    func leaderUnknown() {
        let script = Script()
        let slot = script.add(0)
        script.connect()
        script.answer(after: .milliseconds(1), [data(0, error: .fencedLeaderEpoch)])
        #expect(script.questions.isEmpty)
        script.wait(.milliseconds(200))
        #expect(script.questions.map(\.refresh) == [true])
        script.answerQuestions(leader: 7, epoch: 4)
        #expect(script.machine.cursor(slot)?.leader == 1)
    }

    @Test("the closest replica is used, and left again when it cannot help")
    func replica() throws {
        var settings = FetchSettings()
        settings.rack = "r"
        let script = Script(settings)
        let slot = script.add(0)
        script.connect()
        #expect(script.last.rackID == "r")
        var hint = data(0)
        hint.preferredReadReplica = 3
        script.answer(after: .milliseconds(1), [hint])
        script.connect(3)
        #expect(script.sent.last?.node == 3)
        script.answer(3, after: .milliseconds(1), [data(0, try batch(0))])
        #expect(script.delivered.count == 1 && script.sent.last?.node == 3)
        script.answer(3, after: .milliseconds(1), [data(0, error: .offsetOutOfRange)])
        #expect(script.sent.last?.node == 1 && script.machine.cursor(slot)?.phase == .fetching)
    }

    @Test("an offset outside the log is reported with the log's ends and waits for the owner")
    func outOfRange() {
        let script = Script()
        let slot = script.add(0, start: .offset(50))
        script.connect()
        script.answer(after: .milliseconds(1), [data(0, error: .offsetOutOfRange)])
        #expect(script.bounds.count == 1)
        script.machine.foundBounds(
            slot,
            generation: script.bounds[0].generation,
            logStart: 70,
            logEnd: 90,
            now: script.now
        )
        script.drain()
        guard case .offsetOutOfRange(slot, 50, 70, 90)? = script.reported.last else {
            Issue.record("not reported: \(script.reported)")
            return
        }
        script.wait(.minutes(1))
        #expect(script.machine.cursor(slot)?.phase == .suspended)
        script.machine.seek(slot, to: .offset(70), now: script.now)
        script.drain()
        script.answerQuestions(leader: 1, epoch: 5)
        #expect(script.last.topics.first?.partitions.first?.fetchOffset == 70)
    }

    @Test("an offset that is in range after all goes on with its epoch, but for a broker that no longer knows it")
    func inRangeAfterAll() throws {
        let script = Script()
        let slot = script.machine.add(
            TopicPartition(topic: Self.topic, partition: 0),
            topicID: Self.id,
            start: .offset(50),
            lastFetchedEpoch: 4,
            now: script.now
        )
        script.drain()
        script.answerQuestions(leader: 1, epoch: 5)
        script.connect()
        var epochs: [Int32] = []
        for _ in 0..<8 {
            let asked = script.sent.last { !$0.request.topics.isEmpty }
            epochs.append(try #require(asked?.request.topics.first?.partitions.first).lastFetchedEpoch)
            script.answer(after: .milliseconds(1), [data(0, error: .offsetOutOfRange)])
            let generation = try #require(script.bounds.last).generation
            script.machine.foundBounds(slot, generation: generation, logStart: 0, logEnd: 60, now: script.now)
            script.drain()
            script.wait(.seconds(5))
            script.answerQuestions(leader: 1, epoch: 5)
        }
        #expect(epochs == [4, 4, 4, 4, 4, 4, -1, -1])
    }

    @Test("a diverging epoch and another topic id stop the partition")
    func divergence() {
        let script = Script()
        let slot = script.add(0, start: .offset(50))
        let other = script.add(1)
        script.connect()
        var diverging = data(0)
        diverging.divergingEpoch.epoch = 4
        diverging.divergingEpoch.endOffset = 33
        script.answer(after: .milliseconds(1), [diverging, data(1, error: .unknownTopicID)])
        #expect(script.reported.contains { if case .diverged(slot, 50, 4, 33) = $0 { true } else { false } })
        script.wait(.milliseconds(200))
        let new = KafkaUUID(high: 8, low: 8)
        script.answerQuestions(leader: 1, epoch: 0, id: new)
        #expect(script.reported.contains { if case .topicRecreated(other, Self.id, new) = $0 { true } else { false } })
        #expect(script.machine.cursor(other)?.phase == .suspended)
        // The new topic's epochs begin anew: a leader with a lower one is no old news.
        script.machine.seek(other, to: .offset(0), topicID: new, now: script.now)
        script.drain()
        script.answerQuestions(leader: 2, epoch: 0, id: new)
        #expect(script.machine.cursor(other)?.leader == 2 && script.machine.cursor(other)?.leaderEpoch == 0)
        // A broker that still knows the old one is asked again.
        let reports = script.reported.count
        script.machine.seek(other, to: .offset(0), topicID: new, now: script.now)
        script.drain()
        script.answerQuestions(leader: 1, epoch: 9)
        #expect(script.reported.count == reports && script.machine.cursor(other)?.topicID == new)
        script.wait(.seconds(1))
        script.answerQuestions(leader: 2, epoch: 0, id: new)
        #expect(script.machine.cursor(other)?.phase == .fetching)
    }

    @Test("a batch larger than every limit is asked for with its own size, first")
    func largeBatch() throws {
        var settings = FetchSettings()
        settings.maximumBytes = 4_000
        settings.maximumPartitionBytes = 1_000
        let script = Script(settings)
        _ = script.add(0)
        _ = script.add(1)
        script.connect(version: 12)
        let large = try batch(0, count: 1, size: 50_000)
        let part = try #require(large.getSlice(at: large.readerIndex, length: 1_000))
        script.answer(session: 0, after: .milliseconds(1), [data(0, try batch(0)), data(1, part)])
        #expect(script.delivered.count == 1)
        #expect(script.lastPartitions.first == 1)
        #expect(Int(script.last.topics[0].partitions[0].partitionMaxBytes) == large.readableBytes)
        #expect(Int(script.last.maxBytes) >= large.readableBytes)
        script.answer(session: 0, after: .milliseconds(1), [data(1, large)])
        #expect(script.delivered.last?.nextOffset == 1)
        #expect(script.last.maxBytes <= 4_000)
    }

    @Test("bytes come back as a whole frame, and a partition that holds its share is left out")
    func budget() throws {
        var settings = FetchSettings()
        settings.byteBudget = 8_000
        settings.maximumBytes = 1_000
        let script = Script(settings)
        _ = script.add(0)
        _ = script.add(1)
        script.connect()
        let large = try batch(0, count: 1, size: 4_500)
        script.answer(after: .milliseconds(1), [data(0, large), data(1, try batch(0, count: 1))])
        #expect(script.last.forgottenTopicsData.map(\.partitions) == [[0]])
        #expect(script.last.maxWaitMs == 10, "the poll must not outlast the wait for room")
        script.answer(after: .milliseconds(10))
        let held = script.machine.budget.used
        script.machine.release(script.delivered[0].lease, now: script.now)
        #expect(script.machine.budget.used == held, "its neighbour in the frame is still held")
        script.machine.release(script.delivered[1].lease, now: script.now)
        script.drain()
        script.answer(after: .milliseconds(10))
        #expect(script.machine.budget.used <= 1_000)
        #expect(script.machine.budget.peak >= large.readableBytes)
    }

    @Test("what an answer keeps in memory counts, and less is read ahead for a target close by")
    func memory() throws {
        var settings = FetchSettings()
        settings.byteBudget = 4 << 20
        let script = Script(settings)
        _ = script.add(0)
        _ = script.add(1)
        script.connect()
        script.machine.targetDistance = .milliseconds(1)
        let before = script.sent.count
        let reserved = script.machine.requestedBytes
        script.now = script.now + .milliseconds(1)
        var response = FetchResponse()
        response.sessionID = 9
        var topic = FetchResponse.FetchableTopicResponse()
        (topic.topicID, topic.topic) = (Self.id, Self.topic)
        topic.partitions = [data(0, try batch(0, count: 1))]
        response.responses = [topic]
        script.machine.answered(1, response, memory: 2 << 20, now: script.now)
        script.drain()
        #expect(reserved > 0 && script.machine.budget.used == 2 << 20)
        // Half of the budget is held: nothing is asked for until some of it comes back.
        #expect(script.sent.count == before)
        script.machine.release(try #require(script.delivered.first).lease, now: script.now)
        script.drain()
        #expect(script.sent.count == before + 1 && script.machine.budget.used == script.machine.requestedBytes)
    }

    @Test("close by, a partition whose data are stuck leaves room for the others")
    func stuckCloseBy() throws {
        var settings = FetchSettings()
        settings.byteBudget = 8 << 20
        let script = Script(settings)
        script.machine.targetDistance = .zero
        _ = script.add(0)
        _ = script.add(1)
        script.connect()
        for offset in 0..<Int64(12) {
            script.answer(after: .milliseconds(1), [data(0, try batch(offset, count: 1, size: 500_000))])
        }
        #expect(script.delivered.count == 5, "a share is a quarter of the budget")
        #expect(script.machine.requestedBytes > 0, "the other partition is still asked for")
        for lease in script.delivered.map(\.lease) { script.machine.release(lease, now: script.now) }
        script.drain()
        #expect(script.machine.budget.used == script.machine.requestedBytes)
    }

    @Test("data for a place that was left are dropped")
    func staleData() throws {
        let script = Script()
        let slot = script.add(0)
        script.connect()
        script.machine.seek(slot, to: .offset(500), now: script.now)
        script.drain()
        script.answerQuestions(leader: 1, epoch: 5)
        script.answer(after: .milliseconds(1), [data(0, try batch(0))])
        #expect(script.delivered.isEmpty)
        #expect(script.last.topics.first?.partitions.first?.fetchOffset == 500)
    }

    @Test("answers may begin below the fetch offset, end in a cut-off batch, or in garbage")
    func oddEdges() throws {
        let script = Script()
        let slot = script.add(0, start: .offset(15))
        script.connect()
        var bytes = try batch(10)
        bytes.writeImmutableBuffer(try batch(20).getSlice(at: 0, length: 40) ?? ByteBuffer())
        script.answer(after: .milliseconds(1), [data(0, bytes)])
        #expect(script.delivered[0].nextOffset == 20 && script.delivered[0].fetchOffset == 15)
        #expect(script.delivered[0].records.readableBytes == (try batch(10)).readableBytes)
        var broken = try batch(20)
        broken.writeRepeatingByte(0, count: 100)
        script.answer(after: .milliseconds(1), [data(0, broken)])
        #expect(script.delivered[1].isDamaged && script.machine.cursor(slot)?.phase == .suspended)
    }

    @Test("start positions are looked up")
    func starts() {
        let script = Script()
        let slot = script.add(0, start: .latest)
        #expect(script.resolves.map(\.start) == [.latest])
        script.machine.resolved(slot, generation: script.resolves[0].generation, offset: 77, now: script.now)
        script.drain()
        script.connect()
        #expect(script.last.topics[0].partitions[0].fetchOffset == 77)
        #expect(script.reported.contains { if case .started(slot, 77) = $0 { true } else { false } })
    }

    @Test("a lost connection starts a new session after a pause, throttling is respected")
    func disconnect() {
        let script = Script()
        _ = script.add(0)
        script.connect()
        script.machine.disconnected(1, reason: "reset", now: script.now)
        script.drain()
        #expect(script.machine.budget.used == 0)
        script.wait(.milliseconds(150))
        script.answerQuestions(leader: 1, epoch: 5)
        #expect(script.connects == [1, 1])
        script.connect()
        #expect(script.last.sessionEpoch == 0)
        var response = FetchResponse()
        response.sessionID = 1
        response.throttleTimeMs = 300
        script.now = script.now + .milliseconds(500)
        let count = script.sent.count
        script.machine.answered(1, response, now: script.now)
        script.drain()
        script.wait(.milliseconds(299))
        #expect(script.sent.count == count)
        script.wait(.milliseconds(2))
        #expect(script.sent.count == count + 1)
    }

    @Test("a broker that answers nothing is told after the first request, one that hangs up after the third")
    func silence() {
        func isTold(after duration: TimeAmount) -> Bool {
            let script = Script()
            _ = script.add(0)
            script.connect()
            script.now = script.now + duration
            script.machine.disconnected(1, reason: "no answer", now: script.now)
            script.drain()
            return script.reported.contains { if case .failing(_, .disconnected(1, _)) = $0 { true } else { false } }
        }
        #expect(isTold(after: .seconds(30)))
        #expect(!isTold(after: .milliseconds(600)))
    }
}
