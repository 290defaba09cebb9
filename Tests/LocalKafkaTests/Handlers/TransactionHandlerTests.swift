import KafkaProtocol
import LocalKafka
import NIOCore
import Testing

@Suite struct TransactionHandlerTests {
    private func start(
        _ client: RawClient,
        _ id: KafkaString? = "tx",
        timeout: Int32 = 60_000,
        version: Int16 = 4,
        fill: (inout InitProducerIdRequest) -> Void = { _ in }
    ) async throws -> InitProducerIdResponse {
        var request = InitProducerIdRequest()
        request.transactionalID = id
        request.transactionTimeoutMs = timeout
        fill(&request)
        return try await client.send(request, version: version)
    }

    private func add(
        _ client: RawClient,
        _ producer: InitProducerIdResponse,
        topic: TopicName = "t",
        version: Int16 = 3
    ) async throws -> ErrorCode {
        let response = try await client.send(
            AddPartitionsToTxnRequest.with {
                $0.v3AndBelowTransactionalID = "tx"
                $0.v3AndBelowProducerID = producer.producerID
                $0.v3AndBelowProducerEpoch = producer.producerEpoch
                $0.v3AndBelowTopics = [
                    .with {
                        $0.name = topic
                        $0.partitions = [0]
                    }
                ]
            },
            version: version
        )
        return response.resultsByTopicV3AndBelow[0].resultsByPartition[0].partitionErrorCode
    }

    private func produce(
        _ client: RawClient,
        _ producer: InitProducerIdResponse,
        _ value: String,
        sequence: Int32
    ) async throws -> ErrorCode {
        let batch = try Batch.make(
            [value],
            producerID: producer.producerID,
            epoch: producer.producerEpoch,
            sequence: sequence,
            isTransactional: true
        )
        let request = Batch.produce(batch, to: "t", transactionalID: "tx")
        return try await client.send(request, version: 9).only.errorCode
    }

    private func end(
        _ client: RawClient,
        _ producer: InitProducerIdResponse,
        commit: Bool,
        version: Int16 = 3
    ) async throws -> ErrorCode {
        let request = EndTxnRequest.with {
            $0.transactionalID = "tx"
            $0.producerID = producer.producerID
            $0.producerEpoch = producer.producerEpoch
            $0.committed = commit
        }
        return try await client.send(request, version: version).errorCode
    }

    private func read(_ client: RawClient, committedOnly: Bool) async throws -> FetchResponse.PartitionData {
        var request = Batch.fetch("t", offset: 0)
        request.isolationLevel = committedOnly ? 1 : 0
        return try await client.send(request, version: 11).only
    }

    @Test func everyVersionGivesAProducerID() async throws {
        try await withTestCluster { cluster in
            try await RawClient.with(cluster.address()) { client in
                var seen: Set<Int64> = []
                for version in InitProducerIdRequest.supportedVersions {
                    let plain = try await start(client, nil, version: version)
                    #expect(plain.errorCode == ErrorCode.none)
                    #expect(plain.producerEpoch == 0)
                    seen.insert(plain.producerID)
                    let transactional = try await start(client, version: version)
                    #expect(transactional.producerEpoch == version)
                }
                #expect(seen.count == InitProducerIdRequest.supportedVersions.count)
                let bad = try await start(client, timeout: 0)
                #expect(bad.errorCode == .invalidTransactionTimeout)
                #expect(bad.producerID == -1)
                #expect(try await start(client, "").errorCode == .invalidRequest)
            }
        }
    }

