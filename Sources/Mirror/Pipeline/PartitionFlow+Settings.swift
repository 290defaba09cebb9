package import KafkaRecords
package import MirrorModel
package import NIOCore

extension PartitionFlow {
    /// How a flow behaves.
    package struct Settings: Sendable {
        /// Names of the clusters in messages.
        package var sourceAlias = "source"
        package var targetAlias = "target"
        /// Who we are at the clusters, where that is known.
        package var sourcePrincipal: String?
        package var targetPrincipal: String?
        package var planner = BatchPlanner.Settings()
        /// Read committed data only.
        package var isReadCommitted = false
        /// Batches are written in transactions of the shard; what is acknowledged is told when it is committed.
        package var isTransactional = false
        /// Batches smaller than this are always joined when several wait; the limit grows with the distance.
        package var coalesceBelow = 8 << 10
        /// The same limit where a request would hold little else: a request costs as much as copying a large part of it.
        package var coalesceAlone = 64 << 10
        /// Compressed batches smaller than this are joined close by: what compressing them again costs, by codec, is less than
        /// what a batch costs in a request.
        package var recompressBelow: [CompressionCodec: Int] = [.lz4: 4 << 10, .snappy: 4 << 10, .zstd: 1 << 10]
        /// How large joined batches become close by: larger ones save no more, and leave the processor's caches.
        package var coalesceNearUpTo = 256 << 10
        /// How large joined batches become; just below what a topic accepts by default.
        package var coalesceUpTo = 1_000_000
        /// The rate in bytes per second that one partition should reach in spite of the distance.
        package var rateGoal = 50_000_000
        /// From this distance on small compressed batches are joined too.
        package var farAway = TimeAmount.milliseconds(20)
        /// Batches looked at before their turn.
        package var plannedAhead = 128
        /// First and longest pause before a quarantined partition is tried again.
        package var quarantinePause: TimeAmount = .seconds(5)
        package var quarantinePauseMaximum: TimeAmount = .minutes(1)
        /// What happens when the copy turns out to differ from its source.
        package var policies = IntegrityPolicies()
        /// Somebody writes gaps into the ledger and says when that is done; else the partition goes on at once.
        package var keepsLedger = false
        /// How long an open transaction of the source may hold everything up before it is told.
        package var openTransactionPatience: TimeAmount = .minutes(1)
        /// Pause before the target is asked again for its log end.
        package var proofPause: TimeAmount = .seconds(1)
        /// Whoever assigned the partition finds out anew where it goes on when somebody else has written in our place.
        package var yieldsWhenOvertaken = false

        package init() {}
    }
}
