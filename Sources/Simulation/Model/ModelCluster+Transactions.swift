import KafkaClient
import KafkaProtocol
import KafkaRecords
import NIOCore

/// The transaction coordinator: one producer per transactional id, the newest epoch of which may write.
extension ModelCluster {
    struct Transaction {
        var identity: ProducerIdentity
        var timeout = TimeAmount.seconds(60)
        var partitions: Set<TopicPartition> = []
        /// When the open transaction began; nil when none is open.
        var openedAt: NIODeadline?
        /// What is being done to the transaction: its markers are on their way.
        var ending: Bool?
        /// How the last one ended, for whoever asks again.
        var lastEnd: Bool?
    }

    /// Answers and, when a transaction is to end with them, says so: its markers follow in a moment.
    enum CoordinatorAnswer<Value> {
        case done(Value, ends: Bool)
        case refused(ErrorCode, ends: Bool)
    }

    mutating func initialize(_ id: KafkaString, timeout: TimeAmount) -> CoordinatorAnswer<ProducerIdentity> {
        guard var transaction = transactions[id] else {
            nextProducerID += 1
            let identity = ProducerIdentity(producerID: nextProducerID, epoch: 0)
            transactions[id] = Transaction(identity: identity, timeout: timeout)
            return .done(identity, ends: false)
        }
        if transaction.ending != nil { return .refused(.concurrentTransactions, ends: false) }
        transaction.identity.epoch += 1
        transaction.timeout = timeout
        if transaction.openedAt != nil {
            transaction.ending = false
            transactions[id] = transaction
            return .refused(.concurrentTransactions, ends: true)
        }
        transaction.lastEnd = nil
        transactions[id] = transaction
        return .done(transaction.identity, ends: false)
    }

    private func refusal(_ id: KafkaString, _ identity: ProducerIdentity) -> ErrorCode? {
        guard let transaction = transactions[id], transaction.identity.producerID == identity.producerID else {
            return .invalidProducerIDMapping
        }
        return transaction.identity.epoch == identity.epoch ? nil : .producerFenced
    }

    /// Returns whether a transaction has begun.
    mutating func add(
        _ partitions: Set<TopicPartition>,
        to id: KafkaString,
        _ identity: ProducerIdentity,
        now: NIODeadline
    ) -> (codes: [TopicPartition: ErrorCode], begins: Bool) {
        func all(_ code: ErrorCode) -> [TopicPartition: ErrorCode] {
            Dictionary(uniqueKeysWithValues: partitions.map { ($0, code) })
        }
        if let code = refusal(id, identity) { return (all(code), false) }
        if transactions[id]?.ending != nil { return (all(.concurrentTransactions), false) }
        let missing = partitions.filter { self[$0] == nil }
        guard missing.isEmpty else {
            var codes = all(.operationNotAttempted)
            for partition in missing { codes[partition] = .unknownTopicOrPartition }
            return (codes, false)
        }
        let begins = transactions[id]?.openedAt == nil
        if begins { transactions[id]?.openedAt = now }
        transactions[id]?.partitions.formUnion(partitions)
        return ([:], begins)
    }

    mutating func end(
        _ id: KafkaString,
        _ identity: ProducerIdentity,
        commits: Bool
    ) -> CoordinatorAnswer<Void> {
        if let code = refusal(id, identity) { return .refused(code, ends: false) }
        guard let transaction = transactions[id] else { return .refused(.invalidTxnState, ends: false) }
        if let ending = transaction.ending {
            return .refused(ending == commits ? .concurrentTransactions : .invalidTxnState, ends: false)
        }
        if transaction.openedAt == nil {
            return transaction.lastEnd == commits ? .done((), ends: false) : .refused(.invalidTxnState, ends: false)
        }
        transactions[id]?.ending = commits
        return .done((), ends: true)
    }

