package import KafkaProtocol
package import MirrorModel

/// What the control plane needs of the data path: one event loop that mirrors the partitions it is given.
package protocol PartitionMirroring: Sendable {
    /// Writes in transactions from now on; before the first assignment.
    func beginTransactions(_ context: TransactionContext) async
    /// Begins to mirror partitions that are not assigned anywhere yet.
    func assign(_ assignments: [PartitionAssignment]) async
    /// Stops a partition and says how far it came; `nil` when it had not begun.
    func revoke(_ partition: TopicPartition) async -> PartitionPosition?
    /// Takes nothing new, waits until what was sent is acknowledged or the time is over, and ends.
    func drain(patience: Duration) async
    /// How far each partition is mirrored; after `drain` as well.
    func positions() async -> [TopicPartition: PartitionPosition]
    /// The same for the partitions that have moved since the last call; for one caller.
    func takeMovedPositions() async -> [TopicPartition: PartitionPosition]
    func status() async -> [PartitionStatus]
    /// Only those that are quarantined.
    func stopped() async -> [PartitionStatus]
    /// The ledger holds a gap that was reported.
    func recorded(_ partition: TopicPartition, gapKey: [UInt8]) async
    /// Does with a stopped partition what somebody decided; returns why it cannot.
    func release(_ partition: TopicPartition, _ action: ReleaseOrder.Action) async -> String?
    /// The sum over all partitions, those revoked included.
    func totals() async -> PipelineCounters
    /// What happens to partitions, for one reader.
    var events: AsyncStream<PartitionEvent> { get }
}

extension PartitionMirroring {
    package func takeMovedPositions() async -> [TopicPartition: PartitionPosition] { await positions() }
}

extension Shard: PartitionMirroring {}
