package import KafkaClient
package import KafkaProtocol
import KafkaRecords
package import Logging
package import MirrorModel
package import NIOCore
package import NIOPosix

/// Mirrors the partitions of one flow that live on one event loop.
///
/// # Overview
/// A shard owns its partitions and its own connections to both clusters; a batch is read, patched and written on one
/// thread, without a lock, a promise, a task or a hop.
///
/// # Responsibilities
/// 1. Join `PartitionFetcher`, one `PartitionFlow` per partition and `PartitionProducer`: carry out what they decide.
/// 2. Credits: what the fetcher delivers counts against the byte budget until the position has passed it; so does
///    what joining and encoding batches takes beside it.
/// 3. The control plane's view: assign, revoke, drain, positions, status, events.
///
/// # Where payload bytes are copied
/// - Socket to frame buffer: `KafkaConnection`, the one copy of a fast-path batch that is our own code's doing. Records
///   delivered, batches scanned and bodies produced are slices of that buffer.
/// - The checksum is read over the bytes in place; the header (61 bytes) is written new.
/// - Frame buffer to socket: the kernel's `writev` of header and slice. With TLS, NIOSSL copies into its records.
/// - Coalesced and re-encoded batches are copied once more, by what joins or encodes them.
package final class Shard: @unchecked Sendable {
    // Unchecked: all state is read and changed on `eventLoop` only; methods for other threads hop onto it first.

    /// One assigned partition.
    ///
    /// Unchecked for the same reason: only the event loop touches it.
    final class Cell: @unchecked Sendable {
        var flow: PartitionFlow
        var fetchSlot = -1
        var produceSlot = -1
        /// Counted against the fetcher's budget for copies.
        var chargedBytes = 0
        var isRunning = false
        var isRemoved = false
        var isDrained = false
        /// The position as the control plane knows it.
        var knownPosition: PartitionPosition?
        var hasMoved = false
        var timer: Scheduled<Void>?
        var timerDeadline: NIODeadline?
        var drainWaiters: [() -> Void] = []

        init(flow: PartitionFlow) {
            self.flow = flow
        }
    }

    package let eventLoop: any EventLoop
    /// What happens to the partitions; the newest thousand are kept for a slow reader.
    package let events: AsyncStream<PartitionEvent>
    private let eventSink: AsyncStream<PartitionEvent>.Continuation
    let configuration: ShardConfiguration
    let target: KafkaClient
    private let fetcher: PartitionFetcher
    let producer: PartitionProducer
    private let worker: RebuildWorker
    let logger: Logger
    var cells: [TopicPartition: Cell] = [:]
    private var cellsByFetchSlot: [Int: Cell] = [:]
    var cellsByProduceSlot: [Int: Cell] = [:]
    /// Those whose position the control plane has not asked for yet: looking at all would cost with their number.
    private var moved: [Cell] = []
    /// Counters of partitions that are gone.
    private var retired = PipelineCounters()
    private var isStarted = false
    /// Set when records and progress are written in transactions.
    var transactions: ShardTransactions?
    var isClosed = false

    package init(
        source: KafkaClient,
        target: KafkaClient,
        configuration: ShardConfiguration,
        eventLoop: any EventLoop,
        threadPool: NIOThreadPool,
        logger: Logger
    ) {
        self.eventLoop = eventLoop
        var configuration = configuration
        configuration.flow.sourcePrincipal = source.principal
        configuration.flow.targetPrincipal = target.principal
        self.configuration = configuration
        self.target = target
        self.logger = logger
        self.fetcher = PartitionFetcher(
            client: source,
            eventLoop: eventLoop,
            settings: configuration.fetch,
            logger: logger
        )
        self.producer = PartitionProducer(
            client: target,
            eventLoop: eventLoop,
            settings: configuration.produce,
            logger: logger
        )
        self.worker = RebuildWorker(eventLoop: eventLoop, pool: threadPool, width: configuration.rebuildWidth)
        (self.events, self.eventSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1_000))
    }

    // MARK: Control plane, from any thread

    /// Starts mirroring a partition; one that is assigned already stays as it is.
    package func assign(_ assignment: PartitionAssignment) {
        self.assign([assignment])
    }

    /// Starts mirroring partitions.
    package func assign(_ assignments: [PartitionAssignment]) {
        self.eventLoop.execute { self.add(assignments) }
    }

    /// Stops mirroring a partition once what was sent is acknowledged, and returns how far it is.
    ///
    /// Nil when the partition is not assigned or was never started. A batch that is not acknowledged in time may still
    /// be written; whoever goes on finds out from the target's log.
    package func revoke(_ partition: TopicPartition) async -> PartitionPosition? {
        let patience = self.configuration.revokePatience
        return await withCheckedContinuation { continuation in
            self.eventLoop.execute {
                guard let cell = self.cells[partition] else { return continuation.resume(returning: nil) }
                self.drain(cell, patience: patience) {
                    self.remove(cell)
                    continuation.resume(returning: cell.flow.durablePosition)
                }
            }
        }
    }

    /// Takes nothing new, waits for what was sent, but not longer than `patience`, and closes the shard.
    ///
    /// Positions and status can still be asked for.
    package func drain(patience: Duration) async {
        await withCheckedContinuation { continuation in
            self.eventLoop.execute {
                let waiting = self.cells.values.filter { !$0.isDrained }
                var open = waiting.count
                guard open > 0 else {
                    return self.finishTransactions(patience: patience) {
                        self.close()
                        continuation.resume()
                    }
                }
                for cell in waiting {
                    self.drain(cell, patience: patience) {
                        open -= 1
                        guard open == 0 else { return }
                        self.finishTransactions(patience: patience) {
                            self.close()
                            continuation.resume()
                        }
                    }
                }
            }
        }
    }

    /// Closes the shard on the spot.
    func abandon() async {
        await self.onLoop {
            for cell in self.cells.values { self.drained(cell) }
            self.close()
        }
    }

    /// How far each partition is; those without a position are left out.
    package func positions() async -> [TopicPartition: PartitionPosition] {
        await self.onLoop { self.cells.compactMapValues(\.flow.durablePosition) }
    }

    /// The positions that have changed since the last call.
    package func takeMovedPositions() async -> [TopicPartition: PartitionPosition] {
        await self.onLoop {
            var result: [TopicPartition: PartitionPosition] = [:]
            for cell in self.moved {
                cell.hasMoved = false
                cell.knownPosition = cell.flow.durablePosition
                let source = cell.flow.assignment.source
                if self.cells[source] === cell { result[source] = cell.flow.durablePosition }
            }
            self.moved.removeAll(keepingCapacity: self.moved.count < 1_024)
            return result
        }
    }

    /// All partitions, in the order of their names.
    package func status() async -> [PartitionStatus] {
        await self.onLoop { self.cells.values.map(\.flow.status).sorted { $0.source < $1.source } }
    }

    /// Partitions that are quarantined.
    package func stopped() async -> [PartitionStatus] {
        await self.onLoop { self.cells.values.filter(\.flow.isQuarantined).map(\.flow.status) }
    }

    /// The ledger holds a gap that was reported.
    package func recorded(_ partition: TopicPartition, gapKey: [UInt8]) async {
        await self.onLoop {
            guard let cell = self.cells[partition] else { return }
            cell.flow.recorded(gapKey: gapKey)
            self.run(cell)
            self.transactionsGoOn()
        }
    }

    /// Does with a stopped partition what somebody decided; returns why it cannot.
    package func release(_ partition: TopicPartition, _ action: ReleaseOrder.Action) async -> String? {
        await self.onLoop {
            guard let cell = self.cells[partition] else { return "the partition is not mirrored at the moment" }
            let refusal = cell.flow.release(action, now: self.eventLoop.now)
            self.run(cell)
            return refusal
        }
    }

    /// Where the records of a partition went.
    package func offsets(of partition: TopicPartition) async -> PartitionOffsets? {
        await self.onLoop { self.cells[partition]?.flow.offsets }
    }

    /// Counters of all partitions, those revoked included.
    package func totals() async -> PipelineCounters {
        await self.onLoop {
            self.cells.values.reduce(into: self.retired) { $0 += $1.flow.counters }
        }
    }

    /// Fetched bytes in memory or on their way, now and at most.
    package func bytesInUse() async -> (now: Int, peak: Int) {
        await self.onLoop { (self.fetcher.bytesInUse, self.fetcher.peakBytesInUse) }
    }

    private func onLoop<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            self.eventLoop.execute { continuation.resume(returning: body()) }
        }
    }

    // MARK: Partitions

    func start() {
        guard !self.isStarted else { return }
        self.isStarted = true
        // Close by until an answer has shown how far away it is.
        self.fetcher.targetDistance = .zero
        self.fetcher.start(
            PartitionFetcher.Handlers(
                records: { [unowned self] records in self.deliver(records) },
                event: { [unowned self] event in self.handle(event) }
            )
        )
        self.producer.start(
            PartitionProducer.Handlers(
                pull: { [unowned self] request in self.pull(request) },
                event: { [unowned self] event in self.handle(event) }
            )
        )
    }

    private func add(_ assignments: [PartitionAssignment]) {
        guard !self.isClosed else { return }
        self.start()
        for assignment in assignments where self.cells[assignment.source] == nil {
            let cell = Cell(flow: PartitionFlow(assignment: assignment, settings: self.configuration.flow))
            self.cells[assignment.source] = cell
            self.transactionBegins(cell)
            cell.produceSlot = self.producer.add(assignment.target, continuing: assignment.producer)
            self.cellsByProduceSlot[cell.produceSlot] = cell
            cell.fetchSlot = self.fetcher.add(
                assignment.source,
                topicID: assignment.sourceTopicID,
                start: assignment.start,
                lastFetchedEpoch: assignment.resumed?.leaderEpoch ?? -1
            )
            self.cellsByFetchSlot[cell.fetchSlot] = cell
            self.run(cell)
        }
    }

    private func remove(_ cell: Cell) {
        let source = cell.flow.assignment.source
        guard self.cells[source] === cell else { return }
        cell.timer?.cancel()
        // What was received has to be given back, or its bytes would be missing from the budget for ever.
        cell.flow.abandon()
        for case .release(let lease) in cell.flow.takeActions() { self.fetcher.release(lease) }
        self.cells[source] = nil
        cell.isRemoved = true
        self.cellsByFetchSlot[cell.fetchSlot] = nil
        self.cellsByProduceSlot[cell.produceSlot] = nil
        self.fetcher.remove(cell.fetchSlot)
        self.transactionsForget(cell)
        self.producer.remove(cell.produceSlot)
        self.retired += cell.flow.counters
        self.chargeCopies(of: cell)
    }

    private func drain(_ cell: Cell, patience: Duration, _ completion: @escaping () -> Void) {
        if cell.isDrained { return completion() }
        let timeout = self.eventLoop.scheduleTask(in: TimeAmount(patience)) {
            guard !cell.isDrained else { return }
            self.logger.warning(
                "partition stops with batches not acknowledged",
                metadata: ["partition": "\(cell.flow.assignment.source)"]
            )
            self.drained(cell)
        }
        cell.drainWaiters.append {
            timeout.cancel()
            completion()
        }
        cell.flow.drain()
        self.run(cell)
        self.hurryTransactions()
    }

    private func drained(_ cell: Cell) {
        guard !cell.isDrained else { return }
        cell.isDrained = true
        let waiters = cell.drainWaiters
        cell.drainWaiters = []
        for waiter in waiters { waiter() }
    }

    private func close() {
        guard !self.isClosed else { return }
        self.isClosed = true
        for cell in self.cells.values { cell.timer?.cancel() }
        self.closeTransactions()
        self.fetcher.close()
        self.producer.close()
        self.eventSink.finish()
    }

    // MARK: Events

    private func deliver(_ records: FetchedRecords) {
        guard let cell = self.cellsByFetchSlot[records.slot] else {
            self.fetcher.release(records.lease)
            return
        }
        cell.flow.fetched(records)
        self.run(cell)
    }

    private func pull(_ request: ProducePullRequest) -> ProducePull {
        guard let cell = self.cellsByProduceSlot[request.slot] else { return self.pullProgress(request) ?? .nothing }
        guard self.transactionsAdmit(cell) else { return .nothing }
        self.fetcher.targetDistance = request.roundTrip
        let result = cell.flow.pull(request)
        if case .batch(let batch) = result { self.transactionTook(batch, slot: request.slot) }
        self.chargeCopies(of: cell)
        // The producer is busy building a request: what the flow decided meanwhile has to wait for the next turn.
        if cell.flow.hasActions, !cell.isRunning { self.eventLoop.execute { self.run(cell) } }
        return result
    }

    private func handle(_ event: FetchEvent) {
        guard let cell = self.cellsByFetchSlot[event.slot] else { return }
        cell.flow.source(event)
        self.run(cell)
    }

    private func handle(_ event: ProduceEvent) {
        if self.transactionsHandle(event) { return }
        guard let cell = self.cellsByProduceSlot[event.slot] else { return }
        switch event {
        case .acknowledged(_, let token, let baseOffset, _):
            cell.flow.acknowledged(token: token, baseOffset: baseOffset)
        case .refused(_, let refusal): cell.flow.refused(refusal, now: self.eventLoop.now)
        case .failing(_, let failure): cell.flow.producer(failing: failure)
        case .recovered: cell.flow.producer(failing: nil)
        }
        self.run(cell)
    }

    /// Carries out what a flow decided; what that leads to follows in the same loop.
    func run(_ cell: Cell) {
        guard !cell.isRunning else { return }
        cell.isRunning = true
        while !self.isClosed {
            cell.flow.conclude(now: self.eventLoop.now)
            let actions = cell.flow.takeActions()
            if actions.isEmpty { break }
            for action in actions { self.perform(action, cell) }
        }
        cell.isRunning = false
        if !cell.hasMoved, cell.flow.durablePosition != cell.knownPosition {
            cell.hasMoved = true
            self.moved.append(cell)
        }
        self.chargeCopies(of: cell)
        self.schedule(cell)
    }

    /// Joined and encoded batches are memory like fetched ones.
    private func chargeCopies(of cell: Cell) {
        let bytes = cell.isRemoved ? 0 : cell.flow.copiedBytes
        guard bytes != cell.chargedBytes else { return }
        let difference = bytes - cell.chargedBytes
        cell.chargedBytes = bytes
        self.fetcher.charge(difference)
    }

    private func perform(_ action: PartitionFlow.Action, _ cell: Cell) {
        switch action {
        case .ready(let bytes):
            if self.transactionsWant(cell) { return }
            self.producer.ready(cell.produceSlot, bytes: bytes)
        case .release(let lease): self.fetcher.release(lease)
        case .seek(let start, let topicID, let epoch):
            self.fetcher.seek(cell.fetchSlot, to: start, topicID: topicID, lastFetchedEpoch: epoch)
        case .setFetching(let isOn): self.fetcher.setPaused(cell.fetchSlot, !isOn)
        case .resumeProducing(let stamp): self.producer.resume(cell.produceSlot, continuing: stamp)
        case .drained: self.drained(cell)
        case .rebuild(let ticket, let elements, let rebuilder):
            self.worker.rebuild(elements, rebuilder) { result in
                cell.flow.rebuilt(ticket: ticket, result)
                self.run(cell)
            }
        case .queryTarget(let generation): self.queryTarget(generation, cell)
        case .report(let event):
            self.eventSink.yield(event)
        }
    }

    private func queryTarget(_ generation: UInt64, _ cell: Cell) {
        let partition = cell.flow.assignment.target
        Task {
            let result: Result<ListedOffset, KafkaClientError>
            do throws(KafkaClientError) {
                result = .success(try await self.target.listOffset(.latest, of: partition))
            } catch {
                result = .failure(error)
            }
            self.eventLoop.execute {
                let now = self.eventLoop.now
                switch result {
                case .success(let end): cell.flow.proven(generation: generation, logEnd: end.offset, now: now)
                case .failure(let error): cell.flow.notProven(generation: generation, reason: "\(error)", now: now)
                }
                self.run(cell)
            }
        }
    }

    private func schedule(_ cell: Cell) {
        let wake = self.isClosed ? nil : cell.flow.askNextWake()
        guard wake != cell.timerDeadline else { return }
        cell.timer?.cancel()
        cell.timer = nil
        cell.timerDeadline = wake
        guard let wake else { return }
        cell.timer = self.eventLoop.scheduleTask(deadline: wake) {
            cell.timerDeadline = nil
            cell.flow.tick(now: self.eventLoop.now)
            self.run(cell)
        }
    }
}

extension FetchEvent {
    /// The slot it is about.
    package var slot: Int {
        switch self {
        case .watermarks(let slot, _), .started(let slot, _), .offsetOutOfRange(let slot, _, _, _),
            .diverged(let slot, _, _, _), .topicRecreated(let slot, _, _), .leaderChanged(let slot, _, _),
            .failing(let slot, _), .recovered(let slot):
            slot
        }
    }
}

extension ProduceEvent {
    /// The slot it is about.
    package var slot: Int {
        switch self {
        case .acknowledged(let slot, _, _, _), .refused(let slot, _), .failing(let slot, _), .recovered(let slot): slot
        }
    }
}
