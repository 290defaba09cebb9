package import KafkaProtocol

/// The transactional ids of a cluster.
package final class TransactionService {
    init() {}

    /// Whether a transactional batch may be appended: its partition must be part of the producer's open transaction.
    package func verify(
        transactionalID: KafkaString,
        producerID: Int64,
        producerEpoch: Int16,
        partition: TopicPartition
    ) -> ErrorCode {
        .none
    }
}
