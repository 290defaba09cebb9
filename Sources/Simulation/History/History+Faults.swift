import KafkaClient
import KafkaProtocol
import KafkaRecords
import NIOCore

/// Faults at a moment.
extension History {
    func strike(_ fault: Fault) {
        guard !isCalm else { return }
        // Counted where there is one to give up.
        if fault != .transactionExpired { count(fault) }
        log.add(now, "fault", Int64(Fault.allCases.firstIndex(of: fault) ?? 0), text: fault.rawValue)
        let process = processes.last { $0.isAlive }
        switch fault {
        case .kill:
            process?.die()
            restart(after: milliseconds(60...3_000))
        case .killBetweenSteps: process?.stepsToLive = random.int(0...60)
        case .cleanStop: process?.stop()
        case .pause: process?.pausedUntil = now + milliseconds(50...40_000)
        case .clockJump: process?.clockOffset = (process?.clockOffset ?? .zero) + milliseconds(100...600_000)
        case .networkPartition: nodes[anyNode]?.cutOffUntil = now + milliseconds(50...40_000)
        case .slowBroker:
            let node = anyNode
            nodes[node]?.slowUntil = now + milliseconds(500...8_000)
            nodes[node]?.slowness = milliseconds(50...2_500)
        case .brokerRestart: restartBroker(anyNode)
        case .sourceTruncation: truncateSource()
        case .targetTruncation: truncateTarget()
        case .sourceRecreation: recreateSource()
        case .targetRecreation: recreateTarget()
        case .retention: deleteRecords()
        case .corruptBatch: corrupt()
        case .foreignWriter: writeForeign()
        case .twoOwners: runTwice()
        case .transactionExpired: expire(MirrorProcess.transactionalID)
        default: break
        }
    }

    private var anyNode: Int32 { random.pick(plan.sourceNodes + plan.targetNodes) }

    private func restartBroker(_ node: Int32) {
        nodes[node]?.downUntil = now + milliseconds(100...5_000)
        for process in processes where process.isAlive { process.breakLinks(to: node) }
        source.sessions[node] = nil
        let lag = milliseconds(0...500)
        for pair in pairs {
            if source[pair.source]?.leader == node, let other = plan.sourceNodes.first(where: { $0 != node }) {
                source.moveLeader(pair.source, to: other, now: now, lag: lag)
            }
            if target[pair.target]?.leader == node, let other = plan.targetNodes.first(where: { $0 != node }) {
                target.moveLeader(pair.target, to: other, now: now, lag: lag)
            }
        }
    }

    /// An unclean election: the new leader does not have the last records.
    private func truncateSource() {
        let index = random.int(0...pairs.count - 1)
        let partition = pairs[index].source
        guard let log = source[partition], log.batches.count > 1 else { return }
        let first = max(0, log.batches.count - random.int(1...6))
        // The marker of a transaction that is kept would be lost alone; its producer would write it again.
        let offset = log.batches[first].base
        truth[index].wasTruncatedAtSource = true
        let gone = source[partition]?.truncate(to: offset) ?? []
        source[partition]?.elect(random.pick(plan.sourceNodes))
        for batch in gone {
            for birth in batch.births { truth[index].born[birth].removal = .truncation }
        }
        for batch in gone where batch.isControl { endAgain(index, batch) }
        self.log.add(now, "source truncated", Int64(index), offset, log.end)
    }

    /// The end of a transaction was cut off: its coordinator writes it again.
    private func endAgain(_ index: Int, _ marker: ModelLog.Batch) {
        let partition = pairs[index].source
        guard let log = source[partition] else { return }
        let lastMarker = log.batches.last { $0.isControl && $0.producerID == marker.producerID }?.base ?? -1
        let cut = log.batches.first {
            $0.producerID == marker.producerID && !$0.isControl && $0.base > lastMarker
        }
        guard let cut, log.open[marker.producerID] == nil else { return }
        source[partition]?.open[marker.producerID] = cut.base
        let isCommit = cut.births.contains { truth[index].born[$0].fate == .committed }
        endTransaction(index, marker.producerID, isCommit: isCommit)
    }

    private func truncateTarget() {
        let index = random.int(0...pairs.count - 1)
        let partition = pairs[index].target
        guard let log = target[partition], !log.batches.isEmpty else { return }
        let first = max(0, log.batches.count - random.int(1...5))
        truth[index].wasTruncatedAtTarget = true
        let offset = log.batches[first].base
        _ = target[partition]?.truncate(to: offset)
        let known = target[partition]?.producers ?? [:]
        // So it is with a producer or an epoch that has just begun.
        for process in processes where process.isAlive {
            let identity = process.identities[index]
            guard let identity, known[identity.producerID]?.epoch == identity.epoch else {
                truth[index].lostProducers = true
                continue
            }
        }
        target[partition]?.elect(random.pick(plan.targetNodes))
        self.log.add(now, "target truncated", Int64(index), offset, log.end)
    }

