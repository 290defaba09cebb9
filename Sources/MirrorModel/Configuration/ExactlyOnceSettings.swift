package import KafkaProtocol

/// How a flow writes records and progress in transactions (`exactly.once.source.support = enabled`).
package struct ExactlyOnceSettings: Sendable, Equatable {
    /// The longest time from one commit to the next.
    package var intervalMs: Int64
    /// After this long the target's coordinator aborts a transaction that nobody ends.
    package var timeoutMs: Int64
    /// Transactional ids are this with the number of a shard behind it.
    package var idPrefix: String

    package init(intervalMs: Int64, timeoutMs: Int64 = 60_000, idPrefix: String) {
        // A transaction must be through long before its coordinator loses patience.
        self.intervalMs = max(1, min(intervalMs, timeoutMs / 3))
        self.timeoutMs = timeoutMs
        self.idPrefix = idPrefix
    }

    /// Reads the keys of a flow; nil when it writes without transactions.
    ///
    /// `preparing` is the first half of a rolling upgrade of Connect workers, in which MirrorMaker's tasks write without
    /// transactions still; so do we.
    init?(source: ConnectorSettings, worker: WorkerSettings, connectorName: String) {
        guard Self.support(worker) == "enabled" else { return nil }
        let interval =
            Self.number("transaction.boundary.interval.ms", source, worker)
            ?? worker.number("offset.flush.interval.ms") ?? 1000
        let timeout =
            source.properties["producer.override.transaction.timeout.ms"]
            ?? worker.properties["producer.transaction.timeout.ms"] ?? worker.properties["transaction.timeout.ms"]
        let group = worker.text("group.id") ?? "\(source.pair.source)-mm2"
        self.init(
            intervalMs: interval,
            timeoutMs: timeout.flatMap { Int64($0.trimmedAsJava) }.map { max($0, 1000) } ?? 60_000,
            // MirrorMaker's own ids: permissions that it has been given go on to hold.
            idPrefix: "\(group)-\(connectorName)-"
        )
    }

    /// The transactional id of a shard.
    package func transactionalID(_ shard: Int) -> KafkaString { KafkaString("\(idPrefix)\(shard)") }

    /// The value of `exactly.once.source.support`, which concerns all flows into a cluster.
    static func support(_ worker: WorkerSettings) -> String? {
        worker.text("exactly.once.source.support")?.lowercased()
    }

    private static func number(_ key: String, _ source: ConnectorSettings, _ worker: WorkerSettings) -> Int64? {
        (source.properties[key] ?? worker.properties[key]).flatMap { Int64($0.trimmedAsJava) }
    }
}
