public import KafkaProtocol
import Synchronization

/// The transactions of one transactional id: its identity, what belongs to the open transaction, and its end.
///
/// It sends no records: whoever produces calls `add` before the first record for a partition and puts the identity and
/// the transactional flag into the batches. Calls run one after the other.
public final class TransactionManager: Sendable {
    public let transactionalID: KafkaString
    private let client: KafkaClient
    private let timeout: Duration
    private let lock = AsyncLock()
    private let machine = Mutex(TransactionMachine())

    /// - Parameter timeout: After this long the coordinator aborts a transaction by itself.
    public init(client: KafkaClient, transactionalID: KafkaString, timeout: Duration = .seconds(60)) {
        self.client = client
        self.transactionalID = transactionalID
        self.timeout = timeout
    }

    /// The identity to write with; nil before `initialize`.
    public var identity: ProducerIdentity? { machine.withLock { $0.identity } }

    /// Whether a transaction is open.
    public var isOpen: Bool {
        machine.withLock { machine in
            if case .open = machine.state { true } else { false }
        }
    }

    /// Gets an identity; fences earlier producers with the same transactional id and ends their open transaction.
    ///
    /// Called again it ends whatever is open and begins with a new epoch.
    @discardableResult
    public func initialize(deadline: Deadline? = nil) async throws(KafkaClientError) -> ProducerIdentity {
        let deadline = client.deadline(deadline)
        return try await lock.withLock { () throws(KafkaClientError) in
            let (mayInitialize, current) = machine.withLock { ($0.mayInitialize, $0.identity) }
            guard mayInitialize else {
                throw KafkaClientError(
                    .fenced,
                    "The producer can write no more",
                    cluster: client.name,
                    nextStep: "Begin with a new producer unless another one has taken over."
                )
            }
            let fresh: ProducerIdentity
            do throws(KafkaClientError) {
                fresh = try await client.initProducerID(
                    transactionalID: transactionalID,
                    transactionTimeout: timeout,
                    current: current,
                    deadline: deadline
                )
            } catch {
                throw noted(error)
            }
            machine.withLock { $0.initialized(fresh) }
            return fresh
        }
    }

    /// Begins a transaction; nothing is sent yet.
    public func begin() throws(KafkaClientError) {
        try machine.withLock { machine throws(KafkaClientError) in try machine.begin() }
    }

    /// Announces partitions before the first record is written to them; those announced before cost nothing.
    public func add(
        _ partitions: some Sequence<TopicPartition>,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) {
        let deadline = client.deadline(deadline)
        let wanted = Array(partitions)
        try await lock.withLock { () throws(KafkaClientError) in
            let missing = try machine.withLock { machine throws(KafkaClientError) in try machine.missing(wanted) }
            guard !missing.isEmpty else { return }
            let identity = try knownIdentity()
            let failures: [TopicPartition: ErrorCode]
            do throws(KafkaClientError) {
                failures = try await client.addToTransaction(
                    missing,
                    transactionalID: transactionalID,
                    identity: identity,
                    deadline: deadline
                )
            } catch {
                throw noted(error)
            }
            // The error of the one at fault says more than that the others were not attempted.
            let worst = failures.first { $0.value != .operationNotAttempted } ?? failures.first
            if let (partition, code) = worst {
                throw noted(
                    client.refused(
                        code,
                        "The partition cannot be added to the transaction",
                        topic: partition.topic,
                        partition: partition.partition
                    )
                )
            }
            machine.withLock { $0.added(missing) }
        }
    }

    /// Commits a group's offsets as part of the transaction.
    ///
    /// - Parameter member: The member whose generation the coordinator checks; nil for offsets managed from outside.
    public func commitOffsets(
        _ offsets: [TopicPartition: CommittedOffset],
        of group: GroupID,
        as member: GroupMemberIdentity? = nil,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) {
        let deadline = client.deadline(deadline)
        try await lock.withLock { () throws(KafkaClientError) in
            let identity = try knownIdentity()
            if try machine.withLock({ machine throws(KafkaClientError) in try machine.isMissing(group) }) {
                try await announce(group, identity, deadline: deadline)
            }
            try await sendOffsets(offsets, of: group, as: member, identity, deadline: deadline)
        }
    }

    private func announce(
        _ group: GroupID,
        _ identity: ProducerIdentity,
        deadline: Deadline
    ) async throws(KafkaClientError) {
        let transactionalID = transactionalID
        let response = try await call(
            AddOffsetsToTxnRequest.self,
            .coordinator(.transaction(transactionalID)),
            deadline: deadline,
            errorCode: { $0.errorCode },
            build: { _ in
                var request = AddOffsetsToTxnRequest()
                request.transactionalID = transactionalID
                request.producerID = identity.producerID
                request.producerEpoch = identity.epoch
                request.groupID = group
                return request
            }
        )
        guard response.errorCode == .none else {
            throw noted(
                client.refused(response.errorCode, "The group cannot be added to the transaction", group: group)
            )
        }
        machine.withLock { $0.added(group) }
    }

