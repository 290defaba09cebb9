import KafkaClient
import KafkaProtocol
import KafkaRecords
import Mirror
import MirrorModel
import NIOCore

/// Writing records and progress in transactions: carries out what `TransactionCycle` decides, as `Shard+Transactions`
/// does.
extension MirrorProcess {
    func beginTransactions(_ identity: ProducerIdentity, _ progress: [TopicPartition: ProgressRecord]) {
        var settings = TransactionCycle.Settings()
        settings.interval = history.plan.progressInterval
        settings.idle = min(.milliseconds(50), settings.interval)
        settings.timeout = history.plan.transactionTimeout
        let transactions = ProcessTransactions(identity, settings, progress)
        self.transactions = transactions
        ledger = ProgressLedger(loaded: progress, isTransactional: true)
        producer.begin(identity, transactionalID: Self.transactionalID, now: clock)
        transactions.cycle.begin(now: clock)
        runTransactions()
        watchOwner()
        look()
    }

    // MARK: Hooks

    /// A partition has records; true when transactions take care of it.
    func transactionsWant(_ cell: Cell) -> Bool {
        guard let transactions else { return false }
        let partition = cell.flow.assignment.target
        guard transactions.refusals[cell.produceSlot] == nil else { return true }
        if transactions.cycle.admits(partition) { return false }
        transactions.waiting.insert(cell.produceSlot)
        transactions.cycle.want(partition, now: clock)
        runTransactions()
        return true
    }

    /// Whether a slot may be asked for a batch.
    func transactionsAdmit(_ cell: Cell) -> Bool {
        guard let transactions else { return true }
        if transactions.cycle.admits(cell.flow.assignment.target), transactions.refusals[cell.produceSlot] == nil {
            return true
        }
        transactions.waiting.insert(cell.produceSlot)
        return false
    }

    func transactionTook(_ batch: ProduceBatch, slot: Int) {
        guard let transactions else { return }
        transactions.outstanding[slot, default: 0] += 1
        transactions.cycle.sent(now: clock)
    }

    /// What became of a batch; true when transactions take care of it.
    func transactionsHandle(_ event: ProduceEvent) -> Bool {
        guard let transactions else { return false }
        switch event {
        case .acknowledged where transactions.cycle.phase == .halted,
            .refused where transactions.cycle.phase == .halted:
            // The answer that ended the transaction tells of other batches behind it, which are lost all the same.
            return true
        case .acknowledged(let slot, let token, let base, _):
            if let partition = transactions.progressBySlot[slot] {
                transactions.progress[partition]?.outstanding -= 1
                finishProgress()
            } else if let cell = cells.first(where: { $0.produceSlot == slot }) {
                history.log.add(history.now, "ack", Int64(cell.index), Int64(token), base ?? -1)
                let isFirst = !transactions.acknowledged.contains { $0.cell === cell }
                if cell.isPlaceUnknown(token, base) || isFirst && base == nil {
                    history.truth[cell.index].hadUnknownPlaces = true
                }
                transactions.outstanding[slot, default: 1] -= 1
                transactions.acknowledged.append(.init(cell: cell, token: token, targetBase: base))
                transactions.cycle.acknowledged(now: clock)
            }
        case .refused(let slot, let refusal): transactionRefused(slot, refusal)
        case .failing(let slot, _), .recovered(let slot): return transactions.progressBySlot[slot] != nil
        }
        runTransactions()
        return true
    }

    private func transactionRefused(_ slot: Int, _ refusal: ProduceRefusal) {
        guard let transactions else { return }
        history.log.add(history.now, "refused", Int64(slot), text: "\(refusal)")
        if let partition = transactions.progressBySlot[slot] {
            transactions.cycle.fail("\(partition) refuses progress (\(refusal.code.name))", now: clock)
        } else if refusal.isOutcomeUnknown || refusal.code.endsTransaction {
            transactions.cycle.fail("slot \(slot) answers \(refusal.code.name)", now: clock)
        } else {
            let count = transactions.outstanding.removeValue(forKey: slot) ?? 0
            transactions.refusals[slot] = refusal
            transactions.cycle.dropped(count, now: clock)
            transactions.cycle.hurry(now: clock)
        }
    }

    func hurryTransactions() {
        guard let transactions else { return }
        transactions.cycle.hurry(now: clock)
        runTransactions()
    }

