import KafkaClient
import KafkaProtocol
import LocalKafka
import Testing

@Suite("Transactions", .timeLimit(.minutes(1)))
struct TransactionManagerTests {
    @Test("Producer ids are unique, and a transactional id keeps its own with growing epochs")
    func identities() async throws {
        try await withCluster(brokers: 2) { _, client in
            let one = try await client.initProducerID()
            let two = try await client.initProducerID()
            #expect(one.producerID != two.producerID)
            let first = try await client.initProducerID(transactionalID: "tx")
            let second = try await client.initProducerID(transactionalID: "tx")
            #expect(first.producerID == second.producerID)
            #expect(second.epoch > first.epoch)
        }
    }

    @Test("A coordinator that is still loading is waited for")
    func loading() async throws {
        try await withCluster { cluster, client in
            try await cluster.faults.inject(.initProducerID, count: 2, .error(.coordinatorLoadInProgress))
            try await cluster.faults.inject(.initProducerID, .error(.notCoordinator), skip: 2)
            let identity = try await client.initProducerID()
            #expect(identity.producerID >= 0)
        }
    }

    @Test("Offsets become visible with the commit and never after an abort")
    func offsets() async throws {
        try await withCluster(brokers: 2) { cluster, client in
            try await cluster.createTopic("t", partitions: 2)
            let manager = TransactionManager(client: client, transactionalID: "tx")
            #expect(throws: KafkaClientError.self) { try manager.begin() }
            try await manager.initialize()
            for (offset, commits) in [(Int64(5), true), (9, false)] {
                try manager.begin()
                #expect(manager.isOpen)
                try await manager.add([TopicPartition("t", 0), TopicPartition("t", 1)])
                try await manager.add([TopicPartition("t", 0)])
                try await manager.commitOffsets([TopicPartition("t", 0): .init(offset: offset)], of: "g")
                if commits { try await manager.commit() } else { try await manager.abort() }
                #expect(!manager.isOpen)
            }
            let read = try await client.groupOffsets(of: "g", requireStable: true)
            #expect(try read[TopicPartition("t", 0)]?.get().offset == 5)
            #expect(try await cluster.requestCount(.addPartitionsToTxn) == 2)
        }
    }

    @Test("A second producer fences the first")
    func fencing() async throws {
        try await withCluster { cluster, client in
            try await cluster.createTopic("t")
            let old = TransactionManager(client: client, transactionalID: "tx")
            try await old.initialize()
            try old.begin()
            try await old.add([TopicPartition("t", 0)])
            let new = TransactionManager(client: client, transactionalID: "tx")
            try await new.initialize()
            let error = await #expect(throws: KafkaClientError.self) { try await old.commit() }
            #expect(error?.code == .fenced)
            await #expect(throws: KafkaClientError.self) { try await old.initialize() }
            try new.begin()
            try await new.add([TopicPartition("t", 0)])
            try await new.commit()
        }
    }

    @Test("Errors that pass are repeated, and an unknown topic leaves the transaction to be aborted")
    func errors() async throws {
        try await withCluster { cluster, client in
            try await cluster.createTopic("t")
            let manager = TransactionManager(client: client, transactionalID: "tx")
            try await manager.initialize()
            try manager.begin()
            try await cluster.faults.inject(.addPartitionsToTxn, count: 2, .error(.concurrentTransactions))
            try await cluster.faults.inject(.endTxn, .closeAfter)
            try await manager.add([TopicPartition("t", 0)])
            try await manager.commit()
            #expect(try await cluster.faults.pending() == 0)

            try manager.begin()
            await #expect(throws: KafkaClientError.self) {
                try await manager.add([TopicPartition("missing", 0)], deadline: .after(.milliseconds(300)))
            }
            await #expect(throws: KafkaClientError.self) { try await manager.commit() }
            try await manager.abort()
            try manager.begin()
            try await manager.add([TopicPartition("t", 0)])
            try await manager.commit()
        }
    }
}