    @Test func committedRecordsShowAndAbortedOnesDoNot() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t", partitions: 1)
            try await RawClient.with(cluster.address()) { client in
                let producer = try await start(client)
                #expect(try await add(client, producer) == ErrorCode.none)
                #expect(try await produce(client, producer, "one", sequence: 0) == ErrorCode.none)
                let open = try await read(client, committedOnly: true)
                #expect(open.lastStableOffset == 0)
                #expect(try open.values().isEmpty)
                #expect(try await end(client, producer, commit: true) == ErrorCode.none)

                #expect(try await add(client, producer) == ErrorCode.none)
                #expect(try await produce(client, producer, "two", sequence: 1) == ErrorCode.none)
                #expect(try await end(client, producer, commit: false) == ErrorCode.none)

                let done = try await read(client, committedOnly: true)
                // A record, its marker, a record, its marker.
                #expect(done.highWatermark == 4)
                #expect(done.lastStableOffset == 4)
                #expect(done.abortedTransactions?.map(\.firstOffset) == [2])
                #expect(done.abortedTransactions?.map(\.producerID) == [producer.producerID])

                let described = try await client.send(
                    DescribeProducersRequest.with {
                        $0.topics = [
                            .with {
                                $0.name = "t"
                                $0.partitionIndexes = [0, 9]
                            }
                        ]
                    },
                    version: 0
                )
                let partitions = described.topics[0].partitions
                #expect(partitions[0].activeProducers.map(\.producerID) == [producer.producerID])
                #expect(partitions[0].activeProducers.map(\.lastSequence) == [1])
                #expect(partitions[1].errorCode == .unknownTopicOrPartition)
            }
        }
    }

    @Test func recordsOutsideOfATransactionAreRefused() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t", partitions: 1)
            try await RawClient.with(cluster.address()) { client in
                let producer = try await start(client)
                #expect(try await produce(client, producer, "x", sequence: 0) == .invalidTxnState)
                #expect(try await add(client, producer, topic: "unknown") == .unknownTopicOrPartition)
                #expect(try await end(client, producer, commit: true) == .invalidTxnState)
            }
        }
    }

    @Test func anOldProducerIsFencedInTheWordsOfTheVersion() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t", partitions: 1)
            try await RawClient.with(cluster.address()) { client in
                let old = try await start(client)
                _ = try await add(client, old)
                _ = try await produce(client, old, "x", sequence: 0)
                #expect(try await start(client).errorCode == .concurrentTransactions)
                let new = try await start(client)
                #expect(new.errorCode == ErrorCode.none)
                #expect(new.producerID == old.producerID)
                #expect(new.producerEpoch == old.producerEpoch + 2)

                for version in Int16(0)...3 {
                    let expected: ErrorCode = version < 2 ? .invalidProducerEpoch : .producerFenced
                    #expect(try await add(client, old, version: version) == expected)
                    #expect(try await end(client, old, commit: true, version: version) == expected)
                    let offsets = try await client.send(
                        AddOffsetsToTxnRequest.with {
                            $0.transactionalID = "tx"
                            $0.producerID = old.producerID
                            $0.producerEpoch = old.producerEpoch
                            $0.groupID = "g"
                        },
                        version: version
                    )
                    #expect(offsets.errorCode == expected)
                }
                #expect(try await produce(client, old, "late", sequence: 1) == .invalidProducerEpoch)
                for version in Int16(3)...5 {
                    let stale = try await start(client, version: version) {
                        $0.producerID = old.producerID
                        $0.producerEpoch = old.producerEpoch
                    }
                    #expect(stale.errorCode == (version < 4 ? .invalidProducerEpoch : .producerFenced))
                }
            }
        }
    }

    @Test func aTransactionThatLastsTooLongIsAborted() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t", partitions: 1)
            try await RawClient.with(cluster.address()) { client in
                let producer = try await start(client)
                #expect(try await add(client, producer) == ErrorCode.none)
                #expect(try await produce(client, producer, "x", sequence: 0) == ErrorCode.none)
                try await cluster.withCluster { $0.transactions.limit("tx", to: .milliseconds(1), in: $0) }
                // Waits for the marker that the coordinator writes by itself.
                var request = Batch.fetch("t", offset: 1, maxWaitMs: 30_000)
                request.isolationLevel = 1
                let marker = try await client.send(request, version: 11).only
                #expect(marker.lastStableOffset == 2)
                #expect(try await end(client, producer, commit: true) == .producerFenced)
            }
        }
    }

    @Test func markersThatTakeTimeShowAsConcurrentTransactions() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t", partitions: 1)
            try await cluster.withCluster { $0.transactions.markerDelay = .hours(1) }
            try await RawClient.with(cluster.address()) { client in
                let producer = try await start(client)
                _ = try await add(client, producer)
                #expect(try await end(client, producer, commit: true) == ErrorCode.none)
                #expect(try await end(client, producer, commit: true) == .concurrentTransactions)
                #expect(try await add(client, producer) == .concurrentTransactions)
                #expect(try await start(client).errorCode == .concurrentTransactions)
                let described = try await client.send(
                    DescribeTransactionsRequest.with { $0.transactionalIDs = ["tx", "nobody"] },
                    version: 0
                )
                #expect(described.transactionStates.map(\.transactionState) == ["PrepareCommit", ""])
                #expect(described.transactionStates.map(\.errorCode) == [.none, .transactionalIDNotFound])
                let listed = try await client.send(
                    ListTransactionsRequest.with { $0.stateFilters = ["PrepareCommit", "Odd"] },
                    version: 1
                )
                #expect(listed.transactionStates.map(\.transactionalID) == ["tx"])
                #expect(listed.unknownStateFilters == ["Odd"])
            }
        }
    }

    @Test func offsetsWaitForTheEndOfTheirTransaction() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t", partitions: 1)
            try await RawClient.with(cluster.address()) { client in
                let producer = try await start(client)
                func commit(_ offset: Int64, version: Int16 = 3) async throws -> ErrorCode {
                    let response = try await client.send(
                        TxnOffsetCommitRequest.with {
                            $0.transactionalID = "tx"
                            $0.groupID = "g"
                            $0.producerID = producer.producerID
                            $0.producerEpoch = producer.producerEpoch
                            $0.topics = [
                                .with {
                                    $0.name = "t"
                                    $0.partitions = [.with { $0.committedOffset = offset }]
                                }
                            ]
                        },
                        version: version
                    )
                    return response.topics[0].partitions[0].errorCode
                }
                func fetch() async throws -> OffsetFetchResponse.OffsetFetchResponsePartition {
                    let response = try await client.send(
                        OffsetFetchRequest.with {
                            $0.groupID = "g"
                            $0.requireStable = true
                            $0.topics = [
                                .with {
                                    $0.name = "t"
                                    $0.partitionIndexes = [0]
                                }
                            ]
                        },
                        version: 7
                    )
                    return response.topics[0].partitions[0]
                }
                #expect(try await commit(5) == .invalidTxnState)
                #expect(try await commit(5, version: 4) == .transactionAbortable)
                for (offset, isCommit, expected) in [(5, true, 5), (8, false, 5), (9, true, 9)]
                    as [(Int64, Bool, Int64)]
                {
                    let added = try await client.send(
                        AddOffsetsToTxnRequest.with {
                            $0.transactionalID = "tx"
                            $0.producerID = producer.producerID
                            $0.producerEpoch = producer.producerEpoch
                            $0.groupID = "g"
                        },
                        version: 3
                    )
                    #expect(added.errorCode == ErrorCode.none)
                    #expect(try await commit(offset) == ErrorCode.none)
                    #expect(try await fetch().errorCode == .unstableOffsetCommit)
                    #expect(try await end(client, producer, commit: isCommit) == ErrorCode.none)
                    #expect(try await fetch().committedOffset == expected)
                }
            }
        }
    }

    @Test func brokersCanVerifyPartitions() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t", partitions: 2)
            try await RawClient.with(cluster.address()) { client in
                let producer = try await start(client)
                _ = try await add(client, producer)
                for version in Int16(4)...5 {
                    let response = try await client.send(
                        AddPartitionsToTxnRequest.with {
                            $0.transactions = [
                                .with {
                                    $0.transactionalID = "tx"
                                    $0.producerID = producer.producerID
                                    $0.producerEpoch = producer.producerEpoch
                                    $0.verifyOnly = true
                                    $0.topics = [
                                        .with {
                                            $0.name = "t"
                                            $0.partitions = [0, 1]
                                        }
                                    ]
                                }
                            ]
                        },
                        version: version
                    )
                    let results = response.resultsByTransaction[0].topicResults[0].resultsByPartition
                    let missing: ErrorCode = version < 5 ? .invalidTxnState : .transactionAbortable
                    #expect(results.map(\.partitionErrorCode) == [.none, missing])
                }
            }
        }
    }
}
