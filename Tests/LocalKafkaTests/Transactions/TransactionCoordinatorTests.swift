import KafkaProtocol
import Testing

@testable import LocalKafka

/// A coordinator with a clock and ids of its own.
private struct TransactionScript {
    var coordinator = TransactionCoordinator()
    var now: Int64 = 1000
    var nextID: Int64 = 1

    mutating func start(
        _ id: KafkaString = "tx",
        timeout: Int32 = 60_000,
        expected: ProducerIdentity = .none
    ) -> (error: ErrorCode, producer: ProducerIdentity) {
        var next = nextID
        defer { nextID = next }
        return coordinator.initialize(id, timeout: timeout, expected: expected, now: now) {
            next += 1
            return next
        }
    }

    mutating func add(_ producer: ProducerIdentity, _ partition: Int32 = 0, _ id: KafkaString = "tx") -> ErrorCode {
        coordinator.add(
            id,
            producer: producer,
            partitions: [TopicPartition(topic: "t", partition: partition)],
            now: now
        )
    }

    mutating func end(_ producer: ProducerIdentity, commit: Bool) -> ErrorCode {
        coordinator.end("tx", producer: producer, commit: commit, now: now)
    }

    /// Writes the markers asked for, and says which they were.
    mutating func settle() -> [MarkerOrder] {
        let orders = coordinator.takeOrders()
        for order in orders { coordinator.markersWritten(order.transactionalID, now: now) }
        return orders
    }

    var state: Transaction.State? { coordinator.transactions["tx"]?.state }
}

@Suite struct TransactionCoordinatorTests {
    @Test func aTransactionCommits() {
        var script = TransactionScript()
        let (error, producer) = script.start()
        #expect(error == ErrorCode.none)
        #expect(producer.epoch == 0)
        #expect(script.add(producer) == ErrorCode.none)
        #expect(script.add(producer, 1) == ErrorCode.none)
        #expect(script.state == .ongoing)
        #expect(script.end(producer, commit: true) == ErrorCode.none)
        #expect(script.state == .prepareCommit)
        // Until the markers are written everybody has to wait.
        #expect(script.add(producer) == .concurrentTransactions)
        #expect(script.end(producer, commit: true) == .concurrentTransactions)
        #expect(script.end(producer, commit: false) == .invalidTxnState)
        #expect(script.start().error == .concurrentTransactions)
        let orders = script.settle()
        #expect(orders.map(\.isCommit) == [true])
        #expect(orders.first?.partitions.count == 2)
        #expect(script.state == .completeCommit)
        #expect(script.end(producer, commit: true) == ErrorCode.none)
        #expect(script.end(producer, commit: false) == .invalidTxnState)
        #expect(script.add(producer) == ErrorCode.none)
    }

    @Test func aTransactionAborts() {
        var script = TransactionScript()
        let producer = script.start().producer
        _ = script.add(producer)
        #expect(script.end(producer, commit: false) == ErrorCode.none)
        #expect(script.settle().map(\.isCommit) == [false])
        #expect(script.state == .completeAbort)
        #expect(script.end(producer, commit: true) == .invalidTxnState)
    }

    @Test func nothingToEndIsAnError() {
        var script = TransactionScript()
        let producer = script.start().producer
        #expect(script.end(producer, commit: true) == .invalidTxnState)
    }

    @Test func aNewOwnerFencesTheOldOne() {
        var script = TransactionScript()
        let old = script.start().producer
        _ = script.add(old)
        #expect(script.start().error == .concurrentTransactions)
        let orders = script.settle()
        #expect(orders.map(\.isCommit) == [false])
        #expect(orders.first?.producer == ProducerIdentity(id: old.id, epoch: 1))
        let (error, new) = script.start()
        #expect(error == ErrorCode.none)
        #expect(new == ProducerIdentity(id: old.id, epoch: 2))
        #expect(script.add(old) == .producerFenced)
        #expect(script.end(old, commit: true) == .producerFenced)
        #expect(script.add(new) == ErrorCode.none)
    }

