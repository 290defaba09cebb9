import Foundation
package import KafkaClient
package import KafkaProtocol
import KafkaRecords
package import Logging
package import MirrorModel
import NIOCore

/// Sees to it that one process at a time writes a flow's transactions.
///
/// # Overview
/// Each shard writes under a transactional id of its own, numbered from 0. Ids alone fence an owner of the same
/// partition only as long as both spread partitions over ids alike, so the flow as a whole has an owner: the process whose
/// `OwnerRecord` was committed last. To become the owner a process
/// 1. initialises id 0, which fences whoever was becoming the owner,
/// 2. reads how many ids the last owner had, and commits a record of its own under id 0,
/// 3. initialises all these ids and its own: what was open is aborted, earlier epochs can write no more,
/// 4. reads owner and progress, waiting for every transaction that began before. Only if it still is the owner it writes.
///
/// # Recovery
/// After any failure a shard does 3 and 4 for its own id, so a transaction that timed out or that a coordinator lost is
/// written again, and one whose end nobody knows is decided before progress is read. A process that was overtaken finds
/// another owner there, and stops.
package actor FlowOwnership {
    /// What a shard may write under, and what is committed.
    package struct Grant: Sendable {
        package var identity: ProducerIdentity
        package var transactionalID: KafkaString
        package var progress: [TopicPartition: ProgressRecord]
    }

    package nonisolated let settings: ExactlyOnceSettings
    package nonisolated let store: ProgressStore
    package nonisolated let client: KafkaClient
    /// Yields once, with the reason, when another process has taken over.
    package nonisolated let losses: AsyncStream<String>
    private let lossSink: AsyncStream<String>.Continuation
    private let name: String
    private let logger: Logger
    private var ids = 0
    private var loss: String?
    private var isClosed = false
    private var recentFences: [ContinuousClock.Instant] = []
    private var toldAt: ContinuousClock.Instant?

    /// - Parameter client: the target cluster.
    package init(settings: ExactlyOnceSettings, client: KafkaClient, store: ProgressStore, logger: Logger) {
        self.settings = settings
        self.client = client
        self.store = store
        self.logger = logger
        name = UUID().uuidString.lowercased()
        (losses, lossSink) = AsyncStream.makeStream()
    }

    /// Becomes the owner; earlier ones can commit nothing any more when this returns.
    package func claim(ids: Int, deadline: Deadline) async throws -> [Grant] {
        self.ids = ids
        let earlier = try await writeClaim(deadline: deadline)
        var wanted = (0..<ids).map { settings.transactionalID($0) }
        if let earlier {
            wanted += (0..<earlier.ids).map { KafkaString("\(earlier.idPrefix)\($0)") }
        }
        let identities = try await initialize(Set(wanted), deadline: deadline)
        let committed = try await store.committed(waitsForTransactions: true, deadline: deadline)
        guard committed.owner?.owner == name else {
            lose("another process has taken the flow over while this one started")
            throw KafkaClientError(.fenced, "Another process has taken the flow over", cluster: client.name)
        }
        return (0..<ids).compactMap { shard in
            let id = settings.transactionalID(shard)
            return identities[id].map { Grant(identity: $0, transactionalID: id, progress: committed.progress) }
        }
    }

    /// Commits that this process owns the flow, and returns who did before.
    private func writeClaim(deadline: Deadline) async throws -> OwnerRecord? {
        let manager = TransactionManager(
            client: client,
            transactionalID: settings.transactionalID(0),
            timeout: .milliseconds(settings.timeoutMs)
        )
        // The topic has to be there first.
        _ = try await store.committed(waitsForTransactions: false, deadline: deadline)
        try await manager.initialize(deadline: deadline)
        let before = try await store.committed(waitsForTransactions: false, deadline: deadline).owner
        let mine = OwnerRecord(owner: name, ids: ids, idPrefix: settings.idPrefix)
        try manager.begin()
        try await store.write(mine, in: manager, deadline: deadline)
        try await manager.commit(deadline: deadline)
        return before
    }

    private func initialize(
        _ ids: Set<KafkaString>,
        deadline: Deadline
    ) async throws -> [KafkaString: ProducerIdentity] {
        try await withThrowingTaskGroup(of: (KafkaString, ProducerIdentity).self) { group in
            for id in ids { group.addTask { (id, try await self.initialize(id, deadline: deadline)) } }
            var result: [KafkaString: ProducerIdentity] = [:]
            for try await (id, identity) in group { result[id] = identity }
            return result
        }
    }

    private nonisolated func initialize(
        _ id: KafkaString,
        deadline: Deadline
    ) async throws(KafkaClientError) -> ProducerIdentity {
        try await client.initProducerID(
            transactionalID: id,
            transactionTimeout: .milliseconds(settings.timeoutMs),
            deadline: deadline
        )
    }

    /// Gets a new epoch for a shard whose transaction is lost, and what is committed; tries until it succeeds.
    ///
    /// - Parameter wasFenced: The broker says that the shard's epoch is not the newest one.
    /// - Returns: Nil when the flow has another owner now, or ends.
    package func recover(shard: Int, reason: String, wasFenced: Bool) async -> Grant? {
        if wasFenced { countFence() }
        var pause = Duration.milliseconds(50)
        while loss == nil, !isClosed {
            do {
                let deadline = Deadline.after(.seconds(30))
                if let grant = try await tryRecover(shard: shard, deadline: deadline) { return grant }
            } catch {
                tell("\(error)")
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(2))
        }
        return nil
    }

    private func tryRecover(shard: Int, deadline: Deadline) async throws -> Grant? {
        // First a look, so that a process that was overtaken does not disturb its successor.
        let before = try await store.committed(waitsForTransactions: false, deadline: deadline)
        guard isMine(before.owner) else { return nil }
        if before.owner == nil {
            // The topic was deleted: progress is written there anew by all shards.
            _ = try await writeClaim(deadline: deadline)
        }
        let id = settings.transactionalID(shard)
        let identity = try await initialize(id, deadline: deadline)
        let committed = try await store.committed(waitsForTransactions: true, deadline: deadline)
        guard isMine(committed.owner), committed.owner != nil else { return nil }
        toldAt = nil
        return Grant(identity: identity, transactionalID: id, progress: committed.progress)
    }

    /// Looks for a new owner until cancelled, for a process that was overtaken while it had nothing to write: no broker
    /// refuses anything of it.
    package func watch(every interval: Duration = .seconds(3)) async {
        let reader = CompactedTopicReader(client: client, topic: store.topicName)
        let key = store.ownerKey
        while loss == nil, !isClosed, !Task.isCancelled {
            do {
                var newest: OwnerRecord?
                try await reader.readToEnd(deadline: .after(.seconds(30))) { item in
                    guard let value = item.record.value, item.record.key?.readableBytesView.elementsEqual(key) == true
                    else { return }
                    newest = OwnerRecord(bytes: value.readableBytesView) ?? newest
                }
                _ = isMine(newest)
            } catch {
                // Whoever has something to write tells what is wrong with the topic.
                logger.debug("cannot look for another owner", metadata: ["reason": "\(error)"])
            }
            try? await Task.sleep(for: interval)
        }
    }

    private func isMine(_ owner: OwnerRecord?) -> Bool {
        guard let owner, owner.owner != name else { return true }
        lose("another kafka-mirror process has taken the flow over")
        return false
    }

    /// Somebody who leaves no owner record, such as MirrorMaker 2, may use the same ids.
    private func countFence() {
        let now = ContinuousClock.now
        recentFences = recentFences.filter { now - $0 < .seconds(60) } + [now]
        guard recentFences.count > max(10, ids * 5) else { return }
        lose("another producer keeps using the transactional ids \(settings.idPrefix)0 and on")
    }

    private func lose(_ reason: String) {
        guard loss == nil else { return }
        loss = reason
        lossSink.yield(reason)
        lossSink.finish()
    }

    /// Ends waiting recoveries.
    package func close() {
        isClosed = true
        lossSink.finish()
    }

    private func tell(_ reason: String) {
        let now = ContinuousClock.now
        if let toldAt, now - toldAt < .seconds(30) { return }
        toldAt = now
        logger.warning("transactions cannot be written, trying again", metadata: ["reason": "\(reason)"])
    }
}
