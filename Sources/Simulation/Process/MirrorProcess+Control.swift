import KafkaClient
import KafkaProtocol
import KafkaRecords
import Mirror
import MirrorModel
import NIOCore

/// What the flow's supervisor does: finds topics, resumes partitions, writes progress, stops in order.
extension MirrorProcess {
    func start() {
        later(history.milliseconds(20...120)) { self.load() }
    }

    private func load() {
        call(history.plan.targetNodes[0]) {
            self.history.progress
        } _: { result in
            guard case .success(let entries) = result else {
                self.later(.milliseconds(500)) { self.load() }
                return
            }
            var loaded: [TopicPartition: ProgressRecord] = [:]
            for entry in entries { loaded[entry.partition] = ProgressRecord(bytes: entry.value) }
            if self.mutated(.progressOfAnotherPartition) {
                let pairs = self.history.pairs
                let values = pairs.map { loaded[$0.source] }
                for (position, pair) in pairs.enumerated() {
                    loaded[pair.source] = values[(position + 1) % pairs.count]
                }
            }
            self.ledger = ProgressLedger(loaded: loaded)
            self.history.log.add(self.history.now, "progress loaded", Int64(loaded.count))
            self.look()
            self.later(self.history.plan.progressInterval) { self.keepWriting() }
        }
    }

    // MARK: Topics

    private func look(after pause: TimeAmount) {
        later(pause) { self.look() }
    }

    private func look() {
        guard !isStopping else { return }
        call(history.plan.sourceNodes[0]) {
            self.states(self.history.source)
        } _: { source in
            self.call(self.history.plan.targetNodes[0]) {
                self.states(self.history.target)
            } _: { target in
                guard case .success(let source) = source, case .success(let target) = target else {
                    self.look(after: self.history.plan.discoveryInterval)
                    return
                }
                for (partition, leader) in source.leaders
                where !self.mutated(.leaderNotLookedUp) || self.sourceView[partition] == nil {
                    self.sourceView[partition] = leader
                }
                for (partition, leader) in target.leaders { self.targetView[partition] = leader }
                self.reconcile(source: source.topics, target: target.topics)
            }
        }
    }

    private struct View {
        var topics: [TopicName: TopicState] = [:]
        var leaders: [TopicPartition: PartitionLeader] = [:]
    }

    private func states(_ cluster: ModelCluster) -> View {
        var view = View()
        for (name, topic) in cluster.topics {
            view.topics[name] = TopicState(id: topic.id, partitionCount: Int32(topic.logs.count))
            for (index, log) in topic.logs.enumerated() {
                view.leaders[TopicPartition(topic: name, partition: Int32(index))] = PartitionLeader(
                    node: log.leader,
                    epoch: log.epoch,
                    topicID: topic.id
                )
            }
        }
        return view
    }

    private func reconcile(source: [TopicName: TopicState], target: [TopicName: TopicState]) {
        guard !isStopping else { return }
        var selected: [TopicName: TopicName] = [:]
        for topic in history.plan.topics { selected[topic.name] = topic.targetName }
        let plan = TopicPlan(selected: selected, source: source, target: target)
        if initial == nil { initial = Set(history.pairs.map(\.source).filter { source[$0.topic] != nil }) }
        let mirroredTopics = Set(plan.mirrored.map(\.source.topic))
        for topic in Set(current.keys.map(\.topic)) {
            absences[topic] = mirroredTopics.contains(topic) ? nil : absences[topic, default: 0] + 1
        }
        let change = AssignmentChange(from: current, to: plan) { topic in
            mirroredTopics.contains(topic) || self.absences[topic, default: 0] >= 2
        }
        let vanishing = Set(current.keys.map(\.topic)).filter { absences[$0, default: 0] == 1 }
        for mirrored in change.removed { current[mirrored.source] = nil }
        for mirrored in change.added { current[mirrored.source] = mirrored }
        let creations = plan.creations.filter { !vanishing.contains($0.source) }
        end(change.removed) {
            self.begin(change.added) { self.create(creations) }
        }
    }

    private func create(_ creations: [TopicPlan.Creation]) {
        guard !creations.isEmpty else {
            look(after: history.plan.discoveryInterval)
            return
        }
        call(history.plan.targetNodes[0]) {
            for creation in creations where self.history.target.topics[creation.target] == nil {
                self.history.target.createTopic(creation.target, partitions: Int(creation.partitionCount))
            }
        } _: { _ in
            self.look(after: .milliseconds(50))
        }
    }

    private func end(_ removed: [TopicPlan.Mirrored], _ completion: @escaping () -> Void) {
        let cells = removed.compactMap { self.cell(of: $0.source) }
        guard !cells.isEmpty else {
            completion()
            return
        }
        var open = cells.count
        for cell in cells {
            drain(cell, patience: .seconds(5)) {
                self.remove(cell)
                if let position = cell.flow.position {
                    self.ledger?.observe([cell.flow.assignment.source: position])
                }
                open -= 1
                if open == 0 { completion() }
            }
        }
    }

    /// As the supervisor does when a partition does not know where its target's last record came from.
    func resumeAnew(_ cell: Cell) {
        guard let mirrored = current[cell.flow.assignment.source], !isStopping else { return }
        end([mirrored]) { self.current[mirrored.source] = nil }
    }

    // MARK: Resuming

