import KafkaProtocol
import Testing

@testable import KafkaClient

@Suite("What a transactional producer may do next")
struct TransactionMachineTests {
    private let identity = ProducerIdentity(producerID: 1, epoch: 0)
    private let partition = TopicPartition(topic: "t", partition: 0)

    private func open() throws -> TransactionMachine {
        var machine = TransactionMachine()
        machine.initialized(identity)
        try machine.begin()
        return machine
    }

    @Test("From the identity to the commit")
    func commit() throws {
        var machine = TransactionMachine()
        #expect(throws: KafkaClientError.self) { try machine.begin() }
        machine.initialized(identity)
        try machine.begin()
        #expect(throws: KafkaClientError.self) { try machine.begin() }
        #expect(try machine.missing([partition]) == [partition])
        machine.added([partition])
        #expect(try machine.missing([partition]).isEmpty)
        #expect(try machine.isMissing("g"))
        machine.added("g")
        #expect(try !machine.isMissing("g"))
        #expect(try machine.end(commits: true) == .send(commits: true, toleratesNone: false))
        #expect(throws: KafkaClientError.self) { try machine.begin() }
        machine.ended()
        try machine.begin()
        // The next transaction begins with nothing announced.
        #expect(try machine.missing([partition]) == [partition])
    }

    @Test("A transaction nobody heard of needs no end")
    func empty() throws {
        var machine = try open()
        #expect(try machine.end(commits: true) == .nothing)
        try machine.begin()
        #expect(try machine.end(commits: false) == .nothing)
    }

    @Test("After an error only an abort is possible, and then the next transaction")
    func abortable() throws {
        var machine = try open()
        machine.added([partition])
        machine.failed(.topicAuthorizationFailed)
        #expect(throws: KafkaClientError.self) { try machine.missing([partition]) }
        #expect(throws: KafkaClientError.self) { try machine.end(commits: true) }
        #expect(try machine.end(commits: false) == .send(commits: false, toleratesNone: true))
        machine.ended()
        try machine.begin()
    }

    @Test("When nobody knows whether the coordinator heard of it, the abort is sent")
    func uncertain() throws {
        var machine = try open()
        machine.failed(.networkException)
        #expect(try machine.end(commits: false) == .send(commits: false, toleratesNone: true))
    }

    @Test("A lost answer to the end is asked for again, but not for the other end")
    func lostEnd() throws {
        var machine = try open()
        machine.added([partition])
        #expect(try machine.end(commits: true) == .send(commits: true, toleratesNone: false))
        machine.failed(.requestTimedOut)
        #expect(throws: KafkaClientError.self) { try machine.end(commits: false) }
        #expect(try machine.end(commits: true) == .send(commits: true, toleratesNone: false))
        machine.failed(.transactionAbortable)
        #expect(try machine.end(commits: false) == .send(commits: false, toleratesNone: true))
    }

    @Test(
        "A fenced producer never writes again",
        arguments: [ErrorCode.producerFenced, .invalidProducerEpoch, .invalidTxnState]
    )
    func fenced(code: ErrorCode) throws {
        var machine = try open()
        machine.added([partition])
        machine.failed(code)
        #expect(!machine.mayInitialize)
        #expect(throws: KafkaClientError.self) { try machine.end(commits: false) }
        let error = #expect(throws: KafkaClientError.self) { try machine.begin() }
        #expect(error?.code == .fenced)
        #expect(error?.kafkaError == code)
    }
}
