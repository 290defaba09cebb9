import KafkaClient
import KafkaProtocol
import KafkaRecords
import Mirror
import MirrorModel
import NIOCore

/// One process at a time writes the flow's transactions: what `FlowOwnership` does, request by request.
extension MirrorProcess {
    static let transactionalID: KafkaString = "mirror-0"
    static let idPrefix = "mirror-"
    static let connector = "MirrorSourceConnector"
    static let ownerKey = OwnerRecord.key(cluster: "A", connector: connector)

    private var name: String { "process-\(number)" }

    static func progressKey(_ source: TopicPartition) -> [UInt8] {
        ConnectOffsetKey(connector: connector, subject: .source(cluster: "A", partition: source)).bytes
    }

    // MARK: Becoming the owner

    /// Becomes the owner, then loads what is committed; again and again until it succeeds or another one is.
    func claim() {
        let again = { self.later(.milliseconds(500)) { self.claim() } }
        initialize { identity in
            guard let identity else { return again() }
            self.readCommitted(waits: false) { committed in
                guard committed != nil else { return again() }
                self.writeClaim(identity) { isWritten in
                    guard isWritten else { return again() }
                    self.initialize { identity in
                        guard let identity else { return again() }
                        self.readCommitted(waits: true) { committed in
                            guard let committed else { return again() }
                            guard committed.owner?.owner == self.name else {
                                self.overthrown()
                                return
                            }
                            self.history.log.add(self.history.now, "owner", Int64(self.number))
                            self.beginTransactions(identity, committed.progress)
                        }
                    }
                }
            }
        }
    }

    /// Another process has the flow: this one ends.
    func overthrown() {
        history.log.add(history.now, "overthrown", Int64(number))
        if mutated(.ownerIgnored) { return }
        die()
        history.restart(after: history.milliseconds(60...1_500))
    }

    private func writeClaim(_ identity: ProducerIdentity, _ completion: @escaping (Bool) -> Void) {
        let partition = history.progressPartition(of: Self.ownerKey)
        add([partition], identity) { codes in
            guard let codes, codes.isEmpty else { return completion(false) }
            self.call(self.history.target[partition]?.leader) {
                let record = OwnerRecord(owner: self.name, ids: 1, idPrefix: Self.idPrefix)
                return self.history.writeInTransaction(partition, identity, Self.ownerKey, record.bytes)
            } _: { result in
                guard case .success(true) = result else { return completion(false) }
                self.endTransaction(identity) { completion($0 == ErrorCode.none) }
            }
        }
    }

    // MARK: Recovering

    /// Gets a new epoch after a transaction was lost, and what is committed; nil when the flow has another owner now.
    func recover(_ completion: @escaping ((ProducerIdentity, [TopicPartition: ProgressRecord])?) -> Void) {
        let again = { self.later(self.history.milliseconds(50...500)) { self.recover(completion) } }
        readCommitted(waits: false) { before in
            guard let before else { return again() }
            guard self.isMine(before.owner) else { return completion(nil) }
            self.initialize { identity in
                guard let identity else { return again() }
                self.readCommitted(waits: true) { committed in
                    guard let committed else { return again() }
                    guard self.isMine(committed.owner) else { return completion(nil) }
                    completion((identity, committed.progress))
                }
            }
        }
    }

    private func isMine(_ owner: OwnerRecord?) -> Bool { mutated(.ownerIgnored) || owner?.owner == name }

    /// Looks for a new owner, for a process that is overtaken while it has nothing to write.
    func watchOwner() {
        later(.seconds(3)) {
            self.call(self.history.plan.targetNodes.last) {
                self.history.committedProgress(waits: false)
            } _: { result in
                if case .success(.some(let committed)) = result, !self.isMine(committed.owner) {
                    self.overthrown()
                    return
                }
                self.watchOwner()
            }
        }
    }

    // MARK: Requests

    /// What is committed; waits for transactions that were open at the call.
    func readCommitted(waits: Bool, _ completion: @escaping (CommittedProgress?) -> Void) {
        let deadline = history.now + .seconds(30)
        var ends: [Int64]?
        func ask() {
            call(history.plan.targetNodes.last) { () -> CommittedProgress? in
                if ends == nil { ends = self.history.progressPartitions.map { self.history.target[$0]?.end ?? 0 } }
                return self.history.committedProgress(waits: waits, ends: ends)
            } _: { result in
                switch result {
                case .success(.some(let committed)): completion(committed)
                case _ where self.history.now > deadline: completion(nil)
                case .success(.none): self.later(.milliseconds(50)) { ask() }
                case .failure: completion(nil)
                }
            }
        }
        ask()
    }

    /// Asks the coordinator, as the client does, until it gives an answer that is not to be asked for again.
    private func coordinate<Value>(
        _ serve: @escaping () -> Coordinated<Value>,
        _ completion: @escaping (Coordinated<Value>) -> Void
    ) {
        let deadline = history.now + .seconds(15)
        func ask() {
            call(history.plan.targetNodes[0]) {
                self.history.strikes(.coordinatorError)
                    ? .failure(self.history.random.pick([.notCoordinator, .coordinatorLoadInProgress])) : serve()
            } _: { (result: Result<Coordinated<Value>, CallFailure>) in
                switch result {
                case .success(.success(let value)): completion(.success(value))
                case .success(.failure(let code)) where !code.isRetriable: completion(.failure(code))
                case .success(.failure), .failure:
                    guard self.history.now < deadline else { return completion(.failure(.networkException)) }
                    self.later(self.history.milliseconds(10...100)) { ask() }
                }
            }
        }
        ask()
    }

    func initialize(_ completion: @escaping (ProducerIdentity?) -> Void) {
        coordinate {
            self.history.initialize(Self.transactionalID, timeout: self.history.plan.transactionTimeout)
        } _: { result in
            completion(result.value)
        }
    }

    /// The codes of the partitions that are not added; nil when there was no answer.
    func add(
        _ partitions: Set<TopicPartition>,
        _ identity: ProducerIdentity,
        _ completion: @escaping ([TopicPartition: ErrorCode]?) -> Void
    ) {
        coordinate { () -> Coordinated<[TopicPartition: ErrorCode]> in
            let codes = self.history.add(partitions, to: Self.transactionalID, identity)
            let isWaitingFor = codes.values.first { $0.isRetriable && $0 != .unknownTopicOrPartition }
            return isWaitingFor.map { .failure($0) } ?? .success(codes)
        } _: { result in
            completion(result.value)
        }
    }

    func endTransaction(_ identity: ProducerIdentity, _ completion: @escaping (ErrorCode) -> Void) {
        coordinate {
            self.history.end(Self.transactionalID, identity, commits: true)
        } _: { result in
            switch result {
            case .success: completion(.none)
            case .failure(let code): completion(code)
            }
        }
    }
}
