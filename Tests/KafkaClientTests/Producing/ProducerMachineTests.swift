import KafkaClient
import KafkaProtocol
import NIOCore
import Testing

/// Scripts of events and expected actions.
@Suite("Producer machine")
struct ProducerMachineTests {
    final class Script {
        var machine: ProducerMachine
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var sent: [(node: Int32, id: UInt64, request: ProduceRequest)] = []
        var events: [ProduceEvent] = []
        var connects: [Int32] = []
        var questions: [ProducerMachine.LeaderQuestion] = []
        var producerIDs: [ProducerMachine.ProducerIDQuestion] = []
        /// Batches waiting at the owner, by slot.
        var waiting: [Int: [(token: UInt64, bytes: Int)]] = [:]
        var stamps: [UInt64: ProducerStamp] = [:]
        var nextProducerID: Int64 = 100

        init(_ settings: ProduceSettings = ProduceSettings()) {
            self.machine = ProducerMachine(settings: settings)
        }

        func drain() {
            while true {
                self.machine.pump(now: self.now) { request in
                    guard let next = self.waiting[request.slot]?.first else { return .nothing }
                    guard request.isEmpty || next.bytes <= request.room else { return .tooLargeNow }
                    self.waiting[request.slot]?.removeFirst()
                    self.stamps[next.token] = request.stamp
                    return .batch(
                        ProduceBatch(
                            // The token stands where a batch has its base offset.
                            header: ByteBuffer(bytes: [UInt8](repeating: 0, count: 53)).behind(next.token),
                            body: ByteBuffer(repeating: 1, count: next.bytes - 61),
                            recordCount: 10,
                            token: next.token
                        )
                    )
                }
                let actions = self.machine.takeActions()
                if actions.isEmpty { return }
                for action in actions {
                    switch action {
                    case .connect(let node): self.connects.append(node)
                    case .send(let node, let id, let request, _): self.sent.append((node, id, request))
                    case .locate(let questions): self.questions += questions
                    case .initialize(let question): self.producerIDs.append(question)
                    case .learned: break
                    case .report(let event): self.events.append(event)
                    }
                }
            }
        }

        func add(_ partition: Int32, leader: Int32 = 1) -> Int {
            let slot = self.machine.add(TopicPartition(topic: "t", partition: partition), now: self.now)
            self.drain()
            self.answerQuestions(leader: leader)
            return slot
        }

        func answerQuestions(leader: Int32 = 1, epoch: Int32 = 5) {
            let questions = self.questions
            self.questions = []
            for question in questions {
                let leader = PartitionLeader(node: leader, epoch: epoch)
                self.machine.located(question.slot, identity: question.identity, leader: leader, now: self.now)
            }
            let ids = self.producerIDs
            self.producerIDs = []
            for question in ids {
                self.nextProducerID += 1
                let identity = ProducerIdentity(producerID: self.nextProducerID, epoch: 0)
                self.machine.initialized(question, identity, now: self.now)
            }
            self.drain()
        }

        func offer(_ slot: Int, _ tokens: ClosedRange<UInt64>, bytes: Int = 100_000) {
            for token in tokens { self.waiting[slot, default: []].append((token, bytes)) }
            self.machine.ready(slot, bytes: bytes * tokens.count, now: self.now)
            self.drain()
        }

        func connect(_ node: Int32 = 1) {
            self.machine.connected(node, version: 11, now: self.now)
            self.drain()
        }

        /// Answers a request, all partitions alike unless told otherwise.
        func answer(
            _ position: Int,
            _ code: ErrorCode = .none,
            offset: Int64 = 0,
            codes: [Int32: ErrorCode] = [:],
            change: (inout ProduceResponse.PartitionProduceResponse) -> Void = { _ in }
        ) {
            self.now = self.now + .milliseconds(1)
            let sent = self.sent[position]
            var response = ProduceResponse()
            for topic in sent.request.topicData {
                var answer = ProduceResponse.TopicProduceResponse()
                answer.name = topic.name
                for data in topic.partitionData {
                    var partition = ProduceResponse.PartitionProduceResponse()
                    partition.index = data.index
                    partition.errorCode = codes[data.index] ?? code
                    partition.baseOffset = partition.errorCode == .none ? offset : -1
                    change(&partition)
                    answer.partitionResponses.append(partition)
                }
                response.responses.append(answer)
            }
            self.machine.answered(sent.id, response, now: self.now)
            self.drain()
        }

        func wait(_ time: TimeAmount) {
            let end = self.now + time
            while let wake = self.machine.nextWake, wake <= end {
                self.now = max(self.now, wake)
                self.machine.tick(now: self.now)
                self.drain()
            }
            self.now = end
        }

