package import KafkaProtocol

/// Why one partition is not mirrored at the moment, in words an operator can act on.
package struct QuarantineReason: Sendable, Hashable, CustomStringConvertible {
    /// The kind of trouble.
    package enum Code: String, Sendable, Hashable {
        /// A record is larger than the target accepts.
        case recordTooLarge
        /// The target finds something wrong with the records.
        case refusedByTarget
        /// The target does not let us write.
        case notAuthorized
        /// The target topic or partition is missing.
        case targetMissing
        /// The source data are damaged.
        case damagedData
        /// The source data are compressed in a way we do not know.
        case unknownCodec
        /// The target has lost records and we do not know where to go on.
        case targetLost
        /// The copy differs from its source, and the configuration says to stop then.
        case policy
    }

    package var code: Code
    /// Alias of the cluster where the cause is.
    package var cluster: String
    /// The partition at that cluster.
    package var partition: TopicPartition
    /// The source offset where mirroring stopped.
    package var sourceOffset: Int64
    /// The last offset of the batch in the way; nil when it is not known.
    package var batchEnd: Int64?
    package var message: String
    package var nextStep: String

    package init(
        _ code: Code,
        cluster: String,
        partition: TopicPartition,
        sourceOffset: Int64,
        message: String,
        nextStep: String
    ) {
        self.code = code
        self.cluster = cluster
        self.partition = partition
        self.sourceOffset = sourceOffset
        self.message = message
        self.nextStep = nextStep
    }

    package var description: String {
        "cluster \(cluster), partition \(partition), stopped at source offset \(sourceOffset): \(message). \(nextStep)"
    }
}
