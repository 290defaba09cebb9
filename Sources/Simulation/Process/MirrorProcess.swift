import KafkaClient
import KafkaProtocol
import KafkaRecords
import Mirror
import MirrorModel
import NIOCore

/// One incarnation of the mirror: the real machines, and what joins them in a real process.
///
/// The joints follow `Shard`, `PartitionFetcher`, `PartitionProducer` and `FlowSupervisor`; everything that decides is
/// theirs.
final class MirrorProcess {
    /// One assigned partition.
    final class Cell {
        var flow: PartitionFlow
        let index: Int
        var fetchSlot = -1
        var produceSlot = -1
        var chargedBytes = 0
        var isDrained = false
        /// The last batch that went out.
        var lastToken: UInt64 = 0
        /// Batches of which the target did not say where it put them.
        var placeless: Set<UInt64> = []
        var drainWaiters: [() -> Void] = []
        var sourceTopicID: KafkaUUID

        init(flow: PartitionFlow, index: Int) {
            self.flow = flow
            self.index = index
            sourceTopicID = flow.assignment.sourceTopicID
        }

        /// Whether nothing that is out can tell any more where the target put a batch.
        func isPlaceUnknown(_ token: UInt64, _ base: Int64?) -> Bool {
            guard base == nil else { return false }
            placeless.insert(token)
            return (token...max(token, lastToken)).allSatisfy(placeless.contains)
                || token >= 5 && (token - 4...token).allSatisfy(placeless.contains)
        }
    }

    unowned let history: History
    let number: Int
    var isAlive = true
    var pausedUntil = NIODeadline.distantPast
    var clockOffset = TimeAmount.zero
    /// Dies after so many more actions.
    var stepsToLive: Int?
    var fetcher: FetcherMachine
    var producer: ProducerMachine
    var cells: [Cell] = []
    var fetchLinks: [Int32: Link] = [:]
    var aheadLinks: [Int32: Link] = [:]
    var produceLinks: [Int32: Link] = [:]
    var ledger: ProgressLedger?
    let offsets = FlowOffsets()
    /// Offset maps that have to be written before the progress that goes on from them.
    var longMaps: [(source: TopicPartition, bytes: [UInt8])] = []
    /// What the process believes of leaders.
    var sourceView: [TopicPartition: PartitionLeader] = [:]
    var targetView: [TopicPartition: PartitionLeader] = [:]
    var current: [TopicPartition: TopicPlan.Mirrored] = [:]
    var initial: Set<TopicPartition>?
    var absences: [TopicName: Int] = [:]
    var isStopping = false
    /// Which producer partitions are written with.
    var succession = ProducerSuccession()
    /// Source topics that were deleted, and made anew since.
    var goneTopics: Set<KafkaUUID> = []
    /// Who it writes each partition as.
    var identities: [Int: ProducerIdentity] = [:]
    /// Set when records and progress are written in transactions.
    var transactions: ProcessTransactions?
    /// Partitions were given up whose last transaction may be committed without their knowing.
    var hasGivenUpPartitions = false
    /// Produce requests without an answer, for planted bugs.
    var sentRequests: [UInt64: (node: Int32, request: ProduceRequest)] = [:]
    private var wake: NIODeadline?
    private var isSettling = false

    init(history: History, number: Int) {
        self.history = history
        self.number = number
        fetcher = FetcherMachine(settings: history.plan.fetch)
        producer = ProducerMachine(settings: history.plan.produce)
    }

    /// The process's own clock.
    var clock: NIODeadline { history.now + clockOffset }

    func cell(of source: TopicPartition) -> Cell? { cells.first { $0.flow.assignment.source == source } }

    func mutated(_ mutation: Mutation) -> Bool { history.mutation == mutation }

    // MARK: Life and death

    func die() {
        guard isAlive else { return }
        isAlive = false
        history.log.add(history.now, "process dies", Int64(number))
        for node in (history.plan.sourceNodes + history.plan.targetNodes) {
            for link in [fetchLinks[node], aheadLinks[node], produceLinks[node]] {
                if let link { close(link) }
            }
        }
        forget()
    }

    /// Lets go of what holds the process itself.
    func forget() {
        fetchLinks = [:]
        aheadLinks = [:]
        produceLinks = [:]
        for cell in cells { cell.drainWaiters = [] }
        transactions?.finishWaiters = []
    }

    /// Something from outside reaches the process: now, or when it runs again.
    func receive(_ body: @escaping () -> Void) {
        guard isAlive else { return }
        if pausedUntil > history.now {
            history.at(pausedUntil) { self.receive(body) }
            return
        }
        body()
        settle()
    }

    func later(_ delay: TimeAmount, _ body: @escaping () -> Void) {
        history.later(delay) { self.receive(body) }
    }

    func mayGoOn() -> Bool {
        guard isAlive else { return false }
        guard let left = stepsToLive else { return true }
        if left > 0 {
            stepsToLive = left - 1
            return true
        }
        die()
        history.restart(after: history.milliseconds(60...1_500))
        return false
    }

    // MARK: Joints