    @Test func strangersAreTold() {
        var script = TransactionScript()
        let producer = script.start().producer
        #expect(script.add(ProducerIdentity(id: producer.id + 7, epoch: 0)) == .invalidProducerIDMapping)
        #expect(script.add(producer, 0, "other") == .invalidProducerIDMapping)
        #expect(script.add(producer, 0, "") == .invalidRequest)
        #expect(script.start(timeout: 0).error == .invalidTransactionTimeout)
        #expect(script.start(timeout: 900_001).error == .invalidTransactionTimeout)
    }

    @Test func aLongTransactionIsAborted() {
        var script = TransactionScript()
        let producer = script.start(timeout: 500).producer
        _ = script.add(producer)
        #expect(script.coordinator.nextDeadline == script.now + 500)
        script.now += 499
        script.coordinator.tick(now: script.now)
        #expect(script.state == .ongoing)
        script.now += 1
        script.coordinator.tick(now: script.now)
        #expect(script.settle().map(\.isCommit) == [false])
        #expect(script.state == .completeAbort)
        #expect(script.end(producer, commit: true) == .producerFenced)
        #expect(script.coordinator.nextDeadline == nil)
    }

    @Test func aProducerRaisesItsOwnEpoch() {
        var script = TransactionScript()
        let first = script.start().producer
        let (error, second) = script.start(expected: first)
        #expect(error == ErrorCode.none)
        #expect(second == ProducerIdentity(id: first.id, epoch: first.epoch + 1))
        // The same request again gets the same answer.
        #expect(script.start(expected: first).producer == second)
        let third = script.start(expected: second).producer
        #expect(third.epoch == second.epoch + 1)
        #expect(script.start(expected: first).error == .producerFenced)
        #expect(script.start(expected: ProducerIdentity(id: 999, epoch: 0)).error == .producerFenced)
    }

    @Test func anExhaustedEpochMeansANewProducerID() {
        var script = TransactionScript()
        var producer = script.start().producer
        let first = producer
        for _ in 0..<Int(Int16.max - 1) { producer = script.start(expected: producer).producer }
        #expect(producer == ProducerIdentity(id: first.id, epoch: Int16.max - 1))
        let next = script.start(expected: producer).producer
        #expect(next.id != first.id)
        #expect(next.epoch == 0)
    }

    @Test func onlyPartitionsOfTheTransactionVerify() {
        var script = TransactionScript()
        let producer = script.start().producer
        let inside = TopicPartition(topic: "t", partition: 0)
        #expect(script.coordinator.verify("tx", producer: producer, partition: inside) == .invalidTxnState)
        _ = script.add(producer)
        #expect(script.coordinator.verify("tx", producer: producer, partition: inside) == ErrorCode.none)
        let outside = TopicPartition(topic: "t", partition: 1)
        #expect(script.coordinator.verify("tx", producer: producer, partition: outside) == .invalidTxnState)
        let old = ProducerIdentity(id: producer.id, epoch: 9)
        #expect(script.coordinator.verify("tx", producer: old, partition: inside) == .producerFenced)
        #expect(script.coordinator.verify("tx", producer: producer, group: "g") == .invalidTxnState)
    }

    @Test func transactionsAreListedAndDescribed() {
        var script = TransactionScript()
        let producer = script.start().producer
        _ = script.add(producer, 3)
        _ = script.add(producer, 1)
        _ = script.start("zz")
        let entry = script.coordinator.describe("tx")
        #expect(entry.transactionState == "Ongoing")
        #expect(entry.transactionStartTimeMs == script.now)
        #expect(entry.topics.first?.partitions == [1, 3])
        #expect(script.coordinator.describe("nobody").errorCode == .transactionalIDNotFound)

        func ids(_ states: [KafkaString] = [], _ producers: [Int64] = [], _ duration: Int64 = -1) -> [KafkaString] {
            script.coordinator.list(states: states, producers: producers, minimumDuration: duration, now: 1500)
                .transactionStates.map(\.transactionalID)
        }
        #expect(ids() == ["tx", "zz"])
        #expect(ids(["Ongoing"]) == ["tx"])
        #expect(ids(["Nonsense"]).isEmpty)
        #expect(ids([], [producer.id]) == ["tx"])
        #expect(ids([], [], 400) == ["tx"])
        #expect(ids([], [], 600).isEmpty)
    }
}
