import KafkaClient
import KafkaProtocol
import KafkaRecords
import Mirror
import MirrorModel
import NIOCore

extension MirrorProcess.Cell: TransactionCell {}

/// Writing records and progress in transactions: carries out what `TransactionWriter` decides, as `Shard+Transactions`
/// does.
extension MirrorProcess {
    func beginTransactions(_ identity: ProducerIdentity, _ progress: [TopicPartition: ProgressRecord]) {
        var settings = TransactionCycle.Settings()
        settings.interval = history.plan.progressInterval
        settings.idle = min(.milliseconds(50), settings.interval)
        settings.timeout = history.plan.transactionTimeout
        let transactions = ProcessTransactions(TransactionWriter(identity, progress: progress, settings: settings))
        self.transactions = transactions
        ledger = ProgressLedger(loaded: progress, isTransactional: true)
        producer.begin(identity, transactionalID: Self.transactionalID, now: clock)
        transactions.writer.begin(now: clock)
        runTransactions()
        watchOwner()
        look()
    }

    // MARK: Hooks

    /// A partition has records; true when transactions take care of it.
    func transactionsWant(_ cell: Cell) -> Bool {
        guard let transactions,
            transactions.writer.postpones(cell.produceSlot, of: cell.flow.assignment.target, now: clock)
        else { return false }
        runTransactions()
        return true
    }

    /// Whether a slot may be asked for a batch.
    func transactionsAdmit(_ cell: Cell) -> Bool {
        transactions?.writer.admits(cell.produceSlot, of: cell.flow.assignment.target) ?? true
    }

    func transactionTook(_ batch: ProduceBatch, slot: Int) {
        transactions?.writer.took(slot, now: clock)
    }

    /// The producer has room for progress; nil when the slot is not one of those.
    func pullProgress(_ request: ProducePullRequest) -> ProducePull? {
        transactions?.writer.pullProgress(request, timestamp: 1)
    }

    /// What became of a batch; true when transactions take care of it.
    func transactionsHandle(_ event: ProduceEvent) -> Bool {
        guard let transactions else { return false }
        switch event {
        case .acknowledged where transactions.writer.isHalted, .refused where transactions.writer.isHalted: return true
        case .acknowledged(let slot, let token, let base, _):
            let cell = cell(writing: slot)
            if let cell { note(cell, token, base, transactions) }
            if cell != nil || transactions.writer.writesProgress(slot) {
                transactions.writer.acknowledged(slot, token: token, targetBase: base, now: clock)
            }
        case .refused(let slot, let refusal):
            history.log.add(history.now, "refused", Int64(slot), text: "\(refusal)")
            transactions.writer.refused(slot, refusal, place: "slot \(slot)", now: clock)
        case .failing(let slot, _), .recovered(let slot): return transactions.writer.writesProgress(slot)
        }
        runTransactions()
        return true
    }

    private func cell(writing slot: Int) -> Cell? { cells.first { $0.produceSlot == slot } }

    private func note(_ cell: Cell, _ token: UInt64, _ base: Int64?, _ transactions: ProcessTransactions) {
        history.log.add(history.now, "ack", Int64(cell.index), Int64(token), base ?? -1)
        let isFirst = !transactions.writer.acknowledged.contains { $0.slot == cell.produceSlot }
        if cell.isPlaceUnknown(token, base) || isFirst && base == nil {
            history.truth[cell.index].hadUnknownPlaces = true
        }
    }

    func hurryTransactions() {
        transactions?.writer.hurry(now: clock)
        runTransactions()
    }

    func transactionsForget(_ cell: Cell) {
        transactions?.searching.remove(cell.produceSlot)
        transactions?.writer.forget(cell.produceSlot, of: cell.flow.assignment.target, now: clock)
        runTransactions()
    }