    /// Gives an open transaction up, as the coordinator does when its time is over; returns whether there was one.
    mutating func expire(_ id: KafkaString, openedAt: NIODeadline? = nil) -> Bool {
        guard let transaction = transactions[id], let opened = transaction.openedAt, transaction.ending == nil,
            openedAt == nil || opened == openedAt
        else { return false }
        transactions[id]?.identity.epoch += 1
        transactions[id]?.ending = false
        return true
    }

    /// Writes the markers of a transaction that ends.
    mutating func finish(_ id: KafkaString) {
        guard let transaction = transactions[id], let isCommit = transaction.ending else { return }
        for partition in transaction.partitions.sorted() { mark(partition, transaction.identity, isCommit: isCommit) }
        transactions[id]?.ending = nil
        transactions[id]?.lastEnd = isCommit
        transactions[id]?.openedAt = nil
        transactions[id]?.partitions = []
    }

    private mutating func mark(_ partition: TopicPartition, _ identity: ProducerIdentity, isCommit: Bool) {
        guard let log = self[partition] else { return }
        let bytes = try? RecordBatchBuilder.endTransaction(
            isCommit ? .commit : .abort,
            baseOffset: log.end,
            timestamp: 1_000,
            producerID: identity.producerID,
            producerEpoch: identity.epoch,
            coordinatorEpoch: 0,
            partitionLeaderEpoch: log.epoch
        )
        guard let bytes else { return }
        var batch = ModelLog.Batch(base: log.end, next: log.end + 1, bytes: bytes, epoch: log.epoch)
        batch.isControl = true
        batch.isTransactional = true
        batch.producerID = identity.producerID
        batch.producerEpoch = identity.epoch
        if !isCommit, let first = log.open[identity.producerID] {
            self[partition]?.aborted.append(
                ModelLog.Aborted(producerID: identity.producerID, first: first, marker: log.end)
            )
        }
        self[partition]?.open[identity.producerID] = nil
        // From now on earlier epochs are refused.
        if log.producers[identity.producerID].map({ $0.epoch < identity.epoch }) ?? true {
            self[partition]?.producers[identity.producerID] = ModelLog.Producer(epoch: identity.epoch)
        }
        self[partition]?.append(batch)
    }

    /// Whether a transactional batch may be written; nil when it may.
    func refusal(ofTransactional batch: RecordBatchView, _ id: KafkaString?, _ partition: TopicPartition) -> ErrorCode?
    {
        guard let id, let transaction = transactions[id] else { return .transactionalIDAuthorizationFailed }
        guard verifiesTransactions else { return nil }
        guard transaction.identity.producerID == batch.producerID else { return .invalidProducerIDMapping }
        guard transaction.identity.epoch == batch.producerEpoch else { return .invalidProducerEpoch }
        guard transaction.openedAt != nil, transaction.ending == nil, transaction.partitions.contains(partition) else {
            return .invalidTxnState
        }
        return nil
    }

    /// What a reader of committed records sees of a partition, in order; nil when something before `end` is undecided.
    func committed(_ partition: TopicPartition, upTo end: Int64) -> [Record]? {
        guard let log = self[partition] else { return [] }
        guard log.lastStable >= min(end, log.end) else { return nil }
        return records(log, isCommitted: true)
    }

    /// The records of a log that a reader sees.
    func records(_ log: ModelLog, isCommitted: Bool, codecs: (any RecordCodecs)? = nil) -> [Record] {
        var result: [Record] = []
        for batch in log.batches where !batch.isControl {
            if isCommitted, batch.next > log.lastStable { break }
            if isCommitted, batch.isTransactional, log.isAborted(batch) { continue }
            guard let view = try? RecordBatchView(batch.bytes), let records = try? view.records(codecs: codecs)
            else { continue }
            result += records
        }
        return result
    }
}

/// What a coordinator says in the end.
enum Coordinated<Value> {
    case success(Value)
    case failure(ErrorCode)

    var value: Value? {
        guard case .success(let value) = self else { return nil }
        return value
    }
}
