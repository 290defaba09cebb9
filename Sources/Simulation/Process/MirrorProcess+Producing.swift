import KafkaClient
import KafkaProtocol
import KafkaRecords
import Mirror
import NIOCore

/// The joints of the producer.
extension MirrorProcess {
    func perform(_ action: ProducerMachine.Action) {
        switch action {
        case .connect(let node): connectProducer(node)
        case .send(let node, let id, let request, _): send(request, id, to: node)
        case .locate(let questions): locate(questions)
        case .initialize(let question):
            call(history.plan.targetNodes.last) {
                self.history.target.nextProducerID += 1
                return self.history.target.nextProducerID
            } _: { result in
                switch result {
                case .success(let id):
                    self.producer.initialized(question, ProducerIdentity(producerID: id, epoch: 0), now: self.clock)
                case .failure:
                    self.producer.notInitialized(question, reason: "no answer", now: self.clock)
                }
            }
        case .learned(let partition, let node, let epoch):
            if let known = targetView[partition], known.epoch < epoch {
                targetView[partition] = PartitionLeader(node: node, epoch: epoch, topicID: known.topicID)
            }
        case .report(let event): report(event)
        }
    }

    private func report(_ event: ProduceEvent) {
        let slot: Int
        switch event {
        case .acknowledged(let number, _, _, _), .refused(let number, _), .failing(let number, _),
            .recovered(let number):
            slot = number
        }
        if transactionsHandle(event) { return }
        guard let cell = cells.first(where: { $0.produceSlot == slot }) else { return }
        switch event {
        case .acknowledged(_, let token, let base, _):
            history.log.add(history.now, "ack", Int64(cell.index), Int64(token), base ?? -1)
            if cell.isPlaceUnknown(token, base) { history.truth[cell.index].hadUnknownPlaces = true }
            acknowledge(cell, token, base)
        case .refused(_, let refusal):
            history.log.add(history.now, "refused", Int64(cell.index), text: "\(refusal)")
            if mutated(.failureIsWritten), !refusal.isOutcomeUnknown {
                let end = history.target[cell.flow.assignment.target]?.end
                cell.flow.acknowledged(token: refusal.token, baseOffset: end)
            }
            cell.flow.refused(refusal, now: clock)
        case .failing(_, let failure): cell.flow.producer(failing: failure)
        case .recovered: cell.flow.producer(failing: nil)
        }
    }

    func acknowledge(_ cell: Cell, _ token: UInt64, _ base: Int64?) {
        if mutated(.droppedAck), history.random.chance(500) { return }
        if mutated(.ackOfWrongBatch), history.random.chance(500) {
            cell.flow.acknowledged(token: token + 1, baseOffset: base)
            return
        }
        cell.flow.acknowledged(token: token, baseOffset: mutated(.baseOffByOne) ? base.map { $0 + 1 } : base)
    }

    private func connectProducer(_ node: Int32) {
        connect(node) {
            self.produceLinks[node] = Link(node: node) { reason in
                self.produceLinks[node] = nil
                if self.mutated(.lostAnswerIsSuccess) { self.pretendSuccess(node) }
                self.producer.disconnected(node, reason: reason, now: self.clock)
            }
            self.producer.connected(node, version: self.history.plan.produceVersion, now: self.clock)
        } failed: { reason in
            self.producer.disconnected(node, reason: reason, now: self.clock)
        }
    }

    private func locate(_ questions: [ProducerMachine.LeaderQuestion]) {
        for question in questions {
            if !question.refresh, let leader = targetView[question.partition] {
                producer.located(question.slot, identity: question.identity, leader: leader, now: clock)
                continue
            }
            let lags = history.strikes(.staleMetadata)
            let partition = question.partition
            call(history.plan.targetNodes[0]) {
                self.history.target.leader(of: partition, now: self.history.now, lags: lags)
            } _: { result in
                switch result {
                case .success(.some(let leader)):
                    self.targetView[partition] = leader
                    self.producer.located(question.slot, identity: question.identity, leader: leader, now: self.clock)
                case .success(.none), .failure:
                    var isMissing = false
                    if case .success = result { isMissing = true }
                    self.producer.notLocated(
                        question.slot,
                        identity: question.identity,
                        reason: .noLeader("none"),
                        isMissing: isMissing,
                        now: self.clock
                    )
                }
            }
        }
    }