    func transactionsForget(_ cell: Cell) {
        guard let transactions else { return }
        let slot = cell.produceSlot
        transactions.waiting.remove(slot)
        transactions.refusals[slot] = nil
        transactions.cycle.forget(cell.flow.assignment.target)
        let isOut = transactions.outstanding.removeValue(forKey: slot) ?? 0 > 0
        if isOut || transactions.acknowledged.contains(where: { $0.cell === cell }) {
            transactions.cycle.fail("\(cell.flow.assignment.target) was given up", now: clock)
            runTransactions()
        }
    }

    /// Commits what there is, then calls back.
    func finishTransactions(patience: TimeAmount, _ completion: @escaping () -> Void) {
        guard let transactions, !transactions.isLost else {
            completion()
            return
        }
        var isDone = false
        let once = {
            guard !isDone else { return }
            isDone = true
            completion()
        }
        later(patience, once)
        transactions.finishWaiters.append(once)
        hurryTransactions()
    }

    func transactionsGoOn() {
        guard let transactions, !transactions.isLost else { return }
        transactions.cycle.tick(now: clock)
        runTransactions()
    }

    private func wakeFinishWaiters(_ transactions: ProcessTransactions) {
        let waiters = transactions.finishWaiters
        transactions.finishWaiters = []
        for waiter in waiters { waiter() }
    }

    // MARK: Carrying out

    func runTransactions() {
        guard let transactions, !transactions.isRunning else { return }
        transactions.isRunning = true
        while isAlive {
            let actions = transactions.cycle.takeActions()
            if actions.isEmpty { break }
            for action in actions {
                guard mayGoOn() else { break }
                perform(action, transactions)
            }
        }
        transactions.isRunning = false
    }

    private func perform(_ action: TransactionCycle.Action, _ transactions: ProcessTransactions) {
        switch action {
        case .add(let partitions, let generation): announce(partitions, generation, transactions)
        case .admit(let partitions):
            for cell in cells where partitions.contains(cell.flow.assignment.target) {
                guard transactions.waiting.remove(cell.produceSlot) != nil else { continue }
                producer.ready(cell.produceSlot, bytes: 1, now: clock)
            }
        case .prepareProgress: prepareProgress(transactions)
        case .writeProgress:
            for (_, partition) in transactions.progress.sorted(by: { $0.key < $1.key })
            where !partition.waiting.isEmpty {
                producer.ready(partition.slot, bytes: 1, now: clock)
            }
            finishProgress()
        case .commit(let generation):
            transactions.isCommitUncertain = true
            commit(generation, transactions)
        case .deliver:
            deliverTransaction(transactions)
            transactions.cycle.tick(now: clock)
            wakeFinishWaiters(transactions)
        case .nothingToCommit:
            deliverTransaction(transactions)
            wakeFinishWaiters(transactions)
        case .recover(let reason): recover(reason, transactions)
        }
    }

    private func announce(
        _ partitions: Set<TopicPartition>,
        _ generation: UInt64,
        _ transactions: ProcessTransactions
    ) {
        add(partitions, transactions.identity) { codes in
            guard self.transactions === transactions, generation == transactions.cycle.generation else { return }
            self.added(codes, generation, transactions)
            self.runTransactions()
        }
    }

    private func added(
        _ codes: [TopicPartition: ErrorCode]?,
        _ generation: UInt64,
        _ transactions: ProcessTransactions
    ) {
        guard let codes else {
            transactions.cycle.fail("no answer", now: clock)
            return
        }
        if codes.isEmpty {
            transactions.cycle.added(generation: generation, now: clock)
            transactions.missing.removeAll()
            return
        }
        if let code = codes.values.first(where: \.endsTransaction) {
            transactions.cycle.fail("the coordinator answers \(code.name)", now: clock)
            return
        }
        let refused = codes.filter { $0.value != .operationNotAttempted }
        transactions.cycle.notAdded(refused: Set(refused.keys), generation: generation, now: clock)
        for cell in cells {
            guard let code = refused[cell.flow.assignment.target] else { continue }
            if code == .unknownTopicOrPartition, asksAgain(cell, transactions) { continue }
            transactionRefused(
                cell.produceSlot,
                ProduceRefusal(kind: .missing, code: code, message: nil, token: 0, isOutcomeUnknown: false)
            )
        }
    }

    private func asksAgain(_ cell: Cell, _ transactions: ProcessTransactions) -> Bool {
        let attempts = transactions.missing[cell.produceSlot, default: 0] + 1
        transactions.missing[cell.produceSlot] = attempts < 6 ? attempts : nil
        guard attempts < 6 else { return false }
        transactions.waiting.remove(cell.produceSlot)
        later(.milliseconds(Int64(100 * attempts))) {
            guard self.transactions === transactions else { return }
            cell.flow.announce()
        }
        return true
    }

