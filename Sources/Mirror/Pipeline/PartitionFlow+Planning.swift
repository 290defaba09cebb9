import DequeModule
package import KafkaRecords

/// From received batches to the queue: what is skipped, sent as it is, or encoded again.
extension PartitionFlow {
    /// Looks at received batches until enough of them wait.
    mutating func fill() {
        while self.plansMore { self.plan(self.planner.next(&self.unplanned[0].cursor, position: self.scanOffset)) }
        if self.unplanned.isEmpty { self.closeGroup() }
        self.releasePassed()
    }

    /// Whether another batch should be looked at.
    ///
    /// An entry takes more memory than a tiny batch does. Of a row of batches that can be joined two are enough to see it:
    /// the others are looked at when they are joined, and never become entries.
    private var plansMore: Bool {
        guard !self.unplanned.isEmpty else { return false }
        let waiting = self.queue.waitingCount
        if waiting < 2 { return true }
        guard waiting < self.settings.plannedAhead else { return false }
        let last = self.queue.entries.count - 1
        if self.isJoinable(last), self.isJoinable(last - 1) { return false }
        // What was made anew is large, and memory beside what it was made of.
        return waiting < 8 || !self.queue.entries.suffix(8).allSatisfy(\.isMade)
    }

    /// Takes what the planner found next.
    mutating func plan(_ outcome: BatchPlanner.Outcome) {
        switch outcome {
        case .step(let step):
            self.take(step)
        case .damage(let damage):
            self.append(damage)
            // Nothing after it can be trusted; what was received behind it is read again later.
            self.unplanned.removeAll()
            self.receivedOffset = self.scanOffset
        case .end:
            let answer = self.unplanned.removeFirst()
            if self.unplanned.isEmpty { self.unplanned = [] }
            if answer.isDamaged {
                let error = RecordError(
                    .content,
                    "the bytes after it are no record batch",
                    offset: max(self.scanOffset, answer.nextOffset)
                )
                self.append(.broken(error, lastOffset: nil))
            } else {
                self.closeGroup()
                self.scanOffset = max(self.scanOffset, answer.nextOffset)
            }
        }
    }

    private mutating func take(_ step: BatchPlanner.Step) {
        switch step {
        case .skip(let reason, let through, let epoch):
            switch reason {
            case .belowPosition: self.counters.repeatedBatches += 1
            case .control: self.counters.controlBatches += 1
            case .aborted: self.counters.abortedBatches += 1
            case .empty: self.counters.emptyBatches += 1
            }
            self.skip(through: through, epoch: epoch)
        case .fast(let batch):
            if self.joins(batch) {
                self.join(.batch(batch), because: nil)
            } else {
                self.closeGroup()
                self.appendFast(batch)
            }
            self.scanOffset = max(self.scanOffset, batch.nextOffset)
        case .slow(let element, let reason):
            if self.joins(element, because: reason) {
                self.join(element, because: reason)
                self.scanOffset = max(self.scanOffset, element.nextOffset)
                return
            }
            self.closeGroup()
            var rebuilder = self.rebuilder()
            rebuilder.startOffset = self.scanOffset
            if reason == .codec { rebuilder.compression = .codec(self.settings.planner.replacementCodec) }
            self.appendRebuilding([element], rebuilder, path: .slow(reason, batches: 1))
            self.scanOffset = max(self.scanOffset, element.nextOffset)
        }
    }

    /// Whether a compressed batch is to be joined with its neighbours, which means to compress them again.
    ///
    /// Far away, because the few batches that may be out at once would hold a partition back; close by where compressing
    /// costs less than a place in a request.
    func joins(_ batch: RecordBatchView) -> Bool {
        guard let codec = batch.codec, codec != .none else { return false }
        let needed = self.roundTrip >= self.settings.farAway ? min(self.neededBytes, self.settings.coalesceUpTo / 8) : 0
        let cheap = self.settings.coalesceBelow > 0 ? self.settings.recompressBelow[codec] ?? 0 : 0
        return batch.sizeInBytes < max(needed, cheap)
    }

    /// Whether a small uncompressed batch is to be encoded again together with its neighbours: messages of old formats
    /// stand alone, and a compacted topic may have one record left in each batch.
    private func joins(_ element: ScannedBatch, because reason: RebuildReason) -> Bool {
        switch reason {
        case .oldFormat, .gaps, .appendTime:
            element.codec == CompressionCodec.none && element.sizeInBytes < self.settings.coalesceBelow
        case .deleteHorizon, .trimmed, .codec, .size: false
        }
    }

    private mutating func join(_ element: ScannedBatch, because reason: RebuildReason?) {
        if self.groupReason != reason { self.closeGroup() }
        if self.group.isEmpty { self.groupStart = self.scanOffset }
        self.groupReason = reason
        self.group.append(element)
        self.groupBytes += element.sizeInBytes
        if self.groupBytes >= self.settings.coalesceUpTo / 4 || self.group.count >= 512 { self.closeGroup() }
    }