    /// Commits what there is, then calls back.
    func finishTransactions(patience: TimeAmount, _ completion: @escaping () -> Void) {
        guard let transactions, !transactions.writer.isLost else {
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
        guard let transactions, !transactions.writer.isLost else { return }
        transactions.writer.tick(now: clock)
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
        while isAlive, let action = transactions.writer.next(now: clock) {
            guard mayGoOn() else { break }
            perform(action, transactions)
        }
        transactions.isRunning = false
    }

    private func perform(_ action: TransactionWriter.Action, _ transactions: ProcessTransactions) {
        switch action {
        case .announce(let partitions, let generation): announce(partitions, generation, transactions)
        case .ready(let slots): for slot in slots { producer.ready(slot, bytes: 1, now: clock) }
        case .prepareProgress: prepareProgress(transactions)
        case .commit(let generation): commit(generation, transactions)
        case .deliver(let delivery):
            deliver(delivery)
            transactions.writer.tick(now: clock)
            wakeFinishWaiters(transactions)
        case .recover(let reason, _): recover(reason, transactions)
        }
    }

    private func announce(
        _ partitions: Set<TopicPartition>,
        _ generation: UInt64,
        _ transactions: ProcessTransactions
    ) {
        add(partitions, transactions.writer.identity) { codes in
            guard self.transactions === transactions, generation == transactions.writer.generation else { return }
            self.announced(codes, generation, transactions)
            self.runTransactions()
        }
    }

    private func announced(
        _ codes: [TopicPartition: ErrorCode]?,
        _ generation: UInt64,
        _ transactions: ProcessTransactions
    ) {
        guard let codes else { return transactions.writer.fail("no answer", now: clock) }
        for retry in transactions.writer.announced(codes, generation: generation, now: clock) {
            guard let cell = cell(writing: retry.slot) else { continue }
            later(retry.after) {
                guard self.transactions === transactions else { return }
                cell.flow.announce()
            }
        }
    }

    private func commit(_ generation: UInt64, _ transactions: ProcessTransactions) {
        endTransaction(transactions.writer.identity) { code in
            guard self.transactions === transactions else { return }
            let code = self.mutated(.lostCommitIsSuccess) ? .none : code
            transactions.writer.committed(code, generation: generation, now: self.clock)
            self.runTransactions()
        }
    }

    private func prepareProgress(_ transactions: ProcessTransactions) {
        let written = transactions.writer.written
        guard !looksForForeignRecords(written, transactions) else { return }
        guard transactions.writer.settle(cells, written, now: clock) else { return }
        for (source, record) in transactions.writer.pending.sorted(by: { $0.key < $1.key }) {
            let key = Self.progressKey(source)
            let partition = history.progressPartition(of: key)
            var record = record
            if !mutated(.mapNotKept), let cell = cell(of: source) {
                record.offsetMap = cell.flow.offsetMap(adding: written[cell.produceSlot] ?? [:])
            }
            let slot = transactions.writer.progressSlot(of: partition) ?? producer.add(partition, now: clock)
            transactions.writer.add(record, key: key, to: partition, slot: slot)
        }
        transactions.writer.record(now: clock)
    }

    // MARK: Ends

    private func deliver(_ delivery: TransactionWriter.Delivery) {
        for batch in delivery.acknowledged {
            if let cell = cell(writing: batch.slot) { acknowledge(cell, batch.token, batch.targetBase) }
        }
        for batch in delivery.acknowledged { cell(writing: batch.slot)?.flow.transactionCommitted() }
        for slot in delivery.slots {
            guard let cell = cell(writing: slot) else { continue }
            if let refusal = delivery.refusals[slot] { cell.flow.refused(refusal, now: clock) }
            if delivery.waiting.contains(slot) { cell.flow.announce() }
        }
    }

    private func recover(_ reason: String, _ transactions: ProcessTransactions) {
        history.log.add(history.now, "transaction lost", Int64(number), text: reason)
        history.count(.transactionLost)
        producer.halt(now: clock)
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
            transactions.writer.lose()
            for cell in cells { cell.flow.transactionLost(committed: nil) }
            wakeFinishWaiters(transactions)
            overthrown()
            return
        }
        let isCommitted = transactions.writer.isCommitted(accordingTo: grant.progress)
        history.log.add(history.now, "recovered", isCommitted ? 1 : 0)
        let delivery = transactions.writer.resume(
            grant.identity,
            progress: grant.progress,
            isCommitted: isCommitted != mutated(.uncertainCommitMisjudged)
        )
        if let delivery { deliver(delivery) }
        for cell in cells {
            transactions.writer.began(cell.flow.assignment.source, targetTopicID: cell.flow.assignment.targetTopicID)
        }
        producer.begin(grant.identity, transactionalID: Self.transactionalID, now: clock)
        transactions.writer.begin(now: clock)
        for cell in cells {
            cell.flow.transactionLost(committed: grant.progress[cell.flow.assignment.source])
        }
        runTransactions()
        wakeFinishWaiters(transactions)
    }

    // MARK: Foreign records

    private func looksForForeignRecords(
        _ written: [Int: [UInt64: Int64?]],
        _ transactions: ProcessTransactions
    ) -> Bool {
        var isWaiting = false
        for (slot, batches) in written.sorted(by: { $0.key < $1.key }) {
            guard let cell = cell(writing: slot) else { continue }
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
        let own = transactions.writer.identity.producerID
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
