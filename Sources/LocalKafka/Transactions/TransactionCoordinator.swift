import KafkaProtocol

/// All transactional ids of a cluster.
///
/// ```
/// empty --AddPartitions--> ongoing --EndTxn, timeout, new owner--> prepareCommit/Abort --markers--> completeCommit/Abort
///                             ^                                                                          |
///                             +------------------------------AddPartitions-------------------------------+
/// ```
/// A value without clock, randomness or sockets. A decided transaction waits in its prepare state until whoever
/// runs the machine has written the markers that ``takeOrders()`` asks for and says so.
struct TransactionCoordinator: Sendable {
    /// Kafka's `transaction.max.timeout.ms`.
    var maxTimeout: Int32 = 900_000
    var coordinatorEpoch: Int32 = 0
    private(set) var transactions: [KafkaString: Transaction] = [:]
    private var orders: [MarkerOrder] = []

    /// Hands over the markers that have to be written.
    mutating func takeOrders() -> [MarkerOrder] {
        defer { orders = [] }
        return orders
    }

    /// The markers of a decided transaction are in the logs.
    mutating func markersWritten(_ id: KafkaString, now: Int64) {
        guard var transaction = transactions[id], transaction.state.isPrepared else { return }
        transaction.state = transaction.state == .prepareCommit ? .completeCommit : .completeAbort
        transaction.partitions = []
        transaction.groups = []
        transaction.startTime = -1
        transaction.lastUpdate = now
        transactions[id] = transaction
    }

    // MARK: Time

    var nextDeadline: Int64? { transactions.values.compactMap(\.deadline).min() }

    /// Aborts transactions that have been open for too long, and shuts their producers out.
    mutating func tick(now: Int64) {
        for transaction in transactions.values where (transaction.deadline ?? .max) <= now {
            fence(transaction, now: now)
        }
    }

    /// Changes the timeout of a transactional id that is known.
    mutating func limit(_ id: KafkaString, to timeout: Int32) {
        transactions[id]?.timeout = timeout
    }

    // MARK: InitProducerId

    /// A producer starts, or starts anew after an error (KIP-360, with `expected`).
    ///
    /// - Parameter freshID: a producer id that nobody has had.
    mutating func initialize(
        _ id: KafkaString,
        timeout: Int32,
        expected: ProducerIdentity,
        now: Int64,
        freshID: () -> Int64
    ) -> (error: ErrorCode, producer: ProducerIdentity) {
        guard timeout > 0, timeout <= maxTimeout else { return (.invalidTransactionTimeout, .none) }
        var transaction =
            transactions[id]
            ?? Transaction(id: id, producer: ProducerIdentity(id: freshID(), epoch: -1), timeout: timeout)
        guard isValid(expected, for: transaction) else { return (.producerFenced, .none) }
        switch transaction.state {
        case .prepareCommit, .prepareAbort:
            return (.concurrentTransactions, .none)
        case .ongoing:
            // The client asks again until the abort is through.
            fence(transaction, now: now)
            return (.concurrentTransactions, .none)
        case .empty, .completeCommit, .completeAbort:
            break
        }
        let current = transaction.producer
        if transaction.isEpochExhausted, expected.id < 0 || expected.epoch == current.epoch {
            transaction.previous = current
            transaction.producer = ProducerIdentity(id: freshID(), epoch: 0)
        } else if expected.id < 0 || current.epoch == -1 || expected.epoch == current.epoch {
            transaction.previous = ProducerIdentity(id: current.id, epoch: expected.id < 0 ? -1 : expected.epoch)
            transaction.producer.epoch += 1
        } else if expected.epoch != transaction.previous.epoch {
            return (.producerFenced, .none)
        }
        transaction.timeout = timeout
        transaction.state = .empty
        transaction.startTime = -1
        transaction.lastUpdate = now
        transactions[id] = transaction
        return (.none, transaction.producer)
    }

