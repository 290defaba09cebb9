import KafkaClient
import KafkaProtocol
import KafkaRecords
import Mirror
import NIOCore

/// The joints of the fetcher.
extension MirrorProcess {
    func perform(_ action: FetcherMachine.Action) {
        switch action {
        case .connect(let node): connectFetcher(node)
        case .disconnect(let node):
            if let link = fetchLinks.removeValue(forKey: node) { close(link) }
        case .send(let node, let request, let version): send(request, version, to: node)
        case .connectAhead(let node): connectAhead(node)
        case .sendAhead(let node, let request, let version): sendAhead(request, version, to: node)
        case .locate(let questions): locate(questions)
        case .resolve(let slot, let generation, let partition, let start):
            let isCommitted = history.plan.isReadCommitted
            call(history.source[partition]?.leader) {
                self.history.source[partition].map {
                    start == .latest ? (isCommitted ? $0.lastStable : $0.end) : $0.start
                }
            } _: { result in
                if case .success(.some(let offset)) = result {
                    self.fetcher.resolved(slot, generation: generation, offset: offset, now: self.clock)
                } else {
                    self.fetcher.notResolved(slot, generation: generation, reason: .noLeader("none"), now: self.clock)
                }
            }
        case .findBounds(let slot, let generation, let partition):
            call(history.source[partition]?.leader) {
                self.history.source[partition].map { ($0.start, $0.end) }
            } _: { result in
                if case .success(.some(let (start, end))) = result {
                    self.fetcher.foundBounds(
                        slot,
                        generation: generation,
                        logStart: start,
                        logEnd: end,
                        now: self.clock
                    )
                } else {
                    self.fetcher.notResolved(slot, generation: generation, reason: .noLeader("none"), now: self.clock)
                }
            }
        case .learned(let partition, let node, let epoch):
            if let known = sourceView[partition], known.epoch < epoch {
                sourceView[partition] = PartitionLeader(node: node, epoch: epoch, topicID: known.topicID)
            }
        case .deliver(let records): deliver(records)
        case .report(let event):
            guard let cell = cells.first(where: { $0.fetchSlot == event.slot }) else { return }
            if case .started(_, let offset) = event {
                history.truth[cell.index].begun[cell.sourceTopicID] = offset
            }
            if mutated(.topicIDIgnored), case .topicRecreated = event { return }
            cell.flow.source(event)
        }
    }

    private func connectFetcher(_ node: Int32) {
        connect(node) {
            self.fetchLinks[node] = Link(node: node) { reason in
                self.fetchLinks[node] = nil
                self.fetcher.disconnected(node, reason: reason, now: self.clock)
            }
            self.fetcher.connected(node, version: self.history.plan.fetchVersion, now: self.clock)
        } failed: { reason in
            self.fetcher.disconnected(node, reason: reason, now: self.clock)
        }
    }

    private func connectAhead(_ node: Int32) {
        connect(node) {
            self.aheadLinks[node] = Link(node: node) { _ in
                self.aheadLinks[node] = nil
                self.fetcher.aheadDisconnected(node, now: self.clock)
            }
            self.fetcher.aheadConnected(node, version: self.history.plan.fetchVersion, now: self.clock)
        } failed: { _ in
            self.fetcher.aheadDisconnected(node, now: self.clock)
        }
    }

    private func sendAhead(_ request: FetchRequest, _ version: Int16, to node: Int32) {
        guard let link = aheadLinks[node] else {
            fetcher.aheadDisconnected(node, now: clock)
            return
        }
        history.statistics.fetchRequests += 1
        exchange(link, patience: Self.requestTimeout) { reply in
            self.serve(request, version, node, reply)
        } answered: { (response: FetchResponse) in
            self.fetcher.aheadAnswered(node, self.planted(response), now: self.clock)
        }
    }

    private func deliver(_ records: FetchedRecords) {
        guard let cell = cells.first(where: { $0.fetchSlot == records.slot }) else {
            fetcher.release(records.lease, now: clock)
            return
        }
        cell.flow.fetched(records)
    }

    private func locate(_ questions: [FetcherMachine.LeaderQuestion]) {
        for question in questions {
            if !question.refresh || mutated(.leaderNotLookedUp), let leader = sourceView[question.partition] {
                fetcher.located(question.slot, generation: question.generation, leader: leader, now: clock)
                continue
            }
            let lags = history.strikes(.staleMetadata)
            let partition = question.partition
            call(history.plan.sourceNodes[0]) {
                self.history.source.leader(of: partition, now: self.history.now, lags: lags)
            } _: { result in
                let slot = question.slot
                if case .success(.some(let leader)) = result {
                    self.sourceView[partition] = leader
                    self.fetcher.located(slot, generation: question.generation, leader: leader, now: self.clock)
                } else {
                    self.fetcher.notLocated(
                        slot,
                        generation: question.generation,
                        reason: .noLeader("none"),
                        now: self.clock
                    )
                }
            }
        }
    }