    private func commit(_ generation: UInt64, _ transactions: ProcessTransactions) {
        endTransaction(transactions.identity) { code in
            guard self.transactions === transactions, generation == transactions.cycle.generation else { return }
            if code == .none || self.mutated(.lostCommitIsSuccess) {
                transactions.cycle.committed(generation: generation, now: self.clock)
            } else {
                transactions.cycle.fail("the commit is refused with \(code.name)", now: self.clock)
            }
            self.runTransactions()
        }
    }

    // MARK: Progress

    private func prepareProgress(_ transactions: ProcessTransactions) {
        var written: [TopicPartition: [UInt64: Int64?]] = [:]
        for acknowledgement in transactions.acknowledged {
            let source = acknowledgement.cell.flow.assignment.source
            written[source, default: [:]][acknowledgement.token] = .some(acknowledgement.targetBase)
        }
        guard !looksForForeignRecords(written, transactions) else { return }
        var positions: [TopicPartition: PartitionPosition] = [:]
        for cell in cells {
            let source = cell.flow.assignment.source
            guard let batches = written[source] else {
                positions[source] = cell.flow.durablePosition
                continue
            }
            guard let position = cell.flow.position(adding: batches) else {
                transactions.cycle.fail("\(source) is read from another place now", now: clock)
                return
            }
            positions[source] = position
        }
        transactions.ledger.observe(positions)
        transactions.pending = transactions.ledger.unwritten
        var used: Set<TopicPartition> = []
        for (source, record) in transactions.pending.sorted(by: { $0.key < $1.key }) {
            let key = Self.progressKey(source)
            let partition = history.progressPartition(of: key)
            used.insert(partition)
            if transactions.progress[partition] == nil {
                let slot = producer.add(partition, now: clock)
                transactions.progress[partition] = .init(slot: slot)
                transactions.progressBySlot[slot] = partition
            }
            var record = record
            if !mutated(.mapNotKept) {
                record.offsetMap = cell(of: source)?.flow.offsetMap(adding: written[source] ?? [:])
            }
            transactions.progress[partition]?.waiting.append((key, record.bytes))
        }
        transactions.cycle.record(to: used, now: clock)
    }

    /// The producer has room for progress; nil when the slot is not one of those.
    func pullProgress(_ request: ProducePullRequest) -> ProducePull? {
        guard let transactions, let partition = transactions.progressBySlot[request.slot] else { return nil }
        guard transactions.cycle.phase == .recording, var entry = transactions.progress[partition],
            !entry.waiting.isEmpty
        else { return .nothing }
        var builder = RecordBatchBuilder(codec: .none)
        builder.producerID = request.stamp.identity.producerID
        builder.producerEpoch = request.stamp.identity.epoch
        builder.baseSequence = request.stamp.sequence
        builder.isTransactional = true
        while let (key, value) = entry.waiting.first {
            builder.append(timestamp: 1, key: ByteBuffer(bytes: key), value: ByteBuffer(bytes: value))
            entry.waiting.removeFirst()
        }
        let count = builder.count
        guard let batch = try? builder.build() else { return .nothing }
        entry.outstanding += 1
        transactions.progress[partition] = entry
        return .batch(ProduceBatch(header: batch, body: ByteBuffer(), recordCount: count, token: 0))
    }

    private func finishProgress() {
        guard let transactions, transactions.cycle.phase == .recording else { return }
        for (_, partition) in transactions.progress where partition.outstanding > 0 || !partition.waiting.isEmpty {
            if partition.outstanding == 0 { producer.ready(partition.slot, bytes: 1, now: clock) }
            return
        }
        transactions.cycle.recorded(now: clock)
    }

    // MARK: Ends

    private func deliverTransaction(_ transactions: ProcessTransactions) {
        transactions.isCommitUncertain = false
        transactions.ledger.wrote(transactions.pending)
        transactions.pending = [:]
        let acknowledged = transactions.acknowledged
        let refusals = transactions.refusals
        transactions.acknowledged = []
        transactions.refusals = [:]
        for entry in acknowledged { acknowledge(entry.cell, entry.token, entry.targetBase) }
        for entry in acknowledged { entry.cell.flow.transactionCommitted() }
        let waiting = transactions.waiting
        for slot in Set(acknowledged.map(\.cell.produceSlot)).union(refusals.keys).union(waiting).sorted() {
            guard let cell = cells.first(where: { $0.produceSlot == slot }) else { continue }
            if let refusal = refusals[slot] { cell.flow.refused(refusal, now: clock) }
            if waiting.contains(slot) { cell.flow.announce() }
        }
    }

