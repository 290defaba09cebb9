import KafkaClient
import KafkaProtocol
import KafkaRecords
import Mirror
import MirrorModel
import NIOCore

/// Where partitions go on, and with which producer: what `ResumeResolver` and `ProducerContinuity` ask and decide.
extension MirrorProcess {
    typealias Decisions = [(TopicPlan.Mirrored, ResumeResolver.Decision)]

    func begin(_ added: [TopicPlan.Mirrored], _ completion: @escaping () -> Void) {
        guard !added.isEmpty else {
            completion()
            return
        }
        reloadProgress { self.resume(added, completion) }
    }

    /// A partition that was given up with a transaction open may be further than it could say.
    private func reloadProgress(_ completion: @escaping () -> Void) {
        guard transactions != nil, hasGivenUpPartitions else {
            completion()
            return
        }
        readCommitted(waits: true) { committed in
            if let committed {
                self.hasGivenUpPartitions = false
                self.ledger?.reload(committed.progress)
            }
            completion()
        }
    }

    private func resume(_ wanted: [TopicPlan.Mirrored], _ completion: @escaping () -> Void) {
        let added = wanted.filter { !goneTopics.contains($0.sourceTopicID) }
        for mirrored in wanted where goneTopics.contains(mirrored.sourceTopicID) { current[mirrored.source] = nil }
        guard let ledger, !added.isEmpty else {
            completion()
            return
        }
        var decisions: Decisions = []
        var open = added.count
        for mirrored in added {
            resolve(mirrored, ledger) { decision in
                decisions.append((mirrored, decision))
                open -= 1
                guard open == 0 else { return }
                decisions.sort { $0.0.source < $1.0.source }
                self.giveProducers(decisions, ledger) { decisions in
                    self.writeStarts(of: decisions) { isWritten in
                        self.assign(decisions, isWritten)
                        completion()
                    }
                }
            }
        }
    }

    private func assign(_ decisions: Decisions, _ isWritten: Bool) {
        for (mirrored, decision) in decisions {
            switch decision {
            case .beginOnceWritten where !isWritten, .beginWhenWritten where !isWritten: current[mirrored.source] = nil
            case .begin(let assignment), .beginOnceWritten(let assignment, _), .beginWhenWritten(let assignment, _):
                guard !isStopping, current[mirrored.source] == mirrored else { continue }
                ledger?.began(mirrored)
                add(assignment, kept: ledger?.takeOffsetMap(of: mirrored))
            case .comparing, .wait: current[mirrored.source] = nil
            }
        }
    }

    /// Only differences count.
    private var now: ContinuousClock.Instant { Self.epoch + .nanoseconds(Int64(history.now.uptimeNanoseconds)) }
    private static let epoch = ContinuousClock.now

    // MARK: Producers

    private func giveProducers(
        _ decisions: Decisions,
        _ ledger: ProgressLedger,
        _ completion: @escaping (Decisions) -> Void
    ) {
        guard transactions == nil else {
            completion(decisions)
            return
        }
        var decisions = decisions
        var open: [Int] = []
        for index in decisions.indices {
            decisions[index].1 = succession.checked(decisions[index].1, now: now)
            if let assignment = decisions[index].1.assignment, assignment.producer == nil { open.append(index) }
        }
        let known = open.map { ledger.known[decisions[$0].0.source] }
        let successors = zip(open, known).map { succession.successor(of: $1?.producer, at: decisions[$0].0.source) }
        let new = zip(open, successors).filter { $0.1 == nil }.compactMap { decisions[$0.0].1.assignment?.target }
        identity(for: Set(new)) { identity in
            for (place, index) in open.enumerated() {
                let (mirrored, decision) = decisions[index]
                guard let identity = successors[place] ?? identity else {
                    decisions[index].1 = .wait(reason: "no producer id", nextStep: nil)
                    continue
                }
                decisions[index].1 = ProducerSuccession.begin(
                    decision,
                    of: mirrored,
                    with: identity,
                    sourceStart: self.history.source[mirrored.source]?.start,
                    behind: known[place]
                )
                if self.mutated(.startForgotten), known[place] != nil,
                    case .beginWhenWritten(let assignment, var record) = decisions[index].1
                {
                    record.isStart = false
                    decisions[index].1 = .beginWhenWritten(assignment, record)
                }
            }
            completion(decisions)
        }
    }

    private func identity(for targets: Set<TopicPartition>, _ completion: @escaping (ProducerIdentity?) -> Void) {
        if targets.isEmpty {
            completion(nil)
        } else if let known = succession.identity(for: targets) {
            completion(known)
        } else {
            call(history.plan.targetNodes.last) {
                self.history.target.nextProducerID += 1
                return ProducerIdentity(producerID: self.history.target.nextProducerID, epoch: 0)
            } _: { result in
                guard case .success(let identity) = result else {
                    completion(nil)
                    return
                }
                self.succession.begin(identity, for: targets)
                completion(identity)
            }
        }
    }