    private func sendOffsets(
        _ offsets: [TopicPartition: CommittedOffset],
        of group: GroupID,
        as member: GroupMemberIdentity?,
        _ identity: ProducerIdentity,
        deadline: Deadline
    ) async throws(KafkaClientError) {
        let transactionalID = transactionalID
        let response = try await call(
            TxnOffsetCommitRequest.self,
            .coordinator(.group(group)),
            // With version 5 the coordinator takes the group into the transaction by itself (KIP-890, part 2).
            maximumVersion: 4,
            deadline: deadline,
            errorCode: { response in
                let codes = response.topics.flatMap(\.partitions).map(\.errorCode)
                return codes.first { $0.recovery.isRetriable } ?? .none
            },
            build: { version in
                var request = TxnOffsetCommitRequest()
                request.transactionalID = transactionalID
                request.groupID = group
                request.producerID = identity.producerID
                request.producerEpoch = identity.epoch
                if version >= 3, let member {
                    request.generationID = member.generationID
                    request.memberID = member.memberID
                    request.groupInstanceID = member.instanceID
                }
                request.topics = offsets.keys.groupedByTopic().map { topic, indices in
                    var entry = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic()
                    entry.name = topic
                    entry.partitions = indices.map { index in
                        let offset = offsets[TopicPartition(topic: topic, partition: index)]
                        var partition = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition()
                        partition.partitionIndex = index
                        partition.committedOffset = offset?.offset ?? -1
                        partition.committedMetadata = offset?.metadata ?? ""
                        if version >= 2 { partition.committedLeaderEpoch = offset?.leaderEpoch ?? -1 }
                        return partition
                    }
                    return entry
                }
                return request
            }
        )
        for topic in response.topics {
            for partition in topic.partitions where partition.errorCode != .none {
                throw noted(
                    client.refused(
                        partition.errorCode,
                        "The offset cannot be committed in the transaction",
                        topic: topic.name,
                        partition: partition.partitionIndex,
                        group: group
                    )
                )
            }
        }
    }

    /// Makes everything in the transaction visible; to be called when all its records are acknowledged.
    ///
    /// When the outcome stays unknown, calling it again is safe.
    public func commit(deadline: Deadline? = nil) async throws(KafkaClientError) {
        try await end(commits: true, deadline: deadline)
    }

    /// Takes everything in the transaction back.
    public func abort(deadline: Deadline? = nil) async throws(KafkaClientError) {
        try await end(commits: false, deadline: deadline)
    }

    /// Tells that a record of the transaction was refused, so that it can only be aborted.
    public func recordFailed(_ code: ErrorCode) {
        machine.withLock { $0.failed(code) }
    }

    private func end(commits: Bool, deadline: Deadline?) async throws(KafkaClientError) {
        let deadline = client.deadline(deadline)
        try await lock.withLock { () throws(KafkaClientError) in
            let end = try machine.withLock { machine throws(KafkaClientError) in try machine.end(commits: commits) }
            guard case .send(let commits, let toleratesNone) = end else { return }
            let identity = try knownIdentity()
            let code: ErrorCode
            do throws(KafkaClientError) {
                code = try await client.endTransaction(
                    transactionalID: transactionalID,
                    identity: identity,
                    commits: commits,
                    deadline: deadline
                )
            } catch {
                throw noted(error)
            }
            let isNone = toleratesNone && code == .invalidTxnState
            guard code == .none || isNone else {
                throw noted(
                    client.refused(
                        code,
                        commits ? "The transaction cannot be committed" : "The transaction cannot be aborted"
                    )
                )
            }
            machine.withLock { $0.ended() }
        }
    }

    private func knownIdentity() throws(KafkaClientError) -> ProducerIdentity {
        guard let identity else {
            throw KafkaClientError(.invalidState, "The producer has no identity yet", cluster: client.name)
        }
        return identity
    }

    /// A call whose failure counts for the transaction.
    private func call<R: KafkaRequest>(
        _ type: R.Type,
        _ route: Route,
        maximumVersion: Int16? = nil,
        deadline: Deadline,
        errorCode: (R.Response) -> ErrorCode,
        build: (Int16) throws(KafkaClientError) -> R
    ) async throws(KafkaClientError) -> R.Response {
        do throws(KafkaClientError) {
            return try await client.call(
                R.self,
                route,
                maximumVersion: maximumVersion,
                deadline: deadline,
                errorCode: errorCode,
                build: build
            )
        } catch {
            throw noted(error)
        }
    }

    /// Remembers what an error means for the transaction.
    private func noted(_ error: KafkaClientError) -> KafkaClientError {
        machine.withLock { $0.failed(error.kafkaError ?? .networkException) }
        return error
    }
}
