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
    /// A target that lost records keeps its old places in the map.
    case mapNotTruncated
    /// A request whose answer is lost counts as written.
    case lostAnswerIsSuccess
    /// A batch that was refused counts as written.
    case failureIsWritten
    case swappedPartitions
    /// Fetched bytes are not given back.
    case budgetLeak
    /// After a refusal it goes on behind what was refused.
    case refusalSkips
    /// Reads on one record too late after a seek.
    case seekTooFar
    /// The proof sees an old end of the target's log.
    case staleProof
    case gapNotReported
    case truncationNotReported
    case valueAltered
    case timestampAltered
    /// A topic that was made anew is taken for the old one.
    case topicIDIgnored
    /// A partition whose broker was lost is not looked for again.
    case leaderNotLookedUp
    /// A quarantined partition is never tried again.
    case quarantineForEver
}
