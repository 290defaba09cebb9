import KafkaClient
import KafkaProtocol
import KafkaRecords
import Logging
import MirrorModel
import NIOCore

extension Shard.Cell: TransactionCell {}

/// Writing records and progress in transactions; carries out what `TransactionWriter` decides.
extension Shard {
    /// Writes in transactions from now on; before the first assignment.
    ///
    /// Called again when a start is repeated.
    package func beginTransactions(_ context: TransactionContext) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            self.eventLoop.execute {
                defer { continuation.resume() }
                guard !self.isClosed, self.cells.isEmpty else { return }
                self.start()
                let transactions = ShardTransactions(context)
                self.transactions?.timer?.cancel()
                self.transactions = transactions
                self.producer.halt()
                self.producer.begin(context.grant.identity, transactionalID: context.grant.transactionalID)
                transactions.writer.begin(now: self.eventLoop.now)
                self.runTransactions()
            }
        }
    }

    // MARK: Hooks of the shard

    func transactionBegins(_ cell: Cell) {
        let assignment = cell.flow.assignment
        self.transactions?.writer.began(assignment.source, targetTopicID: assignment.targetTopicID)
    }

    /// A partition has records; true when transactions take care of it.
    func transactionsWant(_ cell: Cell) -> Bool {
        guard let transactions = self.transactions else { return false }
        let partition = cell.flow.assignment.target
        guard transactions.writer.postpones(cell.produceSlot, of: partition, now: self.eventLoop.now) else {
            return false
        }
        self.runTransactions()
        return true
    }

    /// Whether a slot may be asked for a batch.
    func transactionsAdmit(_ cell: Cell) -> Bool {
        self.transactions?.writer.admits(cell.produceSlot, of: cell.flow.assignment.target) ?? true
    }

    /// A batch went out.
    func transactionTook(_ batch: ProduceBatch, slot: Int) {
        guard let transactions = self.transactions else { return }
        transactions.sentBytes += batch.byteCount
        transactions.writer.took(slot, now: self.eventLoop.now)
        // Memory comes back with the commit: what is read meanwhile has the rest of the budget.
        if transactions.sentBytes >= self.configuration.fetch.byteBudget / 3 {
            transactions.writer.hurry(now: self.eventLoop.now)
        }
    }

    /// The producer has room for progress; nil when the slot is not one of those.
    func pullProgress(_ request: ProducePullRequest) -> ProducePull? {
        self.transactions?.writer.pullProgress(request, timestamp: ContinuousClock.millisecondsSince1970)
    }

    /// What became of a batch, where transactions are to know first; true when they take care of it.
    func transactionsHandle(_ event: ProduceEvent) -> Bool {
        guard let transactions = self.transactions else { return false }
        let now = self.eventLoop.now
        switch event {
        case .acknowledged(let slot, let token, let base, _):
            if self.cellsByProduceSlot[slot] != nil || transactions.writer.writesProgress(slot) {
                transactions.writer.acknowledged(slot, token: token, targetBase: base, now: now)
            }
        case .refused(let slot, let refusal):
            let partition = self.cellsByProduceSlot[slot]?.flow.assignment.target
            let place = partition.map { "\($0)" } ?? "a partition"
            transactions.writer.refused(slot, refusal, place: place, now: now)
        case .failing(let slot, _), .recovered(let slot):
            return transactions.writer.writesProgress(slot)
        }
        self.runTransactions()
        return true
    }

    /// A partition waits for the end of the transaction, as everything does that stops.
    func hurryTransactions() {
        guard let transactions = self.transactions else { return }
        transactions.writer.hurry(now: self.eventLoop.now)
        self.runTransactions()
    }

    /// Something that the end of a transaction may have waited for has happened.
    func transactionsGoOn() {
        guard let transactions = self.transactions, !transactions.writer.isLost else { return }
        transactions.writer.tick(now: self.eventLoop.now)
        self.runTransactions()
    }

    /// A partition is given up.
    func transactionsForget(_ cell: Cell) {
        guard let transactions = self.transactions else { return }
        transactions.searching.remove(cell.produceSlot)
        transactions.writer.forget(cell.produceSlot, of: cell.flow.assignment.target, now: self.eventLoop.now)
        self.runTransactions()
    }

    /// Commits what there is, then calls back; at once when there is nothing or no way.
    func finishTransactions(patience: Duration, _ completion: @escaping () -> Void) {
        guard let transactions = self.transactions, !transactions.writer.isLost, !self.isClosed else {
            return completion()
        }
        let timeout = self.eventLoop.scheduleTask(in: TimeAmount(patience)) { self.wakeFinishWaiters(transactions) }
        transactions.finishWaiters.append {
            timeout.cancel()
            completion()
        }
        self.hurryTransactions()
    }

    private func wakeFinishWaiters(_ transactions: ShardTransactions) {
        let waiters = transactions.finishWaiters
        transactions.finishWaiters = []
        for waiter in waiters { waiter() }
    }

    func closeTransactions() {
        self.transactions?.timer?.cancel()
    }

    // MARK: Carrying out

    func runTransactions() {
        guard let transactions = self.transactions, !transactions.isRunning else { return }
        transactions.isRunning = true
        while !self.isClosed, let action = transactions.writer.next(now: self.eventLoop.now) {
            self.perform(action, transactions)
        }
        transactions.isRunning = false
        self.scheduleTransactions(transactions)
    }

    private func perform(_ action: TransactionWriter.Action, _ transactions: ShardTransactions) {
        switch action {
        case .announce(let partitions, let generation): self.announce(partitions, generation, transactions)
        case .ready(let slots):
            for slot in slots {
                self.producer.ready(slot, bytes: self.cellsByProduceSlot[slot]?.flow.waitingBytes ?? 1)
            }
        case .prepareProgress: self.prepareProgress(transactions)
        case .commit(let generation): self.commit(generation, transactions)
        case .deliver(let delivery):
            self.deliver(delivery, transactions)
            transactions.writer.tick(now: self.eventLoop.now)
            self.wakeFinishWaiters(transactions)
        case .recover(let reason, let wasFenced): self.recover(reason, wasFenced, transactions)
        }
    }

    private func announce(_ partitions: Set<TopicPartition>, _ generation: UInt64, _ transactions: ShardTransactions) {
        let (id, identity) = (transactions.transactionalID, transactions.writer.identity)
        Task {
            let result: Result<[TopicPartition: ErrorCode], KafkaClientError>
            do throws(KafkaClientError) {
                result = .success(
                    try await self.target.addToTransaction(
                        partitions,
                        transactionalID: id,
                        identity: identity,
                        waitsForTopics: false
                    )
                )
            } catch {
                result = .failure(error)
            }
            self.eventLoop.execute {
                guard self.transactions === transactions, generation == transactions.writer.generation else { return }
                self.announced(result, generation, transactions)
                self.runTransactions()
            }
        }
    }

    private func announced(
        _ result: Result<[TopicPartition: ErrorCode], KafkaClientError>,
        _ generation: UInt64,
        _ transactions: ShardTransactions
    ) {
        let now = self.eventLoop.now
        switch result {
        case .success(let codes):
            for retry in transactions.writer.announced(codes, generation: generation, now: now) {
                guard let cell = self.cellsByProduceSlot[retry.slot] else { continue }
                self.eventLoop.scheduleTask(in: retry.after) {
                    guard self.transactions === transactions, !self.isClosed else { return }
                    cell.flow.announce()
                    self.run(cell)
                }
            }
        case .failure(let error): transactions.writer.fail("\(error)", now: now)
        }
    }

    /// All records are acknowledged: says how far each partition is when they are committed.
    private func prepareProgress(_ transactions: ShardTransactions) {
        let now = self.eventLoop.now
        let written = transactions.writer.written
        guard !self.looksForForeignRecords(written, transactions) else { return }
        guard transactions.writer.settle(self.cells.values, written, now: now) else { return }
        let topic = transactions.context.progressTopic
        let count = Int32(clamping: self.target.metadata.topics[topic]?.partitions.count ?? 0)
        guard transactions.writer.pending.isEmpty || count > 0 else {
            return transactions.writer.fail("the progress topic is missing", now: now)
        }
        for (source, record) in transactions.writer.pending {
            let key = transactions.context.ownership.store.key(of: source).bytes
            let index = defaultPartition(key: ByteBuffer(bytes: key), count: count)
            let partition = TopicPartition(topic: topic, partition: index)
            var record = record
            if let cell = self.cells[source] {
                record.offsetMap = cell.flow.offsetMap(adding: written[cell.produceSlot] ?? [:])
            }
            let slot = transactions.writer.progressSlot(of: partition) ?? self.producer.add(partition)
            transactions.writer.add(record, key: key, to: partition, slot: slot)
        }
        transactions.writer.record(now: now)
    }

    private func commit(_ generation: UInt64, _ transactions: ShardTransactions) {
        let (id, identity) = (transactions.transactionalID, transactions.writer.identity)
        Task {
            let result: Result<ErrorCode, KafkaClientError>
            do throws(KafkaClientError) {
                result = .success(
                    try await self.target.endTransaction(transactionalID: id, identity: identity, commits: true)
                )
            } catch {
                result = .failure(error)
            }
            self.eventLoop.execute {
                guard self.transactions === transactions, generation == transactions.writer.generation else { return }
                let now = self.eventLoop.now
                switch result {
                case .success(let code): transactions.writer.committed(code, generation: generation, now: now)
                case .failure(let error):
                    transactions.writer.fail("\(error)", code: error.kafkaError ?? .networkException, now: now)
                }
                self.runTransactions()
            }
        }
    }

    // MARK: Ends

    /// The transaction is committed: its records count now.
    private func deliver(_ delivery: TransactionWriter.Delivery, _ transactions: ShardTransactions) {
        transactions.sentBytes = 0
        for batch in delivery.acknowledged {
            self.cellsByProduceSlot[batch.slot]?.flow.acknowledged(token: batch.token, baseOffset: batch.targetBase)
        }
        for batch in delivery.acknowledged { self.cellsByProduceSlot[batch.slot]?.flow.transactionCommitted() }
        for slot in delivery.slots {
            guard let cell = self.cellsByProduceSlot[slot] else { continue }
            if let refusal = delivery.refusals[slot] { cell.flow.refused(refusal, now: self.eventLoop.now) }
            if delivery.waiting.contains(slot) { cell.flow.announce() }
            self.run(cell)
        }
    }

    /// The transaction is lost: nothing goes out until there is a new epoch.
    private func recover(_ reason: String, _ wasFenced: Bool, _ transactions: ShardTransactions) {
        self.producer.halt()
        transactions.sentBytes = 0
        self.logger.info(
            "a transaction is taken back and its records are sent again",
            metadata: ["id": "\(transactions.transactionalID)", "reason": "\(reason)"]
        )
        let (ownership, shard) = (transactions.context.ownership, transactions.context.shard)
        Task {
            let grant = await ownership.recover(shard: shard, reason: reason, wasFenced: wasFenced)
            self.eventLoop.execute {
                guard self.transactions === transactions, !self.isClosed else { return }
                self.recovered(grant, transactions)
            }
        }
    }

    private func recovered(_ grant: FlowOwnership.Grant?, _ transactions: ShardTransactions) {
        guard let grant else {
            transactions.writer.lose()
            for cell in self.cells.values {
                cell.flow.transactionLost(committed: nil)
                self.run(cell)
            }
            self.wakeFinishWaiters(transactions)
            return
        }
        let isCommitted = transactions.writer.isCommitted(accordingTo: grant.progress)
        let delivery = transactions.writer.resume(grant.identity, progress: grant.progress, isCommitted: isCommitted)
        if let delivery { self.deliver(delivery, transactions) }
        for cell in self.cells.values { self.transactionBegins(cell) }
        self.producer.begin(grant.identity, transactionalID: grant.transactionalID)
        transactions.writer.begin(now: self.eventLoop.now)
        for cell in self.cells.values {
            cell.flow.transactionLost(committed: grant.progress[cell.flow.assignment.source])
            self.run(cell)
        }
        self.runTransactions()
        self.wakeFinishWaiters(transactions)
    }

    private func scheduleTransactions(_ transactions: ShardTransactions) {
        let wake = self.isClosed ? nil : transactions.writer.nextWake
        guard wake != transactions.timerDeadline else { return }
        transactions.timer?.cancel()
        transactions.timer = nil
        transactions.timerDeadline = wake
        guard let wake else { return }
        transactions.timer = self.eventLoop.scheduleTask(deadline: wake) {
            transactions.timerDeadline = nil
            transactions.writer.tick(now: self.eventLoop.now)
            self.runTransactions()
        }
    }
}
