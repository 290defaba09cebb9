import KafkaProtocol

extension TransactionCoordinator {
    /// The transaction as DescribeTransactions shows it.
    func describe(_ id: KafkaString) -> DescribeTransactionsResponse.TransactionState {
        var entry = DescribeTransactionsResponse.TransactionState()
        entry.transactionalID = id
        guard let transaction = transactions[id] else {
            entry.errorCode = .transactionalIDNotFound
            return entry
        }
        entry.transactionState = KafkaString(transaction.state.rawValue)
        entry.transactionTimeoutMs = transaction.timeout
        entry.transactionStartTimeMs = transaction.startTime
        entry.producerID = transaction.producer.id
        entry.producerEpoch = transaction.producer.epoch
        let topics = Dictionary(grouping: transaction.partitions, by: \.topic)
        entry.topics = topics.sorted { $0.key < $1.key }.map { name, partitions in
            var topic = DescribeTransactionsResponse.TopicData()
            topic.topic = name
            topic.partitions = partitions.map(\.partition).sorted()
            return topic
        }
        return entry
    }

    /// The transactional ids in name order that pass the filters of a ListTransactions request.
    func list(
        states: [KafkaString],
        producers: [Int64],
        minimumDuration: Int64,
        now: Int64
    ) -> ListTransactionsResponse {
        var response = ListTransactionsResponse()
        let known = Set(Transaction.State.allCases.map(\.rawValue))
        response.unknownStateFilters = states.filter { !known.contains($0.string) }
        let wanted = Set(states.map(\.string)).intersection(known)
        // A filter of which nothing is known lets nothing through.
        guard states.isEmpty || !wanted.isEmpty else { return response }
        let chosen = transactions.values.filter { transaction in
            (wanted.isEmpty || wanted.contains(transaction.state.rawValue))
                && (producers.isEmpty || producers.contains(transaction.producer.id))
                && (minimumDuration < 0
                    || (transaction.startTime >= 0 && now - transaction.startTime > minimumDuration))
        }
        response.transactionStates = chosen.sorted { $0.id < $1.id }.map { transaction in
            var entry = ListTransactionsResponse.TransactionState()
            entry.transactionalID = transaction.id
            entry.producerID = transaction.producer.id
            entry.transactionState = KafkaString(transaction.state.rawValue)
            return entry
        }
        return response
    }
}
