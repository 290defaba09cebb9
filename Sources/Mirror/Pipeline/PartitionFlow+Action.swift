package import KafkaClient
package import KafkaProtocol
package import KafkaRecords

extension PartitionFlow {
    /// What the shard has to do.
    package enum Action: Sendable {
        /// Tell the producer that batches wait.
        case ready(bytes: Int)
        case release(FetchLease)
        /// `epoch` is that of the batch before the position; -1 when it is not known.
        case seek(StartPosition, topicID: KafkaUUID?, epoch: Int32)
        case setFetching(Bool)
        /// Encode again, then call `rebuilt`.
        case rebuild(ticket: UInt64, [ScannedBatch], BatchRebuilder)
        /// Let the producer go on after a refusal, with this identity and sequence number; nil for a new identity.
        case resumeProducing(ProducerStamp?)
        /// Ask for the target's log end, then call `proven` or `notProven`.
        case queryTarget(generation: UInt64)
        /// Nothing is out any more after `drain`.
        case drained
        case report(PartitionEvent)
    }
}
