import KafkaClient
package import KafkaProtocol
import KafkaRecords
import Logging
import MirrorModel
import NIOCore

/// Writing records and progress in transactions; carries out what `TransactionCycle` decides.
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
                transactions.cycle.begin(now: self.eventLoop.now)
                self.runTransactions()
            }
        }
    }

    // MARK: Hooks of the shard

    func transactionBegins(_ cell: Cell) {
        self.transactions?.ledger.began(
            cell.flow.assignment.source,
            targetTopicID: cell.flow.assignment.targetTopicID
        )
    }

    /// A partition has records; true when transactions take care of it.
    func transactionsWant(_ cell: Cell) -> Bool {
        guard let transactions = self.transactions else { return false }
        let partition = cell.flow.assignment.target
        guard transactions.refusals[cell.produceSlot] == nil else { return true }
        if transactions.cycle.admits(partition) { return false }
        transactions.waiting.insert(cell.produceSlot)
        transactions.cycle.want(partition, now: self.eventLoop.now)
        self.runTransactions()
        return true
    }

    /// Whether a slot may be asked for a batch.
    func transactionsAdmit(_ cell: Cell) -> Bool {
        guard let transactions = self.transactions else { return true }
        if transactions.cycle.admits(cell.flow.assignment.target), transactions.refusals[cell.produceSlot] == nil {
            return true
        }
        transactions.waiting.insert(cell.produceSlot)
        return false
    }

    /// A batch went out.
    func transactionTook(_ batch: ProduceBatch, slot: Int) {
        guard let transactions = self.transactions else { return }
        transactions.outstanding[slot, default: 0] += 1
        transactions.sentBytes += batch.byteCount
        transactions.cycle.sent(now: self.eventLoop.now)
        // Memory comes back with the commit: what is read meanwhile has the rest of the budget.
        if transactions.sentBytes >= self.configuration.fetch.byteBudget / 3 {
            transactions.cycle.hurry(now: self.eventLoop.now)
        }
    }

    /// What became of a batch, where transactions are to know first; true when they take care of it.
    func transactionsHandle(_ event: ProduceEvent) -> Bool {
        guard let transactions = self.transactions else { return false }
        let now = self.eventLoop.now
        switch event {
        case .acknowledged where transactions.cycle.phase == .halted,
            .refused where transactions.cycle.phase == .halted:
            // The answer that ended the transaction tells of other batches behind it, which are lost all the same.
            return true
        case .acknowledged(let slot, let token, let base, _):
            if let partition = transactions.progressBySlot[slot] {
                transactions.progress[partition]?.outstanding -= 1
                self.finishProgress()
            } else if let cell = self.cellsByProduceSlot[slot] {
                transactions.outstanding[slot, default: 1] -= 1
                transactions.acknowledged.append(.init(cell: cell, token: token, targetBase: base))
                transactions.cycle.acknowledged(now: now)
            }
        case .refused(let slot, let refusal):
            self.transactionRefused(slot, refusal)
        case .failing(let slot, _), .recovered(let slot):
            return transactions.progressBySlot[slot] != nil
        }
        self.runTransactions()
        return true
    }

    private func transactionRefused(_ slot: Int, _ refusal: ProduceRefusal) {
        guard let transactions = self.transactions else { return }
        let now = self.eventLoop.now
        if let partition = transactions.progressBySlot[slot] {
            transactions.cycle.fail("\(partition) refuses progress (\(refusal.code.name))", now: now)
        } else if refusal.isOutcomeUnknown || refusal.code.endsTransaction {
            let partition = self.cellsByProduceSlot[slot]?.flow.assignment.target
            let place = partition.map { "\($0)" } ?? "a partition"
            transactions.wasFenced = refusal.code.isFencing
            transactions.cycle.fail("\(place) answers \(refusal.code.name)", now: now)
        } else {
            // Nothing of it was written. What was written before it is committed first, then the flow decides.
            let count = transactions.outstanding.removeValue(forKey: slot) ?? 0
            transactions.refusals[slot] = refusal
            transactions.cycle.dropped(count, now: now)
            transactions.cycle.hurry(now: now)
        }
    }

    /// A partition waits for the end of the transaction, as everything does that stops.
    func hurryTransactions() {
        guard let transactions = self.transactions else { return }
        transactions.cycle.hurry(now: self.eventLoop.now)
        self.runTransactions()
    }

    /// A partition is given up.
    func transactionsForget(_ cell: Cell) {
        guard let transactions = self.transactions else { return }
        let slot = cell.produceSlot
        transactions.waiting.remove(slot)
        transactions.refusals[slot] = nil
        transactions.cycle.forget(cell.flow.assignment.target)
        let isOut = transactions.outstanding.removeValue(forKey: slot) ?? 0 > 0
        if isOut || transactions.acknowledged.contains(where: { $0.cell === cell }) {
            transactions.cycle.fail("\(cell.flow.assignment.target) was given up", now: self.eventLoop.now)
            self.runTransactions()
        }
    }

    /// Commits what there is, then calls back; at once when there is nothing or no way.
    func finishTransactions(patience: Duration, _ completion: @escaping () -> Void) {
        guard let transactions = self.transactions, !transactions.isLost, !self.isClosed else { return completion() }
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
        while !self.isClosed {
            let actions = transactions.cycle.takeActions()
            if actions.isEmpty { break }
            for action in actions { self.perform(action, transactions) }
        }
        transactions.isRunning = false
        self.scheduleTransactions(transactions)
    }

    private func perform(_ action: TransactionCycle.Action, _ transactions: ShardTransactions) {
        let now = self.eventLoop.now
        switch action {
        case .add(let partitions, let generation): self.add(partitions, generation, transactions)
        case .admit(let partitions):
            for cell in self.cells.values where partitions.contains(cell.flow.assignment.target) {
                guard transactions.waiting.remove(cell.produceSlot) != nil else { continue }
                self.producer.ready(cell.produceSlot, bytes: cell.flow.waitingBytes)
            }
        case .prepareProgress: self.prepareProgress(transactions)
        case .writeProgress:
            for (_, partition) in transactions.progress where !partition.waiting.isEmpty {
                self.producer.ready(partition.slot, bytes: 1)
            }
            self.finishProgress()
        case .commit(let generation):
            transactions.isCommitUncertain = true
            self.commit(generation, transactions)
        case .deliver:
            self.deliverTransaction(transactions)
            transactions.cycle.tick(now: now)
            self.wakeFinishWaiters(transactions)
        case .nothingToCommit:
            // Refusals come without records too.
            self.deliverTransaction(transactions)
            self.wakeFinishWaiters(transactions)
        case .recover(let reason): self.recover(reason, transactions)
        }
    }

    private func add(_ partitions: Set<TopicPartition>, _ generation: UInt64, _ transactions: ShardTransactions) {
        let (id, identity) = (transactions.transactionalID, transactions.identity)
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
                guard self.transactions === transactions, generation == transactions.cycle.generation else { return }
                self.added(result, generation, transactions)
                self.runTransactions()
            }
        }
    }

    private func added(
        _ result: Result<[TopicPartition: ErrorCode], KafkaClientError>,
        _ generation: UInt64,
        _ transactions: ShardTransactions
    ) {
        let now = self.eventLoop.now
        switch result {
        case .success(let codes) where codes.isEmpty:
            transactions.cycle.added(generation: generation, now: now)
            transactions.missing.removeAll()
        case .success(let codes):
            if let code = codes.values.first(where: \.endsTransaction) {
                transactions.wasFenced = code.isFencing
                transactions.cycle.fail("the coordinator answers \(code.name)", now: now)
                return
            }
            let refused = codes.filter { $0.value != .operationNotAttempted }
            transactions.cycle.notAdded(refused: Set(refused.keys), generation: generation, now: now)
            for cell in self.cells.values {
                guard let code = refused[cell.flow.assignment.target] else { continue }
                if code == .unknownTopicOrPartition, self.asksAgain(cell, transactions) { continue }
                let kind: ProduceRefusal.Kind =
                    switch ProduceErrorClass(code) {
                    case .refused(let kind): kind
                    case .missing: .missing
                    default: .other
                    }
                self.transactionRefused(
                    cell.produceSlot,
                    ProduceRefusal(kind: kind, code: code, message: nil, token: 0, isOutcomeUnknown: false)
                )
            }
        case .failure(let error):
            transactions.cycle.fail("\(error)", now: now)
        }
    }

    /// A topic that was just created is unknown here and there for a moment.
    private func asksAgain(_ cell: Cell, _ transactions: ShardTransactions) -> Bool {
        let attempts = transactions.missing[cell.produceSlot, default: 0] + 1
        transactions.missing[cell.produceSlot] = attempts < Self.missingAttempts ? attempts : nil
        guard attempts < Self.missingAttempts else { return false }
        transactions.waiting.remove(cell.produceSlot)
        self.eventLoop.scheduleTask(in: .milliseconds(Int64(100 * attempts))) {
            guard self.transactions === transactions, !self.isClosed else { return }
            cell.flow.announce()
            self.run(cell)
        }
        return true
    }

    private static let missingAttempts = 6

    private func commit(_ generation: UInt64, _ transactions: ShardTransactions) {
        let (id, identity) = (transactions.transactionalID, transactions.identity)
        Task {
            let failure: (reason: String, code: ErrorCode)?
            do throws(KafkaClientError) {
                let code = try await self.target.endTransaction(transactionalID: id, identity: identity, commits: true)
                failure = code == .none ? nil : ("the commit is refused with \(code.name)", code)
            } catch {
                failure = ("\(error)", error.kafkaError ?? .networkException)
            }
            self.eventLoop.execute {
                guard self.transactions === transactions, generation == transactions.cycle.generation else { return }
                if let failure {
                    transactions.wasFenced = failure.code.isFencing
                    transactions.cycle.fail(failure.reason, now: self.eventLoop.now)
                } else {
                    transactions.cycle.committed(generation: generation, now: self.eventLoop.now)
                }
                self.runTransactions()
            }
        }
    }

    // MARK: Ends

    /// The transaction is committed: its records count now.
    private func deliverTransaction(_ transactions: ShardTransactions) {
        transactions.isCommitUncertain = false
        transactions.ledger.wrote(transactions.pending)
        transactions.pending = [:]
        let acknowledged = transactions.acknowledged
        let refusals = transactions.refusals
        transactions.acknowledged = []
        transactions.refusals = [:]
        transactions.sentBytes = 0
        for acknowledgement in acknowledged {
            acknowledgement.cell.flow
                .acknowledged(token: acknowledgement.token, baseOffset: acknowledgement.targetBase)
        }
        for acknowledgement in acknowledged { acknowledgement.cell.flow.transactionCommitted() }
        let waiting = transactions.waiting
        for slot in Set(acknowledged.map(\.cell.produceSlot)).union(refusals.keys).union(waiting).sorted() {
            guard let cell = self.cellsByProduceSlot[slot] else { continue }
            if let refusal = refusals[slot] { cell.flow.refused(refusal, now: self.eventLoop.now) }
            if waiting.contains(slot) { cell.flow.announce() }
            self.run(cell)
        }
    }

    /// The transaction is lost: nothing goes out until there is a new epoch.
    private func recover(_ reason: String, _ transactions: ShardTransactions) {
        self.producer.halt()
        transactions.forgetSent()
        let wasFenced = transactions.wasFenced
        transactions.wasFenced = false
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
            transactions.isLost = true
            transactions.acknowledged = []
            for cell in self.cells.values {
                cell.flow.transactionLost(committed: nil)
                self.run(cell)
            }
            self.wakeFinishWaiters(transactions)
            return
        }
        // The answer to the commit was lost, but not the commit: then the target shows its progress.
        let isCommitted =
            transactions.isCommitUncertain
            && ProgressLedger.isCommitted(transactions.pending, accordingTo: grant.progress)
        if isCommitted {
            self.deliverTransaction(transactions)
        } else {
            transactions.acknowledged = []
        }
        transactions.isCommitUncertain = false
        transactions.pending = [:]
        transactions.identity = grant.identity
        var ledger = ProgressLedger(loaded: grant.progress, isTransactional: true)
        for cell in self.cells.values {
            ledger.began(cell.flow.assignment.source, targetTopicID: cell.flow.assignment.targetTopicID)
        }
        transactions.ledger = ledger
        self.producer.begin(grant.identity, transactionalID: grant.transactionalID)
        transactions.cycle.begin(now: self.eventLoop.now)
        for cell in self.cells.values {
            cell.flow.transactionLost(committed: grant.progress[cell.flow.assignment.source])
            self.run(cell)
        }
        self.runTransactions()
        self.wakeFinishWaiters(transactions)
    }

    private func scheduleTransactions(_ transactions: ShardTransactions) {
        let wake = self.isClosed ? nil : transactions.cycle.nextWake
        guard wake != transactions.timerDeadline else { return }
        transactions.timer?.cancel()
        transactions.timer = nil
        transactions.timerDeadline = wake
        guard let wake else { return }
        transactions.timer = self.eventLoop.scheduleTask(deadline: wake) {
            transactions.timerDeadline = nil
            transactions.cycle.tick(now: self.eventLoop.now)
            self.runTransactions()
        }
    }
}

extension ErrorCode {
    /// After this answer the transaction can only be given up.
    package var endsTransaction: Bool {
        switch self {
        case .invalidTxnState, .transactionAbortable, .invalidProducerIDMapping, .producerFenced,
            .invalidProducerEpoch, .transactionCoordinatorFenced, .outOfOrderSequenceNumber, .unknownProducerID,
            .concurrentTransactions:
            true
        default: false
        }
    }

    /// Another producer has the same transactional id now, or the coordinator has raised its epoch.
    fileprivate var isFencing: Bool {
        switch self {
        case .invalidProducerIDMapping, .producerFenced, .invalidProducerEpoch, .transactionCoordinatorFenced: true
        default: false
        }
    }
}
