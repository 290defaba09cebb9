package import MirrorModel
package import NIOCore

/// A snapshot of one flow, for people.
package struct FlowStatus: Sendable {
    /// What the flow as a whole is doing.
    package enum Phase: Sendable, Equatable {
        /// It talks to both clusters for the first time.
        case starting
        /// It cannot start yet; it tries again by itself.
        case waiting(reason: String)
        case running
        /// It finishes what was sent and writes progress.
        case stopping
        case stopped
        /// It has stopped by itself and does not begin again: another process has taken it over.
        case lost(reason: String)
        /// A policy ended it.
        case failed(reason: String)
    }

    package var pair: PropertyResolution.Pair
    package var phase: Phase
    /// What is in the way of a running flow and passes by itself: a cluster that does not answer, progress that cannot be
    /// written.
    package var impediments: [String]
    /// Selected topics of the source.
    package var topicCount: Int
    /// Topics that are not mirrored yet, or not wholly.
    package var waitingTopics: [WaitingTopic]
    package var partitions: [PartitionStatus]
    /// The sum over all partitions, those given up included.
    package var counters: PipelineCounters
    /// What becomes of the source's groups.
    package var groups: GroupReport
    /// When progress was last known to be written completely.
    package var progressWrittenAt: NIODeadline?
    /// Where the copy turned out to differ from its source, in this run.
    package var gaps = GapCounts()

    /// Partitions that are stopped, each with its reason.
    package var quarantinedCount: Int {
        partitions.count { if case .quarantined = $0.state { true } else { false } }
    }

    /// What is known of the records' places in the mirror, and how much of it was given up to save memory.
    package var offsets = FlowOffsets.Totals()
    /// Offset syncs that were written for MirrorMaker 2's clients.
    package var offsetSyncsWritten: Int64 = 0

    package var name: String { pair.description }

    /// Source records not mirrored yet; `nil` as long as nothing is known.
    package var lag: Int64? {
        let known = partitions.compactMap(\.lag)
        return known.isEmpty ? nil : known.reduce(0, +)
    }

    /// Whether everything that is there has been mirrored.
    package var isCaughtUp: Bool {
        phase == .running && waitingTopics.isEmpty && partitions.allSatisfy { $0.lag == 0 && $0.pendingBatches == 0 }
    }
}
