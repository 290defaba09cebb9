import DequeModule
package import KafkaClient
import KafkaRecords
import NIOCore

/// What the producer takes from the queue, and how small batches are joined.
extension PartitionFlow {
    /// The producer has room for a batch.
    package mutating func pull(_ request: ProducePullRequest) -> ProducePull {
        guard self.phase == .running, self.targetLoss == nil, self.foreignHold == nil, !self.isFirstInDoubt else {
            return .nothing
        }
        self.roundTrip = request.roundTrip
        self.company = request.company
        self.batchLimit = request.limit
        if self.queue.waitingCount < 2 { self.fill() }
        guard let head = self.queue.head else { return .nothing }
        // What is in doubt goes alone.
        if self.queue.sentCount > 0, self.mayBeInDoubt, let first = self.queue.entries.first,
            self.isInDoubt(first)
        {
            return .nothing
        }
        switch head {
        case .rebuilding, .damaged:
            return .nothing
        case .fast(let view):
            let batch = self.coalesce(view, room: request.room) ?? view
            guard request.isEmpty || batch.sizeInBytes <= request.room else { return .tooLargeNow }
            return .batch(self.send(batch, request.stamp))
        case .assembled(let assembled):
            guard request.isEmpty || assembled.batch.sizeInBytes <= request.room else { return .tooLargeNow }
            return .batch(self.send(assembled.batch, request.stamp))
        }
    }

    /// Only the 61 header bytes are new; the records stay where they were received.
    private mutating func send(_ view: RecordBatchView, _ stamp: ProducerStamp) -> ProduceBatch {
        let patch = BatchHeaderPatch.forwarding(
            producer: .init(
                id: stamp.identity.producerID,
                epoch: stamp.identity.epoch,
                baseSequence: stamp.sequence
            ),
            isTransactional: self.settings.isTransactional
        )
        let patched = patch.apply(to: view)
        let token = self.nextToken
        self.nextToken += 1
        self.queue.send(token: token, stamp: self.settings.isTransactional ? nil : stamp)
        return ProduceBatch(
            header: patched.header,
            body: patched.body,
            recordCount: view.recordCount,
            token: token
        )
    }

    /// Batches below this size are joined.
    ///
    /// Only so many batches of a partition may be out at once, so at a distance each must be larger to reach the same rate;
    /// close by, passing them through as they are costs less, if only there are enough of them for a request.
    var joinBelow: Int {
        // Eight small batches make a request that is worth its cost.
        let alone =
            self.settings.coalesceBelow == 0
            ? 0 : min(self.settings.coalesceAlone, 8 * self.settings.coalesceAlone / max(1, self.company))
        return min(max(self.settings.coalesceBelow, alone, self.neededBytes), self.settings.coalesceUpTo / 2)
    }

    /// The size that batches must have for the rate that is wanted at this distance.
    var neededBytes: Int {
        Int(Double(self.roundTrip.nanoseconds) / 1e9 * Double(self.settings.rateGoal)) / max(1, self.batchLimit)
    }

    /// Whether the entry is a batch that is joined with its neighbours if they are too.
    func isJoinable(_ index: Int) -> Bool {
        guard case .fast(let view) = self.queue.entries[index].content else { return false }
        return self.isJoinable(view)
    }

    private func isJoinable(_ view: RecordBatchView) -> Bool {
        view.sizeInBytes < self.joinBelow && BatchSplicer.accepts(view)
    }

    /// Joins small uncompressed batches that wait one behind the other, those included that were not looked at yet.
    ///
    /// A broker takes one batch per partition and request, so single-record batches would crawl.
    private mutating func coalesce(_ first: RecordBatchView, room: Int) -> RecordBatchView? {
        let start = self.queue.sentCount
        guard self.isJoinable(first), start + 1 < self.queue.entries.count, self.isJoinable(start + 1) else {
            return nil
        }
        let joinBelow = self.joinBelow
        var limit = min(self.settings.coalesceUpTo, room, self.planner.settings.maxBatchBytes)
        if self.roundTrip < self.settings.farAway { limit = min(limit, self.settings.coalesceNearUpTo) }
        var splicer = BatchSplicer(maxBytes: limit, capacity: min(limit, self.waitingBytes, self.joinedSize))
        var count = 0
        while start + count < self.queue.entries.count,
            case .fast(let view) = self.queue.entries[start + count].content, view.sizeInBytes < joinBelow
        {
            // A record that cannot be read is no reason to hold up its neighbours: it goes alone, the broker judges it.
            guard let fits = try? splicer.append(view), fits else { break }
            count += 1
        }
        guard count > 1 else { return nil }
        let last = self.queue.entries[start + count - 1]
        var end = (through: last.through, epoch: last.leaderEpoch)
        let before = (self.unplanned, self.scanOffset)
        var rest: BatchPlanner.Outcome?
        if start + count == self.queue.entries.count, self.group.isEmpty {
            rest = self.join(below: joinBelow, into: &splicer, end: &end)
        }
        let batchCount = splicer.batchCount
        guard let assembled = (try? splicer.finish()) ?? nil else {
            (self.unplanned, self.scanOffset) = before
            return nil
        }
        self.joinedSize = assembled.batch.sizeInBytes
        self.queue.mergeWaiting(
            count,
            into: FlowEntry(
                content: .assembled(assembled),
                path: .coalesced(batches: Int64(batchCount)),
                through: end.through,
                leaderEpoch: end.epoch
            )
        )
        if let rest { self.plan(rest) }
        return assembled.batch
    }

    /// Joins received batches that nobody has looked at, up to the first that is of another kind or does not fit; that one
    /// is returned, since it was looked at now.
    private mutating func join(
        below size: Int,
        into splicer: inout BatchSplicer,
        end: inout (through: Int64, epoch: Int32)
    ) -> BatchPlanner.Outcome? {
        while !self.unplanned.isEmpty {
            let outcome = self.planner.next(&self.unplanned[0].cursor, position: self.scanOffset)
            switch outcome {
            case .step(.fast(let view)):
                guard view.sizeInBytes < size, !self.joins(view), let fits = try? splicer.append(view), fits else {
                    return outcome
                }
                end = (view.lastOffset, view.partitionLeaderEpoch)
                self.scanOffset = max(self.scanOffset, view.nextOffset)
            case .end where !self.unplanned[0].isDamaged:
                self.plan(outcome)
            case .step, .damage, .end:
                return outcome
            }
        }
        return nil
    }
}
