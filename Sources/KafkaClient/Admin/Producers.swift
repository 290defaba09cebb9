public import KafkaProtocol

/// A producer that a partition remembers.
public struct ActiveProducer: Sendable, Hashable {
    public var producerID: Int64
    public var epoch: Int32
    public var lastSequence: Int32
    public var lastTimestamp: Int64
    public var coordinatorEpoch: Int32
    /// Where its open transaction begins; nil when it has none.
    public var transactionStart: Int64?
}

/// A transactional id as its coordinator sees it.
public struct TransactionDescription: Sendable, Hashable {
    public var transactionalID: KafkaString
    public var state: KafkaString
    public var timeout: Duration
    /// Milliseconds since 1970; -1 without an open transaction.
    public var startTime: Int64
    public var producer: ProducerIdentity
    public var partitions: [TopicPartition]
}

/// A transactional id as the list of them shows it.
public struct ListedTransaction: Sendable, Hashable {
    public var transactionalID: KafkaString
    public var producerID: Int64
    public var state: KafkaString
}

extension KafkaClient {
    /// The producers that partitions remember (Kafka 2.8 and later).
    public func describeProducers(
        of partitions: [TopicPartition],
        deadline: Deadline? = nil
    ) async -> [TopicPartition: Result<[ActiveProducer], KafkaClientError>] {
        await perLeader(
            DescribeProducersRequest.self,
            partitions: partitions,
            deadline: self.deadline(deadline),
            what: "The partition's producers cannot be described",
            build: { partitions, _ throws(KafkaClientError) in
                var request = DescribeProducersRequest()
                request.topics = partitions.groupedByTopic().map { topic, indices in
                    var entry = DescribeProducersRequest.TopicRequest()
                    entry.name = topic
                    entry.partitionIndexes = indices
                    return entry
                }
                return request
            },
            parse: { response, _ in
                response.topics.flatMap { topic in
                    topic.partitions.map { partition in
                        let id = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                        guard partition.errorCode == .none else {
                            return (id, .failure(ItemFailure(partition.errorCode, partition.errorMessage)))
                        }
                        let producers = partition.activeProducers.map {
                            ActiveProducer(
                                producerID: $0.producerID,
                                epoch: $0.producerEpoch,
                                lastSequence: $0.lastSequence,
                                lastTimestamp: $0.lastTimestamp,
                                coordinatorEpoch: $0.coordinatorEpoch,
                                transactionStart: $0.currentTxnStartOffset >= 0 ? $0.currentTxnStartOffset : nil
                            )
                        }
                        return (id, .success(producers))
                    }
                }
            }
        )
    }

    /// Describes transactional ids (Kafka 3.0 and later).
    public func describeTransactions(
        _ ids: [KafkaString],
        deadline: Deadline? = nil
    ) async -> [KafkaString: Result<TransactionDescription, KafkaClientError>] {
        let deadline = self.deadline(deadline)
        return await fanOut(
            DescribeTransactionsRequest.self,
            keys: ids,
            deadline: deadline,
            locate: { await locateCoordinators($0, .transaction, deadline: deadline) },
            recover: { id, code in
                if code.recovery != .retry { forgetCoordinator(.transaction(id)) }
            },
            build: { ids, _ throws(KafkaClientError) in
                var request = DescribeTransactionsRequest()
                request.transactionalIDs = ids
                return request
            },
            parse: { response, _ in
                response.transactionStates.map { state in
                    guard state.errorCode == .none else {
                        return (state.transactionalID, .failure(ItemFailure(state.errorCode)))
                    }
                    let description = TransactionDescription(
                        transactionalID: state.transactionalID,
                        state: state.transactionState,
                        timeout: .milliseconds(state.transactionTimeoutMs),
                        startTime: state.transactionStartTimeMs,
                        producer: ProducerIdentity(producerID: state.producerID, epoch: state.producerEpoch),
                        partitions: state.topics.flatMap { topic in
                            topic.partitions.map { TopicPartition(topic: topic.topic, partition: $0) }
                        }
                    )
                    return (state.transactionalID, .success(description))
                }
            },
            describe: { id, failure in refused(failure.code, "The transactional id \(id) cannot be described") }
        )
    }

    /// Lists the transactional ids of all coordinators (Kafka 3.0 and later).
    public func listTransactions(
        states: [KafkaString] = [],
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> [ListedTransaction] {
        let deadline = self.deadline(deadline)
        let brokers = try await waitUntilConnected(deadline: deadline).brokers.keys.sorted()
        let results: [Int32: Result<[ListedTransaction], KafkaClientError>] = await fanOut(
            ListTransactionsRequest.self,
            keys: brokers,
            deadline: deadline,
            locate: { keys in Dictionary(uniqueKeysWithValues: keys.map { ($0, ItemLocation.broker($0)) }) },
            build: { _, _ throws(KafkaClientError) in
                var request = ListTransactionsRequest()
                request.stateFilters = states
                return request
            },
            parse: { response, brokers in
                brokers.map { broker in
                    guard response.errorCode == .none else {
                        return (broker, .failure(ItemFailure(response.errorCode)))
                    }
                    let found = response.transactionStates.map {
                        ListedTransaction(
                            transactionalID: $0.transactionalID,
                            producerID: $0.producerID,
                            state: $0.transactionState
                        )
                    }
                    return (broker, .success(found))
                }
            },
            describe: { _, failure in refused(failure.code, "The transactions cannot be listed") }
        )
        var all: [ListedTransaction] = []
        for result in results.values { all += try result.get() }
        return all.sorted { $0.transactionalID < $1.transactionalID }
    }
}