    private func recreateSource() {
        let topic = random.pick(plan.topics)
        for (index, pair) in pairs.enumerated() where pair.source.topic == topic.name {
            truth[index].wasRecreatedAtSource = true
            for birth in truth[index].born.indices where truth[index].born[birth].removal == .none {
                truth[index].born[birth].removal = .recreation
            }
        }
        source.topics[topic.name] = nil
        later(milliseconds(0...6_000)) {
            guard self.source.topics[topic.name] == nil else { return }
            self.source.createTopic(topic.name, partitions: topic.partitions)
            self.log.add(self.now, "source recreated")
            for (index, pair) in self.pairs.enumerated() where pair.source.topic == topic.name {
                let count = self.random.int(1...8)
                if self.isCalm { self.writePlain(index, count: count) } else { self.write(index, count: count) }
            }
        }
    }

    private func recreateTarget() {
        let topic = random.pick(plan.topics)
        guard target.topics[topic.targetName] != nil else { return }
        for (index, pair) in pairs.enumerated() where pair.target.topic == topic.targetName {
            truth[index].wasRecreatedAtTarget = true
        }
        target.topics[topic.targetName] = nil
        // Somebody else may make it again before the mirror does.
        guard random.chance(5_000) else { return }
        later(milliseconds(0...3_000)) {
            guard self.target.topics[topic.targetName] == nil else { return }
            self.target.createTopic(topic.targetName, partitions: topic.partitions)
            for (index, pair) in self.pairs.enumerated() where pair.target.topic == topic.targetName {
                self.truth[index].lostProducers = true
            }
        }
    }

    private func deleteRecords() {
        let index = random.int(0...pairs.count - 1)
        let partition = pairs[index].source
        guard let log = source[partition], log.end > log.start else { return }
        let offset = random.chance(5_000) ? log.end : log.start + Int64(random.int(1...Int(log.end - log.start)))
        // A broker deletes below its last stable offset only.
        let limit = min(offset, log.lastStable)
        let gone = source[partition]?.deleteRecords(before: limit) ?? []
        let start = source[partition]?.start ?? 0
        for batch in gone {
            for birth in batch.births where truth[index].born[birth].removal == .none {
                truth[index].born[birth].removal = .retention
            }
        }
        // Records below the start of a batch that is still there are hidden.
        for batch in source[partition]?.batches ?? [] where batch.base < start {
            for (birth, offset) in zip(batch.births, batch.recordOffsets) where offset < start {
                truth[index].born[birth].removal = .retention
            }
        }
        self.log.add(now, "records deleted", Int64(index), start)
    }

    private func corrupt() {
        let index = random.int(0...pairs.count - 1)
        let partition = pairs[index].source
        guard let log = source[partition], let position = log.batches.indices.last(where: { $0 >= 0 }) else { return }
        let batch = log.batches[position]
        guard batch.intact == nil, !batch.isControl else { return }
        var bytes = batch.bytes
        let place = bytes.readerIndex + bytes.readableBytes - 1
        let byte = bytes.getInteger(at: place, as: UInt8.self) ?? 0
        bytes.setInteger(byte ^ 0x55, at: place)
        source[partition]?.batches[position].intact = batch.bytes
        source[partition]?.batches[position].bytes = bytes
    }

    func repairBatches() {
        for pair in pairs {
            for position in source[pair.source]?.batches.indices ?? 0..<0 {
                guard let intact = source[pair.source]?.batches[position].intact else { continue }
                source[pair.source]?.batches[position].bytes = intact
                source[pair.source]?.batches[position].intact = nil
            }
        }
    }

    private func writeForeign() {
        let index = random.int(0...pairs.count - 1)
        let partition = pairs[index].target
        guard let log = target[partition] else { return }
        truth[index].hadForeignWriter = true
        var builder = RecordBatchBuilder(baseOffset: log.end)
        let count = random.int(1...3)
        for _ in 0..<count { builder.append(timestamp: 5, key: nil, value: ByteBuffer(string: "foreign")) }
        guard let bytes = try? builder.build() else { return }
        target[partition]?.append(
            ModelLog.Batch(base: log.end, next: log.end + Int64(count), bytes: bytes, epoch: log.epoch)
        )
    }

    private func runTwice() {
        guard processes.count(where: \.isAlive) == 1 else { return }
        for index in pairs.indices { truth[index].hadTwoOwners = true }
        let first = processes.last { $0.isAlive }
        let second = startProcess()
        later(milliseconds(500...6_000)) {
            let victim = self.random.chance(5_000) ? first : second
            guard let victim, victim.isAlive, self.processes.count(where: \.isAlive) > 1 else { return }
            victim.die()
        }
    }
}