    /// Writes down where partitions begin that would begin somewhere else, or as somebody else, next time.
    private func writeStarts(of decisions: Decisions, _ completion: @escaping (Bool) -> Void) {
        var starts = ledger?.starts(of: decisions, offsets) ?? [:]
        if mutated(.mapNotKept) { starts = starts.mapValues(\.withoutOffsetMap) }
        guard !starts.isEmpty else {
            completion(true)
            return
        }
        let entries = starts.sorted { $0.key < $1.key }.map { (partition: $0.key, value: $0.value.bytes) }
        let fails = history.strikes(.progressLost)
        let kept = fails ? history.random.int(0...entries.count) : entries.count
        call(history.plan.targetNodes.last) {
            self.history.keep(entries[..<kept], of: self.number)
            for entry in entries[..<kept] { self.noteStart(starts[entry.partition], of: entry.partition) }
        } _: { result in
            guard case .success = result, !fails else {
                completion(false)
                return
            }
            let written = starts.mapValues(\.withoutOffsetMap)
            self.ledger?.begins(written)
            self.ledger?.wrote(written)
            completion(true)
        }
    }

    /// Mirroring begins where it is written down, whoever does it.
    private func noteStart(_ record: ProgressRecord?, of source: TopicPartition) {
        guard let record, record.isStart, let id = record.sourceTopicID, let index = history.index(ofSource: source)
        else { return }
        // As long as nothing is mirrored, it may begin at what is left of its source by then.
        let isEmpty = history.target[history.pairs[index].target]?.batches.allSatisfy { $0.producerID < 0 } ?? true
        if isEmpty || history.truth[index].begun[id] == nil { history.truth[index].begun[id] = record.offset + 1 }
    }

    /// Gives a partition back that somebody else has written in our place.
    func takeUpAgain(_ cell: Cell, isForgotten: Bool) {
        let source = cell.flow.assignment.source
        drain(cell, patience: .seconds(5)) {
            self.remove(cell)
            if let position = cell.flow.durablePosition { self.ledger?.observe([source: position]) }
            self.succession.overtook(
                source,
                cell.flow.durablePosition?.producer,
                isForgotten: isForgotten,
                now: self.now
            )
            self.current[source] = nil
        }
    }

    // MARK: Places

    private func resolve(
        _ mirrored: TopicPlan.Mirrored,
        _ ledger: ProgressLedger,
        _ decided: @escaping (ResumeResolver.Decision) -> Void
    ) {
        var resumption = ledger.resumption(of: mirrored)
        if mutated(.topicIDIgnored), case .sourceRecreated = resumption, let record = ledger.known[mirrored.source] {
            resumption = .after(record)
        }
        let finish = { (end: Int64?) in
            var end = end
            if self.mutated(.noTailComparison), case .after(let record) = resumption {
                end = record.targetOffset.map { $0 + 1 } ?? 0
            }
            let plan = ResumePlan(
                mirrored,
                resumption: resumption,
                startOffset: .earliest,
                isInitial: self.initial?.contains(mirrored.source) ?? false,
                targetEnd: end
            )
            self.follow(plan, mirrored, decided)
        }
        guard ResumePlan.needsTargetEnd(resumption, startOffset: .earliest) else {
            finish(nil)
            return
        }
        call(history.target[mirrored.target]?.leader) {
            self.history.target[mirrored.target]?.end
        } _: { result in
            if case .success(.some(let end)) = result {
                finish(end)
            } else {
                decided(.wait(reason: "no answer", nextStep: nil))
            }
        }
    }

    private func follow(
        _ plan: ResumePlan,
        _ mirrored: TopicPlan.Mirrored,
        _ decided: @escaping (ResumeResolver.Decision) -> Void
    ) {
        switch plan.next {
        case .begin(let assignment):
            for notice in plan.notices { note(notice, mirrored) }
            continuing(assignment, plan) { assignment in
                guard var assignment else {
                    decided(.wait(reason: "no answer", nextStep: nil))
                    return
                }
                assignment.findings = plan.notices.map { $0.gap(mirrored, flow: "A->B", source: "A", target: "B") }
                decided(.begin(assignment))
            }
        case .forbidden, .unreadable: decided(.wait(reason: "no answer", nextStep: nil))
        case .ask(let question):
            call(node(of: question, mirrored)) {
                self.answer(question, mirrored)
            } _: { result in
                guard case .success(.some(let answer)) = result else {
                    decided(.wait(reason: "no answer", nextStep: nil))
                    return
                }
                var plan = plan
                plan.answer(answer)
                self.follow(plan, mirrored, decided)
            }
        }
    }