    /// Carries out what was decided, and what that leads to.
    func settle() {
        guard isAlive, !isSettling else { return }
        isSettling = true
        defer { isSettling = false }
        var isQuiet = false
        while !isQuiet {
            isQuiet = true
            for cell in cells {
                cell.flow.conclude(now: clock)
                for action in cell.flow.takeActions() {
                    isQuiet = false
                    guard mayGoOn() else { return }
                    perform(action, of: cell)
                }
                charge(cell)
            }
            for action in fetcher.takeActions() {
                isQuiet = false
                guard mayGoOn() else { return }
                perform(action)
            }
            producer.pump(now: clock) { request in self.pull(request) }
            for action in producer.takeActions() {
                isQuiet = false
                guard mayGoOn() else { return }
                perform(action)
            }
        }
        schedule()
    }

    private func schedule() {
        var next: NIODeadline?
        func consider(_ deadline: NIODeadline?) {
            guard let deadline else { return }
            if next.map({ deadline < $0 }) ?? true { next = deadline }
        }
        consider(fetcher.nextWake)
        consider(producer.nextWake)
        consider(transactions?.writer.nextWake)
        for cell in cells { consider(cell.flow.nextWake) }
        guard let next else {
            wake = nil
            return
        }
        let time = max(history.now, next - clockOffset)
        if let wake, wake <= time, wake >= history.now { return }
        wake = time
        history.at(time) {
            guard self.wake == time else { return }
            self.receive {
                self.wake = nil
                self.tick()
            }
        }
    }

    private func tick() {
        fetcher.tick(now: clock)
        producer.tick(now: clock)
        transactions?.writer.tick(now: clock)
        runTransactions()
        for cell in cells {
            cell.flow.tick(now: clock)
        }
    }

    private func pull(_ request: ProducePullRequest) -> ProducePull {
        guard let cell = cells.first(where: { $0.produceSlot == request.slot }) else {
            return pullProgress(request) ?? .nothing
        }
        guard transactionsAdmit(cell) else { return .nothing }
        let result = cell.flow.pull(request)
        if case .batch(let batch) = result {
            cell.lastToken = batch.token
            transactionTook(batch, slot: request.slot)
        }
        return result
    }

    private func charge(_ cell: Cell) {
        let bytes = cell.flow.copiedBytes
        guard bytes != cell.chargedBytes else { return }
        let difference = bytes - cell.chargedBytes
        cell.chargedBytes = bytes
        fetcher.charge(difference, now: clock)
    }

    func perform(_ action: PartitionFlow.Action, of cell: Cell) {
        switch action {
        case .ready(let bytes):
            if transactionsWant(cell) { return }
            producer.ready(cell.produceSlot, bytes: bytes, now: clock)
        case .release(let lease):
            if mutated(.budgetLeak), history.random.chance(1_000) { return }
            fetcher.release(lease, now: clock)
        case .seek(var start, let id, let epoch):
            if mutated(.seekTooFar), case .offset(let offset) = start { start = .offset(offset + 1) }
            history.log.add(history.now, "seek", Int64(cell.index), text: "\(start)")
            fetcher.seek(cell.fetchSlot, to: start, topicID: id, lastFetchedEpoch: epoch, now: clock)
            if let id { cell.sourceTopicID = id }
        case .setFetching(let isOn): fetcher.setPaused(cell.fetchSlot, !isOn, now: clock)
        case .rebuild(let ticket, let elements, let rebuilder): rebuild(cell, ticket, elements, rebuilder)
        case .resumeProducing(let stamp): producer.resume(cell.produceSlot, continuing: stamp, now: clock)
        case .queryTarget(let generation): queryTarget(cell, generation)
        case .drained: drained(cell)
        case .report(let event): report(event, cell)
        }
    }

    private func rebuild(_ cell: Cell, _ ticket: UInt64, _ elements: [ScannedBatch], _ rebuilder: BatchRebuilder) {
        let result: Result<[AssembledBatch], RecordError>
        do throws(RecordError) {
            result = .success(try rebuilder.rebuild(elements, codecs: history.codecs))
        } catch {
            result = .failure(error)
        }
        // As the worker does it: small and plain at once, anything else on another thread.
        if elements.count == 1, elements[0].codec == CompressionCodec.none {
            cell.flow.rebuilt(ticket: ticket, result)
        } else {
            later(history.milliseconds(1...8)) { cell.flow.rebuilt(ticket: ticket, result) }
        }
    }

    private func queryTarget(_ cell: Cell, _ generation: UInt64) {
        let target = cell.flow.assignment.target
        call(history.target[target]?.leader) {
            self.history.target[target]?.end
        } _: { result in
            guard self.cells.contains(where: { $0 === cell }) else { return }
            switch result {
            case .success(.some(let end)):
                self.history.log.add(self.history.now, "proof", Int64(cell.index), end)
                cell.flow.proven(generation: generation, logEnd: end, now: self.clock)
            case .success(.none), .failure:
                cell.flow.notProven(generation: generation, reason: "no answer", now: self.clock)
            }
        }
    }

    // MARK: Partitions

