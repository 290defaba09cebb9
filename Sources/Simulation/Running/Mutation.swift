import Synchronization

/// A bug planted between the machines and what they talk to, to show that the checker finds it.
package enum Mutation: String, CaseIterable, Sendable {
    /// An acknowledgement does not reach its partition.
    case droppedAck
    /// An acknowledgement is taken for the next batch's.
    case ackOfWrongBatch
    /// The target's offset of a batch is one too high.
    case baseOffByOne
    /// Resumes with the record that was mirrored last.
    case resumeAtLast
    /// Resumes one record too late.
    case resumeTooLate
    /// Takes progress as it is, whatever the target holds.
    case noTailComparison
    /// Asks without leader epochs.
    case epochsIgnored
    /// Every batch has the sequence of the one before.
    case sequenceNotAdvanced
    /// Batches go out without the producer's id.
    case identityDropped
    case transactionalBitLeft
    case abortedForwarded
    case controlForwarded
    case crcNotPatched
    /// Progress tells of what was sent, not of what was acknowledged.
    case progressBeforeAck
    case progressOfAnotherPartition
    case mapOffByOne
    /// A restart forgets where older records went.
    case mapNotKept
    /// A request whose answer is lost counts as written.
    case lostAnswerIsSuccess
    /// A batch that was refused counts as written.
    case failureIsWritten
    case swappedPartitions
    /// Fetched bytes are not given back.
    case budgetLeak
    /// Reads on one record too late after a seek.
    case seekTooFar
    case gapNotReported
    case truncationNotReported
    case valueAltered
    case timestampAltered
    /// A topic that was made anew is taken for the old one.
    case topicIDIgnored
    /// A partition whose broker was lost is not looked for again.
    case leaderNotLookedUp
    /// Each process writes with a producer of its own.
    case producerNotContinued
    /// The producer of records that no progress tells of is not looked up.
    case producerNotFound
    /// A partition that begins again with another producer is not compared with its target.
    case startForgotten
    /// A process that another one has overtaken writes on.
    case ownerIgnored
    /// A commit that is refused counts.
    case lostCommitIsSuccess
    /// A commit without an answer is taken for the opposite of what it was.
    case uncertainCommitMisjudged
    /// The coordinator lets earlier epochs write on.
    case epochNotRaised
}

extension Mutation {
    /// Runs histories with the bug until one breaks a promise; returns the first that does.
    package func find(in seeds: Range<UInt64>, threads: Int) -> Simulator.Outcome? {
        let found = Mutex<Simulator.Outcome?>(nil)
        // Histories with lower seeds have begun before, and end before this does.
        _ = Simulator.run(seeds: seeds, threads: threads, mutation: self) {
            false
        } failed: { outcome in
            found.withLock { first in
                if outcome.seed < first?.seed ?? .max { first = outcome }
            }
            return false
        }
        return found.withLock { $0 }
    }
}