    /// Sends the collected batches to be joined; too few compressed ones go on as they are.
    private mutating func closeGroup() {
        guard !self.group.isEmpty else { return }
        let elements = self.group
        self.group = []
        self.groupBytes = 0
        if let reason = self.groupReason {
            var rebuilder = self.rebuilder()
            rebuilder.startOffset = self.groupStart
            self.appendRebuilding(elements, rebuilder, path: .slow(reason, batches: Int64(elements.count)))
            return
        }
        let batches = elements.compactMap { if case .batch(let batch) = $0 { batch } else { nil } }
        // Codecs do not mix: the result has that of the first.
        if batches.count >= (self.roundTrip >= self.settings.farAway ? 4 : 16),
            batches.allSatisfy({ $0.codec == batches[0].codec })
        {
            self.appendRebuilding(
                elements,
                self.rebuilder(),
                path: .recompressed(batches: Int64(batches.count))
            )
        } else {
            for batch in batches { self.appendFast(batch) }
        }
    }

    private func rebuilder() -> BatchRebuilder {
        var rebuilder = BatchRebuilder(maxBatchBytes: min(self.planner.settings.maxBatchBytes, 64 << 20))
        rebuilder.acceptsLargeRecords = true
        return rebuilder
    }

    private mutating func appendFast(_ batch: RecordBatchView) {
        self.queue.append(
            FlowEntry(
                content: .fast(batch),
                path: .fast(batch.codec ?? .none),
                through: batch.lastOffset,
                leaderEpoch: batch.partitionLeaderEpoch
            )
        )
    }

    private mutating func appendRebuilding(
        _ elements: [ScannedBatch],
        _ rebuilder: BatchRebuilder,
        path: FlowEntry.Path
    ) {
        guard let last = elements.last else { return }
        self.queue.append(
            FlowEntry(
                content: .rebuilding(ticket: self.nextTicket),
                path: path,
                through: last.lastOffset,
                leaderEpoch: last.leaderEpoch
            )
        )
        self.actions.append(.rebuild(ticket: self.nextTicket, elements, rebuilder))
        self.nextTicket += 1
    }

    private mutating func skip(through offset: Int64, epoch: Int32) {
        self.closeGroup()
        self.scanOffset = max(self.scanOffset, offset &+ 1)
        if !self.queue.extend(through: offset, epoch: epoch) { self.skipAtOnce(through: offset, epoch: epoch) }
    }

    mutating func append(_ damage: BatchPlanner.Damage) {
        self.closeGroup()
        var reason: QuarantineReason
        switch damage {
        case .broken(let error, let lastOffset):
            reason = self.damagedData(at: error.offset ?? self.scanOffset, error)
            reason.batchEnd = lastOffset
        case .unknownCodec(let offset, let lastOffset):
            reason = QuarantineReason(
                .unknownCodec,
                cluster: self.settings.sourceAlias,
                partition: self.assignment.source,
                sourceOffset: offset,
                message: "the batch is compressed with a codec this version does not know",
                nextStep: "Update kafka-mirror, or leave the batch out: kafka-mirror quarantine release --skip-batch."
            )
            reason.batchEnd = lastOffset
        }
        self.queue.append(
            FlowEntry(content: .damaged(reason), path: .piece, through: self.scanOffset - 1, leaderEpoch: -1)
        )
    }

    private func damagedData(at offset: Int64, _ error: RecordError) -> QuarantineReason {
        QuarantineReason(
            .damagedData,
            cluster: self.settings.sourceAlias,
            partition: self.assignment.source,
            sourceOffset: offset,
            message: "the source data are damaged (\(error))",
            nextStep:
                "Check the source broker's disk and replicas; mirroring goes on by itself once the batch reads well."
        )
    }

    /// The slow path is through with a batch.
    package mutating func rebuilt(ticket: UInt64, _ result: Result<[AssembledBatch], RecordError>) {
        guard let waiting = self.entry(ofTicket: ticket) else { return }
        var entries: [FlowEntry] = []
        switch result {
        case .success(let batches):
            for (index, batch) in batches.enumerated() {
                entries.append(
                    FlowEntry(
                        content: .assembled(batch),
                        path: index == 0 ? waiting.path : .piece,
                        through: index == batches.count - 1 ? waiting.through : batch.lastSourceOffset,
                        leaderEpoch: waiting.leaderEpoch
                    )
                )
            }
        case .failure(let error):
            var reason = self.damagedData(at: error.offset ?? waiting.through, error)
            reason.batchEnd = waiting.through
            entries.append(
                FlowEntry(content: .damaged(reason), path: .piece, through: waiting.through, leaderEpoch: -1)
            )
        }
        guard self.queue.replace(ticket: ticket, with: entries) else { return }
        // All its records were left out and nothing stood before it to take the position along.
        if entries.isEmpty, self.queue.isEmpty {
            self.skipAtOnce(through: waiting.through, epoch: waiting.leaderEpoch)
        }
        self.settle()
        self.announce()
    }

    func entry(ofTicket ticket: UInt64) -> FlowEntry? {
        self.queue.entries.first { if case .rebuilding(ticket) = $0.content { true } else { false } }
    }
}
