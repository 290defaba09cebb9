import KafkaClient
import KafkaProtocol
import KafkaRecords
import Mirror
import MirrorModel
import NIOCore

/// What the flow's supervisor does: finds topics, resumes partitions, writes progress, stops in order.
extension MirrorProcess {
    func start() {
        later(history.milliseconds(20...120)) {
            if self.history.plan.isExactlyOnce { self.claim() } else { self.load() }
        }
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
            self.later(min(.milliseconds(100), self.history.plan.progressInterval)) { self.keepWriting() }
        }
    }

    // MARK: Topics

    private func look(after pause: TimeAmount) {
        later(pause) { self.look() }
    }

    func look() {
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
                self.hasGivenUpPartitions = true
                if let position = cell.flow.durablePosition {
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

    // MARK: Progress

    private func keepWriting() {
        guard !isStopping else { return }
        writeProgress { self.later(self.history.plan.progressInterval) { self.keepWriting() } }
    }

    private func writeProgress(_ completion: @escaping () -> Void) {
        var positions: [TopicPartition: PartitionPosition] = [:]
        for cell in cells {
            guard var position = cell.flow.durablePosition else { continue }
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
            self.history.keep(entries[..<kept], of: self.number)
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
            let end = {
                self.die()
                self.history.restart(after: self.history.milliseconds(60...1_000))
            }
            let finish = {
                if self.transactions == nil {
                    self.writeProgress(end)
                } else {
                    self.finishTransactions(patience: .seconds(4), end)
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