    private func begin(_ added: [TopicPlan.Mirrored], _ completion: @escaping () -> Void) {
        guard !added.isEmpty, let ledger else {
            completion()
            return
        }
        var open = added.count
        for mirrored in added {
            resolve(mirrored, ledger) { assignment in
                if let assignment {
                    self.ledger?.began(mirrored)
                    self.add(assignment, kept: self.ledger?.takeOffsetMap(of: mirrored))
                } else {
                    self.current[mirrored.source] = nil
                }
                open -= 1
                if open == 0 { completion() }
            }
        }
    }

    private func resolve(
        _ mirrored: TopicPlan.Mirrored,
        _ ledger: ProgressLedger,
        _ decided: @escaping (PartitionAssignment?) -> Void
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
                decided(nil)
            }
        }
    }

    private func follow(
        _ plan: ResumePlan,
        _ mirrored: TopicPlan.Mirrored,
        _ decided: @escaping (PartitionAssignment?) -> Void
    ) {
        switch plan.next {
        case .begin(let assignment):
            for notice in plan.notices { note(notice, mirrored) }
            var assignment = assignment
            assignment.findings = plan.notices.map { $0.gap(mirrored, flow: "A->B", source: "A", target: "B") }
            decided(assignment)
        case .forbidden, .unreadable: decided(nil)
        case .ask(let question):
            call(node(of: question, mirrored)) {
                self.answer(question, mirrored)
            } _: { result in
                guard case .success(.some(let answer)) = result else {
                    decided(nil)
                    return
                }
                var plan = plan
                plan.answer(answer)
                self.follow(plan, mirrored, decided)
            }
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
            look(up: mirrored.target, in: history.target, from: from, isReadCommitted: false)
        }
    }

    private func look(
        up partition: TopicPartition,
        in cluster: ModelCluster,
        from offset: Int64,
        isReadCommitted: Bool
    ) -> ResumePlan.Answer? {
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
        guard let data = response.responses.first?.partitions.first else { return .records([], next: offset) }
        if data.errorCode == .offsetOutOfRange { return .outOfRange }
        guard data.errorCode == .none else { return nil }
        return try? VisibleRecords.answer(data, from: offset, isReadCommitted: isReadCommitted)
    }

    private func note(_ notice: ResumeNotice, _ mirrored: TopicPlan.Mirrored) {
        guard let index = history.index(ofSource: mirrored.source) else { return }
        history.log.add(history.now, "notice", Int64(index), text: "\(notice)")
        switch notice {
        case .sourceRecreated: history.truth[index].reports.hasSourceRecreation = true
        case .targetRecreated: history.truth[index].reports.hasTargetRecreation = true
        case .foreign, .unproven: history.truth[index].reports.hasForeign = true
        case .sourceTruncated: history.truth[index].reports.hasSourceTruncation = true
        case .targetTruncated: history.truth[index].reports.hasTargetTruncation = true
        case .targetLost: history.truth[index].reports.hasTargetLoss = true
        }
    }

    // MARK: Progress

    private func keepWriting() {
        guard !isStopping else { return }
        writeProgress { self.later(self.history.plan.progressInterval) { self.keepWriting() } }
    }

    private func writeProgress(_ completion: @escaping () -> Void) {
        var positions: [TopicPartition: PartitionPosition] = [:]
        for cell in cells {
            guard var position = cell.flow.position else { continue }
            if mutated(.progressBeforeAck) {
                position.sourceOffset += Int64(cell.flow.status.pendingBatches)
            }
            positions[cell.flow.assignment.source] = position
        }
        ledger?.observe(positions)
        guard let unwritten = ledger?.unwritten, !unwritten.isEmpty else {
            completion()
            return
        }
        let entries = unwritten.sorted { $0.key < $1.key }.map {
            (partition: $0.key, value: complete($0.value, of: $0.key))
        }
        let fails = history.strikes(.progressLost)
        let maps = longMaps
        longMaps = []
        // Its partitions are written one by one.
        let kept = fails ? history.random.int(0...entries.count) : entries.count
        call(history.plan.targetNodes.last) {
            for map in maps { self.history.maps[map.source] = map.bytes }
            self.history.progress += entries[..<kept]
        } _: { result in
            if case .success = result, !fails { self.ledger?.wrote(unwritten) }
            completion()
        }
    }

    /// The record with what has to be known of the offsets before it.
    private func complete(_ record: ProgressRecord, of source: TopicPartition) -> [UInt8] {
        var record = record
        guard let partition = offsets[source], !mutated(.mapNotKept) else { return record.bytes }
        switch partition.unkept() {
        case .nothing: break
        case .short(let bytes): record.offsetMap = bytes
        case .long(let bytes, let end):
            longMaps.append((source, bytes))
            partition.kept(until: end)
            record.offsetMap = partition.shortened()
        }
        return record.bytes
    }

    // MARK: The end

    /// Takes nothing new, waits for what was sent, writes progress and ends.
    func stop() {
        guard isAlive, !isStopping else { return }
        isStopping = true
        receive {
            var open = self.cells.count
            let finish = {
                self.writeProgress {
                    self.die()
                    self.history.restart(after: self.history.milliseconds(60...1_000))
                }
            }
            if open == 0 {
                finish()
                return
            }
            for cell in self.cells {
                self.drain(cell, patience: .seconds(4)) {
                    open -= 1
                    if open == 0 { finish() }
                }
            }
        }
    }
}