    private func recover(_ reason: String, _ transactions: ProcessTransactions) {
        history.log.add(history.now, "transaction lost", Int64(number), text: reason)
        history.count(.transactionLost)
        producer.halt(now: clock)
        transactions.forgetSent()
        recover { grant in
            guard self.transactions === transactions else { return }
            self.recovered(grant, transactions)
        }
    }

    private func recovered(
        _ grant: (identity: ProducerIdentity, progress: [TopicPartition: ProgressRecord])?,
        _ transactions: ProcessTransactions
    ) {
        guard let grant else {
            transactions.isLost = true
            transactions.acknowledged = []
            for cell in cells { cell.flow.transactionLost(committed: nil) }
            wakeFinishWaiters(transactions)
            overthrown()
            return
        }
        let isCommitted =
            transactions.isCommitUncertain
            && ProgressLedger.isCommitted(transactions.pending, accordingTo: grant.progress)
        history.log.add(history.now, "recovered", isCommitted ? 1 : 0)
        if isCommitted != mutated(.uncertainCommitMisjudged) {
            deliverTransaction(transactions)
        } else {
            transactions.acknowledged = []
        }
        transactions.isCommitUncertain = false
        transactions.pending = [:]
        transactions.identity = grant.identity
        var ledger = ProgressLedger(loaded: grant.progress, isTransactional: true)
        for cell in cells {
            ledger.began(cell.flow.assignment.source, targetTopicID: cell.flow.assignment.targetTopicID)
        }
        transactions.ledger = ledger
        producer.begin(grant.identity, transactionalID: Self.transactionalID, now: clock)
        transactions.cycle.begin(now: clock)
        for cell in cells {
            cell.flow.transactionLost(committed: grant.progress[cell.flow.assignment.source])
        }
        runTransactions()
        wakeFinishWaiters(transactions)
    }

    // MARK: Foreign records

    private func looksForForeignRecords(
        _ written: [TopicPartition: [UInt64: Int64?]],
        _ transactions: ProcessTransactions
    ) -> Bool {
        var isWaiting = false
        for (source, batches) in written.sorted(by: { $0.key < $1.key }) {
            guard let cell = cell(of: source) else { continue }
            if cell.flow.awaitsLedger {
                isWaiting = true
                continue
            }
            guard let range = cell.flow.unexplained(batches).first else { continue }
            isWaiting = true
            search(range, cell, transactions)
        }
        return isWaiting
    }

    private func search(_ range: Range<Int64>, _ cell: Cell, _ transactions: ProcessTransactions) {
        let slot = cell.produceSlot
        guard transactions.searching.insert(slot).inserted else { return }
        let partition = cell.flow.assignment.target
        let own = transactions.identity.producerID
        call(history.target[partition]?.leader) { () -> ForeignSearch? in
            var search = ForeignSearch(range, ownProducer: own)
            while !search.isDone {
                let before = search.next
                guard let committed = self.data(of: partition, from: before, isReadCommitted: true) else { return nil }
                let aborted = (committed.abortedTransactions ?? []).map {
                    AbortedTransaction(producerID: $0.producerID, firstOffset: $0.firstOffset)
                }
                if let bytes = committed.records?.joined(), bytes.readableBytes > 0 {
                    try? search.look(at: bytes, aborted: aborted)
                }
                guard search.next == before else { continue }
                let rest = self.data(of: partition, from: before, isReadCommitted: false)
                if let bytes = rest?.records?.joined(), bytes.readableBytes > 0 {
                    try? search.look(at: bytes, aborted: nil)
                }
                guard search.next > before else { break }
            }
            return search
        } _: { result in
            guard self.transactions === transactions else { return }
            transactions.searching.remove(slot)
            guard self.cells.contains(where: { $0 === cell }) else { return }
            if case .success(.some(let search)) = result, search.next > range.lowerBound {
                cell.flow.explained(through: search.next - 1, search.found)
                self.transactionsGoOn()
            } else {
                self.later(.milliseconds(200)) {
                    guard self.transactions === transactions else { return }
                    self.transactionsGoOn()
                }
            }
        }
    }

    private func data(
        of partition: TopicPartition,
        from offset: Int64,
        isReadCommitted: Bool
    ) -> FetchResponse.PartitionData? {
        guard let data = fetch(partition, in: history.target, from: offset, isReadCommitted: isReadCommitted) else {
            return nil
        }
        return data.errorCode == .none ? data : nil
    }
}
