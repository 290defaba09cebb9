import KafkaProtocol

/// What a transactional producer may do next; pure.
///
/// States: `uninitialized` until it has an identity; `ready` between transactions; `open` inside one; `ending` from the
/// request to its answer, and beyond when the answer was lost; `abortable` after an error that only an abort ends;
/// `failed` when this producer can never write again.
struct TransactionMachine: Sendable {
    struct Open: Sendable, Equatable {
        var partitions: Set<TopicPartition> = []
        var groups: Set<GroupID> = []

        /// Whether a request may have reached the coordinator although its answer did not reach us.
        var isUncertain = false

        /// Whether the coordinator knows of the transaction, or may know of it.
        var isRegistered: Bool { !partitions.isEmpty || !groups.isEmpty || isUncertain }
    }

    enum State: Sendable, Equatable {
        case uninitialized
        case ready
        case open(Open)
        case ending(commits: Bool, isUncertain: Bool)
        case abortable(Open, ErrorCode)
        case failed(ErrorCode)
    }

    enum End: Sendable, Equatable {
        /// The coordinator has nothing to end.
        case nothing
        /// With `toleratesNone` the coordinator may have no open transaction, which is as good as an abort.
        case send(commits: Bool, toleratesNone: Bool)
    }

    private(set) var state = State.uninitialized
    private(set) var identity: ProducerIdentity?

    mutating func initialized(_ identity: ProducerIdentity) {
        self.identity = identity
        state = .ready
    }

    /// Whether a new identity may be asked for; a fenced producer must not fence its successor.
    var mayInitialize: Bool {
        if case .failed = state { false } else { true }
    }

    mutating func begin() throws(KafkaClientError) {
        guard state == .ready else { throw unexpected("begin a transaction") }
        state = .open(Open())
    }

    /// The partitions that have to be announced before they are written to.
    func missing(_ partitions: some Sequence<TopicPartition>) throws(KafkaClientError) -> Set<TopicPartition> {
        guard case .open(let open) = state else { throw unexpected("write in a transaction") }
        return Set(partitions).subtracting(open.partitions)
    }

    func isMissing(_ group: GroupID) throws(KafkaClientError) -> Bool {
        guard case .open(let open) = state else { throw unexpected("commit offsets in a transaction") }
        return !open.groups.contains(group)
    }

    mutating func added(_ partitions: Set<TopicPartition>) {
        guard case .open(var open) = state else { return }
        open.partitions.formUnion(partitions)
        state = .open(open)
    }

    mutating func added(_ group: GroupID) {
        guard case .open(var open) = state else { return }
        open.groups.insert(group)
        state = .open(open)
    }

    /// A request or a record of the transaction failed for good.
    mutating func failed(_ code: ErrorCode) {
        switch code {
        case .producerFenced, .invalidProducerEpoch, .transactionCoordinatorFenced,
            .transactionalIDAuthorizationFailed, .invalidTxnState, .invalidProducerIDMapping:
            state = .failed(code)
        default:
            switch state {
            case .open(var open):
                open.isUncertain = true
                state = .abortable(open, code)
            case .ending where code == .transactionAbortable:
                state = .abortable(Open(isUncertain: true), code)
            case .uninitialized, .ready, .ending, .abortable, .failed: break
            }
        }
    }

    mutating func end(commits: Bool) throws(KafkaClientError) -> End {
        switch state {
        case .open(let open):
            guard open.isRegistered else {
                state = .ready
                return .nothing
            }
            state = .ending(commits: commits, isUncertain: false)
            return .send(commits: commits, toleratesNone: false)
        case .abortable(let open, _):
            guard !commits else { throw unexpected("commit the transaction") }
            guard open.isRegistered else {
                state = .ready
                return .nothing
            }
            state = .ending(commits: false, isUncertain: open.isUncertain)
            return .send(commits: false, toleratesNone: open.isUncertain)
        case .ending(let before, let isUncertain):
            // The answer was lost; asking again for the same end is safe, for the other end it is not.
            guard before == commits else { throw unexpected(commits ? "commit" : "abort") }
            return .send(commits: commits, toleratesNone: isUncertain)
        case .uninitialized, .ready, .failed:
            throw unexpected(commits ? "commit" : "abort")
        }
    }

    mutating func ended() {
        if case .ending = state { state = .ready }
    }

    private func unexpected(_ what: String) -> KafkaClientError {
        switch state {
        case .failed(let code):
            KafkaClientError(
                .fenced,
                "The producer can write no more and cannot \(what)",
                kafkaError: code,
                nextStep: "Begin with a new producer unless another one has taken over."
            )
        case .abortable(_, let code):
            KafkaClientError(
                .invalidState,
                "The transaction has failed and cannot \(what)",
                kafkaError: code,
                nextStep: "Abort the transaction."
            )
        case .uninitialized, .ready, .open, .ending:
            KafkaClientError(.invalidState, "The producer cannot \(what) now")
        }
    }
}