        var acknowledged: [UInt64] {
            self.events.compactMap { if case .acknowledged(_, let token, _, _) = $0 { token } else { nil } }
        }
        var refusals: [ProduceRefusal] {
            self.events.compactMap { if case .refused(_, let refusal) = $0 { refusal } else { nil } }
        }
        /// The partitions of a request.
        func partitions(_ position: Int) -> [Int32] {
            self.sent[position].request.topicData.flatMap { $0.partitionData.map(\.index) }
        }
    }

    @Test("one batch at a time until the broker knows us, then up to five, in sequence")
    func window() {
        let script = Script()
        let slot = script.add(0)
        script.offer(slot, 1...9)
        script.connect()
        #expect(script.sent.count == 1 && script.sent[0].request.acks == -1)
        script.answer(0, offset: 40)
        #expect(script.sent.count == 6)
        #expect((1...6).map { script.stamps[$0]?.sequence } == [0, 10, 20, 30, 40, 50])
        #expect(script.events == [.acknowledged(slot: slot, token: 1, baseOffset: 40, logAppendTime: nil)])
        for position in 1..<6 { script.answer(position) }
        for position in 6..<script.sent.count { script.answer(position) }
        #expect(script.acknowledged == Array(1...9))
    }

    @Test("a request takes one batch of each partition, up to its size")
    func sharing() {
        var settings = ProduceSettings()
        settings.maximumRequestBytes = 350_000
        let script = Script(settings)
        let slots = (0..<5).map { script.add(Int32($0)) }
        for slot in slots { script.offer(slot, UInt64(slot * 10 + 1)...UInt64(slot * 10 + 2)) }
        script.connect()
        #expect(script.partitions(0) == [0, 1, 2])
        #expect(script.partitions(1) == [3, 4])
        script.answer(0)
        script.answer(1)
        #expect(script.partitions(2).count == 3 && Set(script.partitions(2) + script.partitions(3)) == [0, 1, 2, 3, 4])
    }

    @Test("a batch larger than a request's size still goes out, alone")
    func oversize() {
        var settings = ProduceSettings()
        settings.maximumRequestBytes = 1_000
        let script = Script(settings)
        let slot = script.add(0)
        script.offer(slot, 1...1)
        script.connect()
        #expect(script.sent.count == 1)
    }

    @Test("small requests wait for company only while others are out, and not for long")
    func linger() {
        let script = Script()
        let first = script.add(0)
        let second = script.add(1)
        script.offer(first, 1...1, bytes: 100)
        script.connect()
        #expect(script.sent.count == 1, "nothing is out: no reason to wait")
        script.offer(second, 2...2, bytes: 100)
        #expect(script.sent.count == 1)
        script.wait(.milliseconds(4))
        #expect(script.sent.count == 1)
        script.wait(.milliseconds(2))
        #expect(script.sent.count == 2)
    }

    @Test("retriable errors: the same batch with the same sequence, first alone, then the rest in order")
    func retry() {
        let script = Script()
        let slot = script.add(0)
        script.offer(slot, 1...1)
        script.connect()
        script.answer(0)
        script.offer(slot, 2...4)
        #expect(script.sent.count == 4)
        let bytes = script.sent[1].request
        script.answer(1, .notEnoughReplicas)
        #expect(script.sent.count == 4, "what else is out must be answered first")
        script.answer(2, .outOfOrderSequenceNumber)
        script.answer(3, .outOfOrderSequenceNumber)
        script.wait(.milliseconds(200))
        script.answerQuestions()
        #expect(script.sent.count == 5 && script.sent[4].request == bytes)
        script.answer(4)
        #expect(script.sent.count == 7)
        script.answer(5)
        script.answer(6)
        #expect(script.acknowledged == [1, 2, 3, 4] && script.refusals.isEmpty)
        #expect((2...4).map { script.stamps[$0]?.sequence } == [10, 20, 30])
    }

    @Test("a batch the broker has already counts as written")
    func duplicate() {
        let script = Script()
        let slot = script.add(0)
        script.offer(slot, 1...1)
        script.connect()
        script.answer(0, .duplicateSequenceNumber)
        #expect(script.events == [.acknowledged(slot: slot, token: 1, baseOffset: nil, logAppendTime: nil)])
    }

    @Test("what was on a lost connection is sent again as it was")
    func disconnect() {
        let script = Script()
        let slot = script.add(0)
        script.offer(slot, 1...1)
        script.connect()
        script.answer(0)
        script.offer(slot, 2...3)
        let requests = script.sent[1...2].map(\.request)
        script.machine.disconnected(1, reason: "reset", now: script.now)
        script.drain()
        script.wait(.milliseconds(300))
        script.answerQuestions()
        script.connect()
        #expect(script.sent.count == 4 && script.sent[3].request == requests[0])
        script.answer(3)
        #expect(script.sent.count == 5 && script.sent[4].request == requests[1])
    }