    private func isValid(_ expected: ProducerIdentity, for transaction: Transaction) -> Bool {
        expected.id < 0 || transaction.producer.epoch == -1 || expected.id == transaction.producer.id
            || (expected.id == transaction.previous.id && expected.epoch >= Int16.max - 1)
    }

    /// Raises the epoch, so that the present owner is shut out, and aborts.
    private mutating func fence(_ transaction: Transaction, now: Int64) {
        var fenced = transaction
        if fenced.producer.epoch < Int16.max { fenced.producer.epoch += 1 }
        fenced.previous = ProducerIdentity(id: transaction.producer.id, epoch: -1)
        decide(&fenced, commit: false, now: now)
    }

    private mutating func decide(_ transaction: inout Transaction, commit: Bool, now: Int64) {
        transaction.state = commit ? .prepareCommit : .prepareAbort
        transaction.lastUpdate = now
        transactions[transaction.id] = transaction
        orders.append(
            MarkerOrder(
                transactionalID: transaction.id,
                producer: transaction.producer,
                isCommit: commit,
                partitions: transaction.partitions,
                groups: transaction.groups,
                coordinatorEpoch: coordinatorEpoch
            )
        )
    }

    // MARK: Adding to a transaction

    /// Makes partitions, and offsets of groups, part of the producer's transaction; opens one if need be.
    mutating func add(
        _ id: KafkaString,
        producer: ProducerIdentity,
        partitions: Set<TopicPartition>,
        groups: Set<GroupID> = [],
        now: Int64
    ) -> ErrorCode {
        let error = check(id, producer: producer)
        guard error == .none, var transaction = transactions[id] else { return error }
        guard !transaction.state.isPrepared else { return .concurrentTransactions }
        if transaction.state != .ongoing {
            transaction.state = .ongoing
            transaction.startTime = now
            transaction.partitions = []
            transaction.groups = []
        }
        transaction.partitions.formUnion(partitions)
        transaction.groups.formUnion(groups)
        transaction.lastUpdate = now
        transactions[id] = transaction
        return .none
    }

    /// Whether `partition` is part of the producer's open transaction.
    func verify(_ id: KafkaString, producer: ProducerIdentity, partition: TopicPartition) -> ErrorCode {
        let error = check(id, producer: producer)
        guard error == .none, let transaction = transactions[id] else { return error }
        guard !transaction.state.isPrepared else { return .concurrentTransactions }
        return transaction.state == .ongoing && transaction.partitions.contains(partition) ? .none : .invalidTxnState
    }

    /// Whether offsets of `group` are part of the producer's open transaction.
    func verify(_ id: KafkaString, producer: ProducerIdentity, group: GroupID) -> ErrorCode {
        let error = check(id, producer: producer)
        guard error == .none, let transaction = transactions[id] else { return error }
        guard !transaction.state.isPrepared else { return .concurrentTransactions }
        return transaction.state == .ongoing && transaction.groups.contains(group) ? .none : .invalidTxnState
    }

    private func check(_ id: KafkaString, producer: ProducerIdentity) -> ErrorCode {
        guard !id.isEmpty else { return .invalidRequest }
        guard let transaction = transactions[id], transaction.producer.id == producer.id else {
            return .invalidProducerIDMapping
        }
        return transaction.producer.epoch == producer.epoch ? .none : .producerFenced
    }

    // MARK: EndTxn

    /// The producer commits or aborts.
    mutating func end(_ id: KafkaString, producer: ProducerIdentity, commit: Bool, now: Int64) -> ErrorCode {
        let error = check(id, producer: producer)
        guard error == .none, var transaction = transactions[id] else { return error }
        switch transaction.state {
        case .ongoing:
            decide(&transaction, commit: commit, now: now)
            return .none
        case .prepareCommit: return commit ? .concurrentTransactions : .invalidTxnState
        case .prepareAbort: return commit ? .invalidTxnState : .concurrentTransactions
        case .completeCommit: return commit ? .none : .invalidTxnState
        case .completeAbort: return commit ? .invalidTxnState : .none
        case .empty: return .invalidTxnState
        }
    }
}