    /// Goes on with the producer of the last record, if it was found by comparing and is not known yet.
    private func continuing(
        _ assignment: PartitionAssignment,
        _ plan: ResumePlan,
        _ decided: @escaping (PartitionAssignment?) -> Void
    ) {
        guard let offset = ProducerSuccession.recordOfProducer(assignment, plan.notices), !mutated(.producerNotFound)
        else {
            decided(assignment)
            return
        }
        let target = assignment.target
        call(history.target[target]?.leader) { () -> ByteBuffer? in
            guard let log = self.history.target[target], let position = log.firstBatch(from: offset) else { return nil }
            return log.batches[position].bytes
        } _: { result in
            guard case .success(let bytes) = result else {
                decided(nil)
                return
            }
            var assignment = assignment
            assignment.producer = bytes.flatMap { try? VisibleRecords.producer(behind: offset, in: $0) }.flatMap {
                plan.goesOn($0, behind: offset) ? $0 : nil
            }
            assignment.resumed?.producer = assignment.producer
            decided(assignment)
        }
    }

    private func node(of question: ResumePlan.Question, _ mirrored: TopicPlan.Mirrored) -> Int32? {
        switch question {
        case .logStart(.source), .records(.source, _), .epochEnd: history.source[mirrored.source]?.leader
        case .logStart(.target), .records(.target, _): history.target[mirrored.target]?.leader
        }
    }

    private func answer(_ question: ResumePlan.Question, _ mirrored: TopicPlan.Mirrored) -> ResumePlan.Answer? {
        switch question {
        case .logStart(.source): history.source[mirrored.source].map { .offset($0.start) }
        case .logStart(.target): history.target[mirrored.target].map { .offset($0.start) }
        case .epochEnd(let epoch):
            history.source[mirrored.source].map { .offset($0.endOffset(ofEpoch: epoch)?.end ?? -1) }
        case .records(.source, let from):
            look(up: mirrored.source, in: history.source, from: from, isReadCommitted: history.plan.isReadCommitted)
        case .records(.target, let from):
            look(up: mirrored.target, in: history.target, from: from, isReadCommitted: true)
        }
    }

    private func look(
        up partition: TopicPartition,
        in cluster: ModelCluster,
        from offset: Int64,
        isReadCommitted: Bool
    ) -> ResumePlan.Answer? {
        guard let data = fetch(partition, in: cluster, from: offset, isReadCommitted: isReadCommitted) else {
            return nil
        }
        if data.errorCode == .offsetOutOfRange { return .outOfRange }
        guard data.errorCode == .none else { return nil }
        return try? VisibleRecords.answer(data, from: offset, isReadCommitted: isReadCommitted)
    }

    /// One answer to a fetch of a partition.
    func fetch(
        _ partition: TopicPartition,
        in cluster: ModelCluster,
        from offset: Int64,
        isReadCommitted: Bool
    ) -> FetchResponse.PartitionData? {
        guard let log = cluster[partition] else { return nil }
        var request = FetchRequest()
        // Little at a time, so that a comparison takes several answers.
        request.maxBytes = 600
        request.isolationLevel = isReadCommitted ? 1 : 0
        var asked = FetchRequest.FetchPartition()
        asked.fetchOffset = offset
        asked.partitionMaxBytes = 600
        let key = ModelCluster.SessionKey(topic: partition.topic, id: .zero, index: partition.partition)
        let response = cluster.read(
            [key: asked],
            request,
            version: 12,
            node: log.leader,
            isIncremental: false,
            namesLeaders: false
        ) { _ in nil }
        return response.responses.first?.partitions.first ?? FetchResponse.PartitionData()
    }

    private func note(_ notice: ResumeNotice, _ mirrored: TopicPlan.Mirrored) {
        guard let index = history.index(ofSource: mirrored.source) else { return }
        history.log.add(history.now, "notice", Int64(index), text: "\(notice)")
        switch notice {
        case .sourceRecreated: history.truth[index].reports.hasSourceRecreation = true
        case .targetRecreated: history.truth[index].reports.hasTargetRecreation = true
        case .sourceRemoved(let range): history.truth[index].reports.gaps.append((mirrored.sourceTopicID, range))
        case .foreign, .unproven: history.truth[index].reports.hasForeign = true
        case .sourceTruncated: history.truth[index].reports.hasSourceTruncation = true
        case .targetTruncated: history.truth[index].reports.hasTargetTruncation = true
        case .targetLost: history.truth[index].reports.hasTargetLoss = true
        }
    }
}
