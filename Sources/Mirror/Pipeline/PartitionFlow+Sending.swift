import DequeModule
package import KafkaClient
import KafkaRecords
import NIOCore

/// What the producer takes from the queue, and how small batches are joined.
extension PartitionFlow {
    /// The producer has room for a batch.
    package mutating func pull(_ request: ProducePullRequest) -> ProducePull {
        guard self.phase == .running, self.targetLoss == nil, self.foreignHold == nil else { return .nothing }
        self.roundTrip = request.roundTrip
        self.company = request.company
        self.batchLimit = request.limit
        if !self.queue.hasWaiting { self.fill() }
        guard let head = self.queue.head else { return .nothing }
        switch head.content {
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

    /// Joins small uncompressed batches that wait one behind the other.
    ///
    /// A broker takes one batch per partition and request, so single-record batches would crawl.
    private mutating func coalesce(_ first: RecordBatchView, room: Int) -> RecordBatchView? {
        let start = self.queue.sentCount
        let joinBelow = self.joinBelow
        guard first.sizeInBytes < joinBelow, BatchSplicer.accepts(first),
            start + 1 < self.queue.entries.count, case .fast(let second) = self.queue.entries[start + 1].content,
            second.sizeInBytes < joinBelow, BatchSplicer.accepts(second)
        else { return nil }
        var limit = min(self.settings.coalesceUpTo, room, self.planner.settings.maxBatchBytes)
        if first.sizeInBytes >= self.settings.coalesceBelow, self.roundTrip < self.settings.farAway {
            limit = min(limit, self.settings.coalesceAloneUpTo)
        }
        var splicer = BatchSplicer(maxBytes: limit, capacity: self.joinableBytes(below: joinBelow, atMost: limit))
        var count = 0
        while start + count < self.queue.entries.count,
            case .fast(let view) = self.queue.entries[start + count].content,
            view.sizeInBytes < joinBelow
        {
            // A record that cannot be read is no reason to hold up its neighbours: it goes alone, the broker judges it.
            guard let fits = try? splicer.append(view), fits else { break }
            count += 1
        }
        guard count > 1, let assembled = (try? splicer.finish()) ?? nil else { return nil }
        let last = self.queue.entries[start + count - 1]
        self.queue.mergeWaiting(
            count,
            into: FlowEntry(
                content: .assembled(assembled),
                path: .coalesced(batches: Int64(count)),
                through: last.through,
                leaderEpoch: last.leaderEpoch
            )
        )
        return assembled.batch
    }

    /// How many bytes of batches that could be joined wait one behind the other.
    private func joinableBytes(below size: Int, atMost limit: Int) -> Int {
        var bytes = 0
        for entry in self.queue.entries[self.queue.sentCount...] {
            guard case .fast(let view) = entry.content, view.sizeInBytes < size, bytes + view.sizeInBytes <= limit
            else { break }
            bytes += view.sizeInBytes
        }
        return bytes
    }
}