    @Test("a leader named in the answer is followed without a pause")
    func leaderNamed() {
        let script = Script()
        let slot = script.add(0)
        script.offer(slot, 1...1)
        script.connect()
        script.answer(0, .notLeaderOrFollower) {
            $0.currentLeader.leaderID = 2
            $0.currentLeader.leaderEpoch = 6
        }
        script.connect(2)
        #expect(script.sent.count == 2 && script.sent[1].node == 2)
        #expect(script.sent[1].request == script.sent[0].request)
    }

    @Test("a refusal stops one partition; it goes on under an identity of its own")
    func refusal() {
        let script = Script()
        let bad = script.add(0)
        let good = script.add(1)
        script.offer(bad, 1...1)
        script.offer(good, 11...11)
        script.connect()
        for position in 0..<script.sent.count { script.answer(position, codes: [0: .messageTooLarge]) }
        #expect(
            script.refusals == [
                ProduceRefusal(kind: .tooLarge, code: .messageTooLarge, message: nil, token: 1, isOutcomeUnknown: false)
            ]
        )
        script.offer(bad, 2...2)
        script.offer(good, 12...12)
        #expect(script.stamps[2] == nil && script.stamps[12]?.sequence == 10)
        script.machine.resume(bad, now: script.now)
        script.drain()
        script.answerQuestions()
        script.offer(bad, 3...3)
        #expect(script.stamps[2]?.sequence == 0)
        #expect(script.stamps[2]?.identity != script.stamps[12]?.identity)
    }

    @Test("a partition that was refused goes on with the sequence number that it is given")
    func refusalContinued() {
        let script = Script()
        let slot = script.add(0)
        script.offer(slot, 1...2)
        script.connect()
        script.answer(0)
        script.answer(1, .messageTooLarge)
        let first = script.stamps[1]
        let refused = script.stamps[2]
        #expect(script.refusals.count == 1 && refused?.sequence != 0)
        script.machine.resume(slot, continuing: refused, now: script.now)
        script.drain()
        script.answerQuestions()
        script.offer(slot, 3...3)
        #expect(script.stamps[3] == refused && script.stamps[3]?.identity == first?.identity)
    }

    @Test(
        "codes are refusals of their kind",
        arguments: [
            (ErrorCode.messageTooLarge, ProduceRefusal.Kind.tooLarge), (.recordListTooLarge, .tooLarge),
            (.invalidRecord, .invalid), (.topicAuthorizationFailed, .denied), (.unknownProducerID, .sequenceLost),
            (.invalidProducerEpoch, .sequenceLost), (.outOfOrderSequenceNumber, .sequenceLost),
            (.invalidRequiredAcks, .other),
        ]
    )
    func kinds(code: ErrorCode, kind: ProduceRefusal.Kind) {
        let script = Script()
        let slot = script.add(0)
        script.offer(slot, 1...1)
        script.connect()
        script.answer(0, code)
        #expect(script.refusals.map(\.kind) == [kind])
        #expect(script.refusals.map(\.isOutcomeUnknown) == [kind == .sequenceLost])
    }

    @Test("a refusal after an attempt without an answer says that the outcome is unknown")
    func unknownOutcome() {
        let script = Script()
        let slot = script.add(0)
        script.offer(slot, 1...1)
        script.connect()
        script.answer(0, .requestTimedOut)
        script.wait(.milliseconds(300))
        script.answerQuestions()
        script.answer(1, .topicAuthorizationFailed)
        #expect(script.refusals.map(\.isOutcomeUnknown) == [true])
    }

    @Test("a missing topic is waited for, then refused; damage on the way is tried again, then refused")
    func patience() {
        for (code, kind) in [
            (ErrorCode.unknownTopicOrPartition, ProduceRefusal.Kind.missing), (.corruptMessage, .invalid),
        ] {
            let script = Script()
            let slot = script.add(0)
            script.offer(slot, 1...1)
            script.connect()
            var position = 0
            while script.refusals.isEmpty, position < 20 {
                script.answer(position, code)
                script.wait(.seconds(2))
                script.answerQuestions()
                position += 1
            }
            #expect(script.refusals.map(\.kind) == [kind])
            #expect((3...10).contains(position))
        }
    }

    @Test("a partition that the answer leaves out is sent again")
    func omitted() {
        let script = Script()
        let slot = script.add(0)
        script.offer(slot, 1...1)
        script.connect()
        script.machine.answered(script.sent[0].id, ProduceResponse(), now: script.now)
        script.drain()
        script.wait(.milliseconds(300))
        script.answerQuestions()
        #expect(script.sent.count == 2 && script.sent[1].request == script.sent[0].request)
    }

    @Test("no producer id, no batch; it is asked for again")
    func noIdentity() {
        let script = Script()
        let slot = script.machine.add(TopicPartition(topic: "t", partition: 0), now: script.now)
        script.drain()
        #expect(script.producerIDs == [.shared])
        script.producerIDs = []
        script.machine.notInitialized(.shared, reason: "loading", now: script.now)
        script.answerQuestions()
        script.offer(slot, 1...1)
        #expect(script.connects.isEmpty)
        script.wait(.milliseconds(200))
        script.answerQuestions()
        #expect(script.connects == [1])
    }

    @Test("sequence numbers wrap after 2^31-1")
    func wrap() {
        #expect(ProducerIDState.advance(Int32.max, by: 1) == 0)
        #expect(ProducerIDState.advance(Int32.max - 4, by: 10) == 5)
        #expect(ProducerIDState.advance(7, by: 10) == 17)
    }
}