    private static let errors: [ErrorCode] = [
        .notLeaderOrFollower, .notLeaderOrFollower, .unknownLeaderEpoch, .fencedLeaderEpoch, .kafkaStorageError,
        .offsetNotAvailable, .unknownTopicOrPartition, .unknownServerError, .corruptMessage, .requestTimedOut,
        .replicaNotAvailable, .leaderNotAvailable, .offsetOutOfRange, .topicAuthorizationFailed,
    ]

    private func send(_ request: FetchRequest, _ version: Int16, to node: Int32) {
        guard let link = fetchLinks[node] else {
            fetcher.disconnected(node, reason: "closed", now: clock)
            return
        }
        var request = request
        if mutated(.epochsIgnored) {
            for topic in request.topics.indices {
                for partition in request.topics[topic].partitions.indices {
                    request.topics[topic].partitions[partition].currentLeaderEpoch = -1
                    request.topics[topic].partitions[partition].lastFetchedEpoch = -1
                }
            }
        }
        let sent = request
        history.statistics.fetchRequests += 1
        exchange(link, patience: .milliseconds(Int64(request.maxWaitMs)) + Self.requestTimeout) { reply in
            self.serve(sent, version, node, reply)
        } answered: { (response: FetchResponse) in
            self.fetcher.answered(node, self.planted(response), now: self.clock)
        }
    }

    private func serve(
        _ request: FetchRequest,
        _ version: Int16,
        _ node: Int32,
        _ reply: @escaping (FetchResponse) -> Void
    ) {
        if history.strikes(.sessionEviction) { history.source.sessions[node] = nil }
        if history.strikes(.leaderMove) {
            let pair = history.random.pick(history.pairs)
            let other = history.random.pick(history.plan.sourceNodes)
            let lag = history.milliseconds(0...500)
            history.source.moveLeader(pair.source, to: other, now: history.now, lag: lag)
        }
        switch history.source.admit(request, version: version, node: node) {
        case .refused(let code):
            var response = FetchResponse()
            response.errorCode = code
            reply(response)
        case .read(let session, let isIncremental, let wanted):
            let first = read(request, version, node, session, isIncremental, wanted)
            guard first.responses.allSatisfy({ $0.partitions.allSatisfy { Self.isEmpty($0) } }) else {
                reply(first)
                return
            }
            history.later(.milliseconds(Int64(request.maxWaitMs))) {
                reply(self.read(request, version, node, session, isIncremental, wanted))
            }
        }
    }

    private static func isEmpty(_ answer: FetchResponse.PartitionData) -> Bool {
        answer.errorCode == .none && (answer.records?.byteCount ?? 0) == 0 && answer.divergingEpoch.endOffset < 0
    }

    private func read(
        _ request: FetchRequest,
        _ version: Int16,
        _ node: Int32,
        _ session: Int32,
        _ isIncremental: Bool,
        _ wanted: [ModelCluster.SessionKey: FetchRequest.FetchPartition]
    ) -> FetchResponse {
        var response = history.source.read(
            wanted,
            request,
            version: version,
            node: node,
            isIncremental: isIncremental,
            namesLeaders: history.plan.namesLeaders
        ) { _ in
            self.history.strikes(.fetchError) ? self.history.random.pick(Self.errors) : nil
        }
        response.sessionID = session
        if history.strikes(.throttle) { response.throttleTimeMs = Int32(history.random.int(10...1_000)) }
        return response
    }

    /// The answer with a planted bug.
    private func planted(_ response: FetchResponse) -> FetchResponse {
        guard mutated(.abortedForwarded) || mutated(.controlForwarded) else { return response }
        var response = response
        for topic in response.responses.indices {
            for partition in response.responses[topic].partitions.indices {
                if mutated(.abortedForwarded) {
                    response.responses[topic].partitions[partition].abortedTransactions = nil
                } else if let records = response.responses[topic].partitions[partition].records {
                    response.responses[topic].partitions[partition].records = RecordData(
                        Planting.withoutControlBits(records.joined())
                    )
                }
            }
        }
        return response
    }
}