    func add(_ assignment: PartitionAssignment, kept: OffsetMap?) {
        guard let index = history.index(ofSource: assignment.source), cell(of: assignment.source) == nil else { return }
        var assignment = assignment
        if case .offset(let offset) = assignment.start {
            if mutated(.resumeAtLast), offset > 0 { assignment.start = .offset(offset - 1) }
            if mutated(.resumeTooLate), offset > 0 { assignment.start = .offset(offset + 1) }
        }
        history.log.add(history.now, "assign", Int64(index), text: "\(assignment.start)")
        var settings = PartitionFlow.Settings()
        // Nobody is there to release a partition; damaged batches are repaired when faults are over.
        for kind in GapKind.allCases {
            settings.policies[kind] = IntegrityRule(general: kind == .undecodable ? .pause : .continue)
        }
        settings.keepsLedger = true
        settings.yieldsWhenOvertaken = !history.plan.isExactlyOnce
        settings.isTransactional = history.plan.isExactlyOnce
        settings.isReadCommitted = history.plan.isReadCommitted
        settings.plannedAhead = history.plan.plannedAhead
        settings.farAway = history.plan.farAway
        if !history.plan.isJoining {
            settings.coalesceBelow = 0
            settings.rateGoal = 0
        }
        assignment = offsets.begin(assignment, persisted: kept)
        for partition in offsets.continuations where partition.source == assignment.source {
            let earlier = history.maps[partition.source].flatMap { try? OffsetMap(encoded: $0, byteLimit: 1 << 20) }
            _ = partition.adopt(earlier)
        }
        let cell = Cell(flow: PartitionFlow(assignment: assignment, settings: settings), index: index)
        cells.append(cell)
        transactions?.writer.began(assignment.source, targetTopicID: assignment.targetTopicID)
        if let stamp = assignment.producer {
            identities[index] = stamp.identity
            history.truth[index].producers.insert(stamp.identity)
        }
        cell.produceSlot = producer.add(
            assignment.target,
            continuing: mutated(.producerNotContinued) ? nil : assignment.producer,
            now: clock
        )
        cell.fetchSlot = fetcher.add(
            assignment.source,
            topicID: assignment.sourceTopicID,
            start: assignment.start,
            lastFetchedEpoch: assignment.resumed?.leaderEpoch ?? -1,
            now: clock
        )
    }

    func remove(_ cell: Cell) {
        guard let position = cells.firstIndex(where: { $0 === cell }) else { return }
        cell.flow.abandon()
        for case .release(let lease) in cell.flow.takeActions() { fetcher.release(lease, now: clock) }
        cells.remove(at: position)
        fetcher.remove(cell.fetchSlot, now: clock)
        transactionsForget(cell)
        producer.remove(cell.produceSlot, now: clock)
        if cell.chargedBytes != 0 { fetcher.charge(-cell.chargedBytes, now: clock) }
        cell.chargedBytes = 0
    }

    func drain(_ cell: Cell, patience: TimeAmount, _ completion: @escaping () -> Void) {
        if cell.isDrained {
            completion()
            return
        }
        cell.drainWaiters.append(completion)
        later(patience) { self.drained(cell) }
        cell.flow.drain()
        hurryTransactions()
    }

    private func drained(_ cell: Cell) {
        guard !cell.isDrained else { return }
        cell.isDrained = true
        let waiters = cell.drainWaiters
        cell.drainWaiters = []
        for waiter in waiters { waiter() }
    }

    /// Writes a gap into the ledger at the target; the partition goes on when it is there.
    private func record(_ gap: Gap, _ cell: Cell) {
        call(history.plan.targetNodes.last) {
            self.history.gaps[gap.key] = gap
        } _: { result in
            guard case .success = result else { return }
            cell.flow.recorded(gapKey: gap.key)
            self.transactionsGoOn()
        }
    }

    private func report(_ event: PartitionEvent, _ cell: Cell) {
        let index = cell.index
        history.log.add(history.now, "event", Int64(index), text: "\(event.kind)")
        switch event.kind {
        case .sourceGap(let range):
            if mutated(.gapNotReported) { return }
            history.truth[index].reports.gaps.append((cell.sourceTopicID, range))
        case .sourceTruncated:
            if mutated(.truncationNotReported) { return }
            history.truth[index].reports.hasSourceTruncation = true
        case .sourceRecreated(let old, _):
            goneTopics.insert(old)
            history.truth[index].reports.hasSourceRecreation = true
        case .targetTruncated: history.truth[index].reports.hasTargetTruncation = true
        case .foreignRecords: history.truth[index].reports.hasForeign = true
        case .quarantined(let reason):
            history.truth[index].reports.hasQuarantine = true
            if reason.code == .targetLost { history.truth[index].reports.hasTargetLoss = true }
        case .targetMissing: history.truth[index].reports.hasTargetRecreation = true
        case .gap(let gap): record(gap, cell)
        case .placeLost: later(.milliseconds(1)) { self.resumeAnew(cell) }
        case .overtaken(let isForgotten): later(.milliseconds(1)) { self.takeUpAgain(cell, isForgotten: isForgotten) }
        case .started, .recovered, .impeded, .sourceLeaderChanged, .splitting, .codecRefused: break
        }
    }
}
