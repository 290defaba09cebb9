import DequeModule
package import KafkaClient
package import KafkaProtocol
package import KafkaRecords
package import NIOCore

/// Mirrors one partition: decides what happens to each fetched batch and keeps the position.
///
/// # Responsibilities
/// 1. Batches leave in source order, each exactly once; the position is the end of the contiguous acknowledged prefix.
/// 2. Fetched bytes are held until the position has passed them, then given back.
/// 3. A refusal by the target stops this partition only: split and try again, or quarantine with a reason and a time.
/// 4. A produce outcome that nobody knows is proven from the end of the target's log before anything is sent again.
/// 5. Truncation, recreation and retention at the source, and lost records at the target, become events.
///
/// # Implementation
/// A value without clock, sockets or threads. Each event is a method; what has to be done is collected as actions, which
/// the shard carries out in order. Every way back ("rewind") is the same: drop everything unacknowledged, and read again
/// after the position. Nothing is ever sent from two places.
package struct PartitionFlow: Sendable {
    /// What the shard has to do.
    package enum Action: Sendable {
        /// Tell the producer that batches wait.
        case ready(bytes: Int)
        case release(FetchLease)
        case seek(StartPosition, topicID: KafkaUUID?)
        case setFetching(Bool)
        /// Encode again, then call `rebuilt`.
        case rebuild(ticket: UInt64, [ScannedBatch], BatchRebuilder)
        /// Let the producer go on after a refusal.
        case resumeProducing
        /// Ask for the target's log end, then call `proven` or `notProven`.
        case queryTarget(generation: UInt64)
        /// Nothing is out any more after `drain`.
        case drained
        case report(PartitionEvent)
    }

    /// How a flow behaves.
    package struct Settings: Sendable {
        /// Names of the clusters in messages.
        package var sourceAlias = "source"
        package var targetAlias = "target"
        package var planner = BatchPlanner.Settings()
        /// Read committed data only.
        package var isReadCommitted = false
        /// Batches smaller than this are always joined when several wait; the limit grows with the distance.
        package var coalesceBelow = 8 << 10
        /// How large joined batches become; just below what a topic accepts by default.
        package var coalesceUpTo = 1_000_000
        /// The rate in bytes per second that one partition should reach in spite of the distance.
        package var rateGoal = 50_000_000
        /// From this distance on small compressed batches are joined too.
        package var farAway = TimeAmount.milliseconds(20)
        /// Batches looked at before their turn.
        package var plannedAhead = 128
        /// First and longest pause before a quarantined partition is tried again.
        package var quarantinePause: TimeAmount = .seconds(5)
        package var quarantinePauseMaximum: TimeAmount = .minutes(1)
        /// Pause before the target is asked again for its log end.
        package var proofPause: TimeAmount = .seconds(1)

        package init() {}
    }

    private enum Phase: Sendable, Equatable {
        /// Waits for the start position.
        case starting
        case running
        /// Waits for the target's log end; nothing is sent or dropped meanwhile.
        case proving
        /// Stopped until the time given.
        case quarantined(QuarantineReason, retryAt: NIODeadline)
        /// Waits for acknowledgements of what was sent.
        case draining
        case stopped
    }

    private struct Answer: Sendable {
        var cursor: BatchPlanner.Cursor
        var nextOffset: Int64
        var isDamaged: Bool
    }

    private struct HeldBytes: Sendable {
        var through: Int64
        var lease: FetchLease
    }

    package let assignment: PartitionAssignment
    private let settings: Settings
    private var planner: BatchPlanner
    private var phase = Phase.starting
    /// The position; its offset is one below the start until something is acknowledged.
    package private(set) var position: PartitionPosition?
    /// The next source offset not yet in the queue.
    private var scanOffset: Int64 = -1
    /// The next source offset not yet received.
    private var receivedOffset: Int64 = -1
    /// Answers whose batches have not all been looked at.
    private var unplanned: Deque<Answer> = []
    private var queue = FlowQueue()
    /// Compressed batches that are being collected to be joined.
    private var group: [RecordBatchView] = []
    private var groupBytes = 0
    /// How long the target takes to acknowledge when it is not busy.
    private var roundTrip = TimeAmount.zero
    private var held: Deque<HeldBytes> = []
    private var nextToken: UInt64 = 1
    private var nextTicket: UInt64 = 1
    private var generation: UInt64 = 1
    /// Where the source goes on once everything queued is through.
    private var pendingSeek: PendingSeek?
    private var proofDue: NIODeadline?
    /// What the producer refused while its outcome is being proven.
    private var pendingRefusal: ProduceRefusal?
    /// The target offset from which on the target has lost what we wrote.
    private var targetLoss: Int64?
    private var hasSeenForeignRecords = false
    /// A damaged batch is next; the partition stops as soon as the shard tells the time.
    private var damageAtHead: QuarantineReason?
    private var quarantineAttempts = 0
    private var impediment: String?
    private var isTroubled = false
    private var topicID: KafkaUUID
    package private(set) var watermarks = FetchWatermarks()
    package private(set) var spans = OffsetSpans()
    package private(set) var counters = PipelineCounters()
    private var actions: [Action] = []

    private struct PendingSeek: Sendable {
        var start: StartPosition
        var topicID: KafkaUUID?
    }

    package init(assignment: PartitionAssignment, settings: Settings) {
        self.assignment = assignment
        self.settings = settings
        self.planner = BatchPlanner(settings: settings.planner)
        self.topicID = assignment.sourceTopicID
        if let limit = assignment.maxBatchBytes { self.planner.settings.maxBatchBytes = limit }
        if case .offset(let offset) = assignment.start { self.begin(at: offset) }
    }

    /// Whether `takeActions` would return something.
    package var hasActions: Bool { !self.actions.isEmpty }

    /// Memory taken beside the bytes that were fetched.
    package var copiedBytes: Int { self.queue.copiedBytes }

    /// Everything decided since the last call, in order.
    package mutating func takeActions() -> [Action] {
        guard !self.actions.isEmpty else { return [] }
        let result = self.actions
        self.actions = []
        return result
    }

    // MARK: Status

    package var state: PartitionState {
        switch self.phase {
        case .starting: .starting
        case .running: self.impediment.map { .backingOff(reason: $0) } ?? .running
        case .proving: .backingOff(reason: "asking the target where its log ends")
        case .quarantined(let reason, let retryAt): .quarantined(reason, retryAt: retryAt)
        case .draining: .draining
        case .stopped: .stopped
        }
    }

    package var status: PartitionStatus {
        let end =
            self.settings.isReadCommitted && self.watermarks.lastStableOffset >= 0
            ? self.watermarks.lastStableOffset : self.watermarks.highWatermark
        return PartitionStatus(
            source: self.assignment.source,
            target: self.assignment.target,
            state: self.state,
            position: self.position,
            highWatermark: self.watermarks.highWatermark,
            lag: end >= 0 ? self.position.map { max(0, end - $0.sourceOffset - 1) } : nil,
            counters: self.counters,
            pendingBatches: self.queue.entries.count
        )
    }

    /// When `tick` must be called; nil when only other events matter.
    package var nextWake: NIODeadline? {
        if case .quarantined(_, let retryAt) = self.phase { return retryAt }
        return self.proofDue
    }

    // MARK: Source events

    /// The start position was looked up.
    package mutating func started(at offset: Int64) {
        if self.phase == .starting {
            self.begin(at: offset)
        } else if self.queue.isEmpty, self.phase == .running {
            // The end of a seek to the beginning of another topic.
            self.position?.sourceOffset = offset - 1
            self.scanOffset = offset
            self.receivedOffset = offset
        }
    }

    private mutating func begin(at offset: Int64) {
        self.phase = .running
        self.position = PartitionPosition(
            sourceOffset: offset - 1,
            targetOffset: self.assignment.resumed?.targetOffset,
            leaderEpoch: self.assignment.resumed?.leaderEpoch ?? -1,
            sourceTopicID: self.topicID
        )
        self.scanOffset = offset
        self.receivedOffset = offset
        self.report(.started(at: offset))
    }

    /// How far the source partition reaches.
    package mutating func reached(_ watermarks: FetchWatermarks) {
        self.watermarks = watermarks
    }

    /// Records arrived.
    package mutating func fetched(_ fetched: FetchedRecords) {
        guard self.phase == .running, self.pendingSeek == nil, fetched.fetchOffset <= self.receivedOffset else {
            // Late data of a place we left. Data that would leave a hole are never taken.
            self.actions.append(.release(fetched.lease))
            return
        }
        let aborted = self.settings.isReadCommitted ? fetched.abortedTransactions : []
        self.unplanned.append(
            Answer(
                cursor: self.planner.cursor(fetched.records, aborted: aborted),
                nextOffset: fetched.nextOffset,
                isDamaged: fetched.isDamaged
            )
        )
        self.held.append(HeldBytes(through: fetched.nextOffset - 1, lease: fetched.lease))
        self.receivedOffset = max(self.receivedOffset, fetched.nextOffset)
        self.fill()
        self.settle()
        self.announce()
    }

    /// Looks at received batches until enough of them wait.
    ///
    /// An entry takes more memory than a tiny batch does, so only a few are made ahead.
    private mutating func fill() {
        while self.queue.wantsMore(limit: self.settings.plannedAhead), !self.unplanned.isEmpty {
            switch self.planner.next(&self.unplanned[0].cursor, position: self.scanOffset) {
            case .step(let step):
                self.take(step)
            case .damage(let damage):
                self.append(damage)
                // Nothing after it can be trusted; what was received behind it is read again later.
                self.unplanned.removeAll()
                self.receivedOffset = self.scanOffset
            case .end:
                let answer = self.unplanned.removeFirst()
                if answer.isDamaged {
                    let error = RecordError(
                        .content,
                        "the bytes after it are no record batch",
                        offset: max(self.scanOffset, answer.nextOffset)
                    )
                    self.append(.broken(error))
                } else {
                    self.closeGroup()
                    self.scanOffset = max(self.scanOffset, answer.nextOffset)
                }
            }
        }
        if self.unplanned.isEmpty { self.closeGroup() }
        self.releasePassed()
    }

    private mutating func take(_ step: BatchPlanner.Step) {
        switch step {
        case .skip(let reason, let through):
            switch reason {
            case .belowPosition: self.counters.repeatedBatches += 1
            case .control: self.counters.controlBatches += 1
            case .aborted: self.counters.abortedBatches += 1
            case .empty: self.counters.emptyBatches += 1
            }
            self.skip(through: through)
        case .fast(let batch):
            if self.joins(batch) {
                self.group.append(batch)
                self.groupBytes += batch.sizeInBytes
                if self.groupBytes >= self.settings.coalesceUpTo / 4 || self.group.count >= 512 { self.closeGroup() }
            } else {
                self.closeGroup()
                self.appendFast(batch)
            }
            self.scanOffset = max(self.scanOffset, batch.nextOffset)
        case .slow(let element, let reason):
            self.closeGroup()
            var rebuilder = self.rebuilder()
            rebuilder.startOffset = self.scanOffset
            if reason == .codec { rebuilder.compression = .codec(self.settings.planner.replacementCodec) }
            self.appendRebuilding([element], rebuilder, path: .slow(reason))
            self.scanOffset = max(self.scanOffset, element.nextOffset)
        }
    }

    /// Whether a compressed batch is to be joined with its neighbours, which means to compress them again.
    ///
    /// Only far away: there the few batches that may be out at once would hold a partition back.
    private func joins(_ batch: RecordBatchView) -> Bool {
        batch.codec != CompressionCodec.none && self.roundTrip >= self.settings.farAway
            && batch.sizeInBytes < self.joinBelow / 4
    }

    /// Sends the collected compressed batches to be joined; too few of them go on as they are.
    private mutating func closeGroup() {
        guard !self.group.isEmpty else { return }
        let batches = self.group
        self.group = []
        self.groupBytes = 0
        // Codecs do not mix: the result has that of the first.
        if batches.count >= 4, batches.allSatisfy({ $0.codec == batches[0].codec }) {
            self.appendRebuilding(
                batches.map { .batch($0) },
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

    private mutating func skip(through offset: Int64) {
        self.closeGroup()
        self.scanOffset = max(self.scanOffset, offset &+ 1)
        if !self.queue.extend(through: offset) { self.advance(through: offset) }
    }

    private mutating func append(_ damage: BatchPlanner.Damage) {
        self.closeGroup()
        let reason: QuarantineReason
        switch damage {
        case .broken(let error):
            reason = self.damagedData(at: error.offset ?? self.scanOffset, error)
        case .unknownCodec(let offset):
            reason = QuarantineReason(
                .unknownCodec,
                cluster: self.settings.sourceAlias,
                partition: self.assignment.source,
                sourceOffset: offset,
                message: "the batch is compressed with a codec this version does not know",
                nextStep: "Update kafka-mirror, or start this partition behind the batch."
            )
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
            let reason = self.damagedData(at: error.offset ?? waiting.through, error)
            entries.append(
                FlowEntry(content: .damaged(reason), path: .piece, through: waiting.through, leaderEpoch: -1)
            )
        }
        guard self.queue.replace(ticket: ticket, with: entries) else { return }
        // All its records were left out and nothing stood before it to take the position along.
        if entries.isEmpty, self.queue.isEmpty { self.advance(through: waiting.through) }
        self.settle()
        self.announce()
    }

    private func entry(ofTicket ticket: UInt64) -> FlowEntry? {
        self.queue.entries.first { if case .rebuilding(ticket) = $0.content { true } else { false } }
    }

    /// Something happened to the source partition.
    package mutating func source(_ event: FetchEvent) {
        switch event {
        case .watermarks(_, let marks): self.reached(marks)
        case .started(_, let offset): self.started(at: offset)
        case .leaderChanged(_, let node, let epoch): self.report(.sourceLeaderChanged(node: node, epoch: epoch))
        case .failing(_, let failure):
            self.impede(failure.text(cluster: self.settings.sourceAlias, self.assignment.source))
        case .recovered: self.clearImpediment()
        case .offsetOutOfRange(_, let offset, let logStart, let logEnd):
            if offset < logStart {
                self.report(.sourceGap(offset..<logStart))
                self.goOn(at: .offset(logStart))
            } else {
                self.report(.sourceTruncated(at: logEnd, mirroredTo: offset))
                self.goOn(at: .offset(logEnd))
            }
        case .diverged(_, let offset, _, let endOffset):
            self.report(.sourceTruncated(at: min(endOffset, offset), mirroredTo: offset))
            self.goOn(at: .offset(min(endOffset, offset)))
        case .topicRecreated(_, let old, let new):
            self.report(.sourceRecreated(old: old, new: new))
            self.topicID = new
            self.goOn(at: .earliest, topicID: new)
        }
    }

    /// Goes on somewhere else in the source, after everything that is queued.
    private mutating func goOn(at start: StartPosition, topicID: KafkaUUID? = nil) {
        guard self.phase == .running || self.phase == .starting || self.phase == .proving else { return }
        self.pendingSeek = PendingSeek(start: start, topicID: topicID)
        self.settle()
    }

    // MARK: Producer

    /// The producer has room for a batch.
    package mutating func pull(_ request: ProducePullRequest) -> ProducePull {
        guard self.phase == .running, self.targetLoss == nil else { return .nothing }
        self.roundTrip = request.roundTrip
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
            )
        )
        let patched = patch.apply(to: view)
        let token = self.nextToken
        self.nextToken += 1
        self.queue.send(token: token)
        return ProduceBatch(
            header: patched.header,
            body: patched.body,
            recordCount: view.recordCount,
            token: token
        )
    }

    /// Batches below this size are joined.
    ///
    /// Five batches of a partition may be out at once, so at a distance each must be larger to reach the same rate;
    /// close by, passing them through as they are costs less.
    private var joinBelow: Int {
        let needed = Double(self.roundTrip.nanoseconds) / 1e9 * Double(self.settings.rateGoal) / 5
        return min(max(self.settings.coalesceBelow, Int(needed)), self.settings.coalesceUpTo / 2)
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
        let limit = min(self.settings.coalesceUpTo, room, self.planner.settings.maxBatchBytes)
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

    /// The target wrote a batch.
    package mutating func acknowledged(token: UInt64, baseOffset: Int64?) {
        guard self.queue.acknowledge(token: token, targetBase: baseOffset) else { return }
        while let entry = self.queue.popAcknowledged() { self.account(entry) }
        self.fill()
        self.settle()
        self.announce()
    }

    /// Compares where the target put a batch with where it had to go; false when it lost records before it.
    ///
    /// A broker that lost everything accepts any sequence, so the offset is the only sign.
    private mutating func checkPlace(_ base: Int64) -> Bool {
        if self.targetLoss != nil { return false }
        guard let written = self.position?.targetOffset else { return true }
        if base <= written {
            self.targetLoss = base
            return false
        }
        if base > written + 1, !self.hasSeenForeignRecords {
            self.hasSeenForeignRecords = true
            self.report(.foreignRecords(count: base - written - 1))
        }
        return true
    }

    private mutating func account(_ entry: FlowEntry) {
        if let base = entry.targetBase, !self.checkPlace(base) { return }
        if self.targetLoss != nil { return }
        self.counters.batches += 1
        self.counters.records += Int64(entry.recordCount)
        self.counters.bytes += Int64(entry.byteCount)
        switch entry.path {
        case .fast(let codec): self.counters.fastPathBatches[codec, default: 0] += 1
        case .coalesced(let batches):
            self.counters.fastPathBatches[CompressionCodec.none, default: 0] += batches
            self.counters.coalescedBatches += batches
        case .recompressed(let batches): self.counters.recompressedBatches += batches
        case .slow(let reason): self.counters.slowPathBatches[reason, default: 0] += 1
        case .piece: break
        }
        if let base = entry.targetBase {
            entry.forEachRun { run in
                self.spans.append(
                    OffsetSpan(source: run.source, target: base + Int64(run.index), count: Int64(run.count))
                )
            }
        }
        self.position?.targetOffset = entry.targetBase.map { $0 + Int64(entry.recordCount) - 1 }
        if entry.leaderEpoch >= 0 { self.position?.leaderEpoch = entry.leaderEpoch }
        self.quarantineAttempts = 0
        if self.isTroubled {
            self.isTroubled = false
            self.report(.recovered)
        }
        self.advance(through: entry.through)
    }

    /// Moves the position and gives back what it has passed.
    private mutating func advance(through offset: Int64) {
        guard let position = self.position, offset > position.sourceOffset else { return }
        self.position?.sourceOffset = offset
        self.releasePassed()
    }

    private mutating func releasePassed() {
        guard let passed = self.position?.sourceOffset else { return }
        while let first = self.held.first, first.through <= passed {
            self.held.removeFirst()
            self.actions.append(.release(first.lease))
        }
    }

    /// The producer dropped every batch that is not acknowledged.
    package mutating func refused(_ refusal: ProduceRefusal, now: NIODeadline) {
        switch self.phase {
        case .draining, .stopped:
            // What is unacknowledged now will be read again by whoever goes on; nothing more is sent from here.
            self.queue.removeAll()
            self.settle()
            return
        case .starting, .running, .proving, .quarantined: break
        }
        if refusal.isOutcomeUnknown {
            self.phase = .proving
            self.pendingRefusal = refusal
            self.queryTarget()
            return
        }
        self.act(on: refusal, now: now)
    }

    private mutating func act(on refusal: ProduceRefusal, now: NIODeadline) {
        let entry = self.queue.entries.first { $0.token == refusal.token } ?? self.queue.entries.first
        switch refusal.kind {
        case .sequenceLost:
            self.rewind()
            self.actions.append(.resumeProducing)
        case .tooLarge where (entry?.recordCount ?? 0) > 1:
            // The target does not say what it allows. Its default first, then halves.
            let size = entry?.byteCount ?? 0
            let limit = size > Self.defaultMaxBytes ? Self.defaultMaxBytes : max(size / 2, 512)
            self.planner.settings.maxBatchBytes = min(limit, self.planner.settings.maxBatchBytes)
            self.report(.splitting(maxBatchBytes: self.planner.settings.maxBatchBytes))
            self.rewind()
            self.actions.append(.resumeProducing)
        case .invalid where refusal.code == .unsupportedCompressionType && self.doesWithout(entry?.codec):
            self.rewind()
            self.actions.append(.resumeProducing)
        case .tooLarge, .invalid, .denied, .missing, .other:
            let offset = (self.position?.sourceOffset ?? -1) + 1
            if refusal.kind == .missing { self.report(.targetMissing) }
            self.quarantine(self.reason(for: refusal, entry, offset: offset), now: now)
        }
    }

    /// Has batches of a codec that the target does not take encoded anew from now on; false when that would not help.
    private mutating func doesWithout(_ codec: CompressionCodec?) -> Bool {
        guard let codec, codec != self.planner.settings.replacementCodec,
            self.planner.settings.allowedCodecs.remove(codec) != nil
        else { return false }
        self.report(.codecRefused(codec, replacement: self.planner.settings.replacementCodec))
        return true
    }

    /// `max.message.bytes` of a topic that nobody configured.
    private static let defaultMaxBytes = 1_048_588

    private func reason(for refusal: ProduceRefusal, _ entry: FlowEntry?, offset: Int64) -> QuarantineReason {
        let answer = refusal.message.map { "\(refusal.code.name): \($0)" } ?? refusal.code.name
        let code: QuarantineReason.Code
        let message: String
        let nextStep: String
        switch refusal.kind {
        case .tooLarge:
            code = .recordTooLarge
            message = "a record of \(entry?.byteCount ?? 0) bytes is larger than the target accepts (\(answer))"
            nextStep =
                "Raise max.message.bytes of topic \(self.assignment.target.topic) at \(self.settings.targetAlias)."
        case .denied:
            code = .notAuthorized
            message = "the target does not let us write (\(answer))"
            nextStep =
                "Allow the target principal WRITE on topic \(self.assignment.target.topic) at \(self.settings.targetAlias)."
        case .missing:
            code = .targetMissing
            message = "the target topic or partition does not exist (\(answer))"
            nextStep = "It is created again if topic creation is on; else create it with enough partitions."
        case .invalid, .sequenceLost, .other:
            code = .refusedByTarget
            message = "the target refuses the batch (\(answer))"
            nextStep = "Compare the record at this offset with the rules of the target topic."
        }
        return QuarantineReason(
            code,
            cluster: self.settings.targetAlias,
            partition: self.assignment.target,
            sourceOffset: offset,
            message: message,
            nextStep: nextStep
        )
    }

    /// The producer has trouble that passes, or it has passed.
    package mutating func producer(failing failure: ProduceFailure?) {
        if let failure {
            self.impede(failure.text(cluster: self.settings.targetAlias, self.assignment.target))
        } else {
            self.clearImpediment()
        }
    }

    // MARK: Proof

    private mutating func queryTarget() {
        self.proofDue = nil
        self.generation += 1
        self.actions.append(.queryTarget(generation: self.generation))
    }

    /// The target's log end could not be found out.
    package mutating func notProven(generation: UInt64, reason: String, now: NIODeadline) {
        guard self.phase == .proving, generation == self.generation else { return }
        self.impede("cluster \(self.settings.targetAlias): \(reason)")
        self.proofDue = now + self.settings.proofPause
    }

    /// The target's log ends at `logEnd`: compares it with what we know to have written.
    package mutating func proven(generation: UInt64, logEnd: Int64, now: NIODeadline) {
        guard self.phase == .proving, generation == self.generation else { return }
        self.proofDue = nil
        self.phase = .running
        self.impediment = nil
        let refusal = self.pendingRefusal
        self.pendingRefusal = nil
        if let written = self.position?.targetOffset {
            if logEnd <= written {
                guard self.takeBack(fromTarget: logEnd, writtenTo: written, now: now) else { return }
            } else if logEnd > written + 1 {
                self.recognise(records: logEnd - written - 1, from: written + 1)
            }
        }
        if let refusal, refusal.kind != .sequenceLost {
            self.act(on: refusal, now: now)
        } else {
            self.rewind()
            self.actions.append(.resumeProducing)
        }
    }

    /// Records behind our last acknowledged one: ours, if they are exactly the next batches that were sent.
    private mutating func recognise(records count: Int64, from base: Int64) {
        var total: Int64 = 0
        var matched = 0
        for entry in self.queue.entries.prefix(self.queue.sentCount) where total < count {
            total += Int64(entry.recordCount)
            matched += 1
        }
        guard total == count else {
            self.report(.foreignRecords(count: count))
            return
        }
        var next = base
        for entry in Array(self.queue.entries.prefix(matched)) {
            // Some may be acknowledged already, behind one whose answer was lost.
            _ = self.queue.acknowledge(token: entry.token, targetBase: next)
            next += Int64(entry.recordCount)
        }
        while let entry = self.queue.popAcknowledged() { self.account(entry) }
    }

    /// The target lost what we wrote from an offset on: goes back to where it came from.
    private mutating func takeBack(fromTarget end: Int64, writtenTo: Int64, now: NIODeadline) -> Bool {
        self.report(.targetTruncated(at: end, writtenTo: writtenTo))
        guard let source = self.spans.source(ofTarget: end) else {
            self.pendingRefusal = ProduceRefusal(
                kind: .sequenceLost,
                code: .outOfOrderSequenceNumber,
                message: nil,
                token: 0,
                isOutcomeUnknown: true
            )
            self.quarantine(
                QuarantineReason(
                    .targetLost,
                    cluster: self.settings.targetAlias,
                    partition: self.assignment.target,
                    sourceOffset: (self.position?.sourceOffset ?? -1) + 1,
                    message:
                        "the target ends at offset \(end) but we wrote up to \(writtenTo), before this process started",
                    nextStep: "Decide where to go on: restart with the position of the target's last record."
                ),
                now: now
            )
            return false
        }
        self.spans.truncate(fromTarget: end)
        self.position?.sourceOffset = source - 1
        self.position?.targetOffset = end - 1
        return true
    }

    // MARK: Ways back

    /// Drops everything that is not acknowledged and reads it again.
    private mutating func rewind() {
        self.counters.rewinds += 1
        self.targetLoss = nil
        self.damageAtHead = nil
        self.drop()
        let next = (self.position?.sourceOffset ?? -1) + 1
        self.scanOffset = next
        self.receivedOffset = next
        // A seek that waits for the queue has lost nothing: its reason shows again when the place is reached.
        self.pendingSeek = nil
        self.actions.append(.seek(.offset(next), topicID: nil))
    }

    private mutating func drop() {
        self.queue.removeAll()
        self.unplanned.removeAll()
        self.group = []
        self.groupBytes = 0
        for bytes in self.held { self.actions.append(.release(bytes.lease)) }
        self.held.removeAll()
    }

    private mutating func quarantine(_ reason: QuarantineReason, now: NIODeadline) {
        self.drop()
        self.pendingSeek = nil
        self.quarantineAttempts += 1
        self.counters.quarantines += 1
        self.isTroubled = true
        self.impediment = nil
        let doublings = min(self.quarantineAttempts - 1, 16)
        let pause = min(
            self.settings.quarantinePause.nanoseconds << Int64(doublings),
            self.settings.quarantinePauseMaximum.nanoseconds
        )
        self.phase = .quarantined(reason, retryAt: now + .nanoseconds(pause))
        self.actions.append(.setFetching(false))
        self.report(.quarantined(reason))
    }

    /// Time has passed.
    package mutating func tick(now: NIODeadline) {
        if let due = self.proofDue, due <= now, self.phase == .proving { self.queryTarget() }
        guard case .quarantined(_, let retryAt) = self.phase, retryAt <= now else { return }
        self.actions.append(.setFetching(true))
        if self.pendingRefusal != nil {
            self.phase = .proving
            self.queryTarget()
            return
        }
        self.phase = .running
        self.rewind()
        self.actions.append(.resumeProducing)
    }

    /// Applies what had to wait for the queue: a damaged batch at its head, another place to read, the end.
    private mutating func settle() {
        if self.phase == .running, self.queue.sentCount == 0, case .damaged(let reason)? = self.queue.head?.content {
            self.damageAtHead = reason
            return
        }
        if self.phase == .running || self.phase == .starting, self.queue.isEmpty, self.unplanned.isEmpty,
            let seek = self.pendingSeek
        {
            self.pendingSeek = nil
            if case .offset(let offset) = seek.start {
                self.position?.sourceOffset = offset - 1
                self.scanOffset = offset
                self.receivedOffset = offset
            }
            self.position?.sourceTopicID = self.topicID
            self.drop()
            self.actions.append(.seek(seek.start, topicID: seek.topicID))
        }
        if self.phase == .draining, self.queue.sentCount == 0 {
            self.drop()
            self.phase = .stopped
            self.actions.append(.drained)
        }
    }

    /// Acts on what was found at the head of the queue, once everything sent is acknowledged; called after each event.
    package mutating func conclude(now: NIODeadline) {
        if let loss = self.targetLoss, self.queue.sentCount == 0, self.phase == .running {
            self.targetLoss = nil
            let written = self.position?.targetOffset ?? loss
            if self.takeBack(fromTarget: loss, writtenTo: written, now: now) { self.rewind() }
        }
        guard let reason = self.damageAtHead else { return }
        self.damageAtHead = nil
        guard self.phase == .running else { return }
        self.quarantine(reason, now: now)
    }

    // MARK: The end

    /// Takes nothing new and waits for what was sent.
    package mutating func drain() {
        switch self.phase {
        case .draining, .stopped: return
        case .starting, .running, .proving, .quarantined: break
        }
        self.actions.append(.setFetching(false))
        if case .proving = self.phase { self.queue.removeAll() }
        self.phase = .draining
        self.queue.dropWaiting()
        self.unplanned.removeAll()
        self.group = []
        self.settle()
    }

    // MARK: Words

    private mutating func announce() {
        guard self.phase == .running, self.queue.hasWaiting else { return }
        switch self.queue.head?.content {
        case .fast, .assembled: self.actions.append(.ready(bytes: self.queue.waitingBytes(atMost: 64 << 10)))
        case .rebuilding, .damaged, nil: break
        }
    }

    private mutating func report(_ kind: PartitionEvent.Kind) {
        self.actions.append(
            .report(PartitionEvent(source: self.assignment.source, target: self.assignment.target, kind: kind))
        )
    }

    private mutating func impede(_ reason: String) {
        self.impediment = reason
        self.isTroubled = true
        self.report(.impeded(reason: reason))
    }

    private mutating func clearImpediment() {
        guard self.impediment != nil else { return }
        self.impediment = nil
        if self.phase == .running {
            self.isTroubled = false
            self.report(.recovered)
        }
    }
}