    private static let refusals: [ErrorCode] = [
        .notEnoughReplicas, .notEnoughReplicas, .notLeaderOrFollower, .leaderNotAvailable, .kafkaStorageError,
        .unknownTopicOrPartition, .corruptMessage, .messageTooLarge, .topicAuthorizationFailed, .policyViolation,
        .invalidRecord, .unknownProducerID, .unknownProducerID, .outOfOrderSequenceNumber, .invalidProducerEpoch,
        .unknownServerError,
    ]
    private static let afterWriting: [ErrorCode] = [
        .requestTimedOut, .notEnoughReplicasAfterAppend, .networkException, .unknownServerError, .notLeaderOrFollower,
    ]

    private func send(_ request: ProduceRequest, _ id: UInt64, to node: Int32) {
        guard let link = produceLinks[node] else {
            producer.disconnected(node, reason: "closed", now: clock)
            return
        }
        history.statistics.produceRequests += 1
        let sent = Planting.planted(history.mutation, request)
        sentRequests[id] = (node, sent)
        let topicIDs = sent.topicData.map { history.target.topicID(of: $0.name) }
        exchange(link, patience: Self.requestTimeout) { reply in
            self.noteLate(sent, topicIDs)
            reply(self.serve(sent, node))
        } answered: { (response: ProduceResponse) in
            self.sentRequests[id] = nil
            self.producer.answered(id, response, now: self.clock)
        }
    }

    /// Before version 13 a request names its topics: what was sent to one that was deleted gets into the one that has its
    /// name now, which knows nothing of the producer and takes any sequence.
    private func noteLate(_ request: ProduceRequest, _ topicIDs: [KafkaUUID]) {
        for (topic, id) in zip(request.topicData, topicIDs) where history.target.topicID(of: topic.name) != id {
            for data in topic.partitionData {
                let partition = TopicPartition(topic: topic.name, partition: data.index)
                if let index = history.index(ofTarget: partition) { history.truth[index].lostProducers = true }
            }
        }
    }

    /// A producer's next epoch keeps late batches out as soon as it has written, so its first batch may be one that has
    /// just been written late.
    private func noteOvertaken(_ partition: TopicPartition, _ batch: ModelLog.Batch) {
        guard let index = history.index(ofTarget: partition) else { return }
        let state = history.truth[index]
        guard state.wasTruncatedAtTarget || state.wasRecreatedAtTarget else { return }
        // A broker that has forgotten the producer takes any sequence.
        if !isAlive, batch.sequence > 0, history.target[partition]?.producers[batch.producerID]?.recent.count == 1 {
            history.truth[index].lostProducers = true
        }
        for process in history.processes where process.isAlive && process.number > number {
            guard let identity = process.identities[index], identity.producerID == batch.producerID,
                identity.epoch > batch.producerEpoch
            else { continue }
            history.truth[index].lostProducers = true
        }
    }

    private func serve(_ request: ProduceRequest, _ node: Int32) -> ProduceResponse {
        if history.strikes(.leaderMove) {
            let pair = history.random.pick(history.pairs)
            let other = history.random.pick(history.plan.targetNodes)
            let lag = history.milliseconds(0...500)
            history.target.moveLeader(pair.target, to: other, now: history.now, lag: lag)
        }
        var batches: [(TopicPartition, ModelLog.Batch)] = []
        var response = history.target.produce(request, node: node, namesLeaders: history.plan.namesLeaders) { _ in
            if self.history.strikes(.produceError) { return .notWritten(self.history.random.pick(Self.refusals)) }
            if self.history.strikes(.writtenWithError) {
                return .written(self.history.random.pick(Self.afterWriting))
            }
            return self.history.strikes(.unansweredPartition) ? .unanswered : nil
        } written: { partition, batch in
            batches.append((partition, batch))
            self.history.log.add(
                self.history.now,
                "written",
                Int64(self.number),
                Int64(partition.partition),
                batch.base,
                Int64(batch.count),
                text: "\(partition.topic) \(batch.producerID)/\(batch.producerEpoch) from \(batch.sequence)"
            )
        }
        for (partition, batch) in batches { noteOvertaken(partition, batch) }
        if history.strikes(.throttle) { response.throttleTimeMs = Int32(history.random.int(10...1_000)) }
        return response
    }

    /// Answers what is out on a lost connection with success.
    private func pretendSuccess(_ node: Int32) {
        for (id, request) in sentRequests.sorted(by: { $0.key < $1.key }) where request.node == node {
            sentRequests[id] = nil
            var response = ProduceResponse()
            for topic in request.request.topicData {
                var answers = ProduceResponse.TopicProduceResponse()
                answers.name = topic.name
                for data in topic.partitionData {
                    var answer = ProduceResponse.PartitionProduceResponse()
                    answer.index = data.index
                    answer.baseOffset = -1
                    answers.partitionResponses.append(answer)
                }
                response.responses.append(answers)
            }
            producer.answered(id, response, now: clock)
        }
    }
}