/// Far away more than five batches of a partition are out, which is more than a broker recognises when they come twice.
@Suite("Producer machine at a distance")
struct ProducerDistanceTests {
    private static let recognised = 5

    /// A broker with one partition that remembers its last five batches, as Kafka does.
    private final class Broker {
        var written: [(sequence: Int32, base: Int64)] = []

        func produce(_ stamp: ProducerStamp) -> (ErrorCode, Int64) {
            if let known = self.written.suffix(ProducerDistanceTests.recognised).first(where: {
                $0.sequence == stamp.sequence
            }) {
                return (.none, known.base)
            }
            guard stamp.sequence == Int32(self.written.count * 10) else { return (.outOfOrderSequenceNumber, -1) }
            self.written.append((stamp.sequence, Int64(self.written.count * 10)))
            return (.none, Int64(self.written.count * 10 - 10))
        }
    }

    @Test("after a lost connection asks until it knows how much was written", arguments: 0...40)
    func lostConnection(written: Int) throws {
        var settings = ProduceSettings()
        settings.farAway = .zero
        settings.linger = .zero
        let script = ProducerMachineTests.Script(settings)
        let broker = Broker()
        let slot = script.add(0)
        // The first answers show distance and rate, so that more than five go out.
        script.offer(slot, 1...200, bytes: 10_000)
        script.connect()
        var answered = 0
        for _ in 0..<50 where script.sent.count - answered < 40 {
            script.now = script.now + .milliseconds(200)
            for position in answered..<script.sent.count {
                let stamp = try #require(script.stamps[UInt64(position + 1)])
                let (code, base) = broker.produce(stamp)
                script.answer(position, code, offset: base)
                answered += 1
            }
        }
        let outstanding = script.sent.count - answered
        try #require(outstanding >= 40, "only \(outstanding) are out")
        // Some of those that are out are written, and their answers are lost.
        for position in answered..<(answered + written) {
            let stamp = try #require(script.stamps[UInt64(position + 1)])
            #expect(broker.produce(stamp).0 == .none)
        }
        script.machine.disconnected(1, reason: "reset", now: script.now)
        script.drain()
        var position = script.sent.count
        var questions = 0
        while script.events.count < 200, questions < 400 {
            questions += 1
            script.now = script.now + .seconds(2)
            script.machine.tick(now: script.now)
            script.drain()
            script.answerQuestions()
            script.connect()
            while position < script.sent.count {
                let token = try #require(script.sent[position].request.topicData.first?.partitionData.first?.token)
                let stamp = try #require(script.stamps[token])
                let (code, base) = broker.produce(stamp)
                script.answer(position, code, offset: base)
                position += 1
            }
        }
        let acknowledged = script.events.compactMap { event -> (UInt64, Int64?)? in
            if case .acknowledged(_, let token, let base, _) = event { (token, base) } else { nil }
        }
        #expect(acknowledged.map(\.0) == Array(1...200), "in order, each once")
        #expect(acknowledged.allSatisfy { $0.1 == Int64($0.0 - 1) * 10 }, "each at its place")
        #expect(broker.written.count == 200)
        #expect(!script.events.contains { if case .refused = $0 { true } else { false } })
    }
}

extension ByteBuffer {
    /// These bytes behind a number.
    fileprivate func behind(_ number: UInt64) -> ByteBuffer {
        var result = ByteBuffer(integer: number)
        result.writeImmutableBuffer(self)
        return result
    }
}

extension ProduceRequest.PartitionProduceData {
    fileprivate var token: UInt64? { self.records?.joined().getInteger(at: 0) }
}
